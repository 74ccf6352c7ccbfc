package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/fault"
)

const testKey = "eoc/_/undated/x y+z.json"

func TestCreateAndRead(t *testing.T) {
	_, config := startS3(t)
	b := s3.New(config, "reports")
	for _, step := range []struct {
		body, hash string
		created    bool
	}{{"one", "h1", true}, {"one again", "h1", true}, {"two", "h2", false}} {
		if created, err := b.Create(t.Context(), testKey, []byte(step.body), step.hash); err != nil || created != step.created {
			t.Errorf("Create of %q with the hash %s returned %v, %v; want %v", step.body, step.hash, created, err, step.created)
		}
	}
	body, written, err := b.Read(t.Context(), testKey)
	if string(body) != "one" || written.IsZero() || err != nil {
		t.Errorf("Read returned %q, written at %v, %v; want the first body and a time", body, written, err)
	}
	if _, _, err := b.Read(t.Context(), "eoc/nothing"); !fault.Is(err, fault.NotFound) {
		t.Errorf("the error for a missing object is %v, want NotFound", err)
	}
}

func TestCreateThroughFaults(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MB, sent again on every try
	for name, c := range map[string]struct {
		rule rule
		seen string
	}{
		"slow down twice":         {onRequests(1, 2, respondError(503, "SlowDown")), "PUT PUT PUT"},
		"internal error":          {onRequests(1, 1, respondError(500, "InternalError")), "PUT PUT"},
		"another PUT in progress": {onRequests(1, 2, respondError(409, "ConditionalRequestConflict")), "PUT PUT PUT"},
		"the reply is lost":       {afterRequest(1, dropConnection), "PUT PUT HEAD"},
		"the reply is a 500":      {afterRequest(1, respondError(500, "InternalError")), "PUT PUT HEAD"},
		"the connection is cut":   {onRequests(1, 1, dropConnection), "PUT PUT"},
		"no answer":               {onRequests(1, 1, neverAnswer), "PUT PUT"},
		"412, then deleted":       {onRequests(1, 1, respondError(412, "PreconditionFailed")), "PUT HEAD PUT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, body := range [][]byte{[]byte(`{"small":true}`), large} {
				s, config := startS3(t)
				s.setRule(c.rule)
				b := s3.New(config, "reports")
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
				defer cancel()
				if created, err := b.Create(ctx, testKey, body, "h"); err != nil || !created {
					t.Fatalf("Create returned %v, %v after the requests %v; want true", created, err, s.methods())
				}
				if got := strings.Join(s.methods(), " "); got != c.seen {
					t.Errorf("S3 saw %s, want %s", got, c.seen)
				}
				s.setRule(nil)
				if got, _, err := b.Read(t.Context(), testKey); err != nil || !bytes.Equal(got, body) {
					t.Errorf("the object has %d bytes, %v; want the %d that were written", len(got), err, len(body))
				}
			}
		})
	}
}

func TestCreateStopsAtDeadline(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{"slow down": respondError(503, "SlowDown"), "no answer": neverAnswer} {
		t.Run(name, func(t *testing.T) {
			s, config := startS3(t)
			s.setRule(onEveryRequest(answer))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			if _, err := s3.New(config, "reports").Create(ctx, testKey, []byte("{}"), "h"); err == nil {
				t.Error("Create reports success although S3 never accepted the object")
			}
			if took := time.Since(start); took > 2*time.Second {
				t.Errorf("Create ended after %v, want about 1 s", took)
			}
			if name == "slow down" && len(s.methods()) < 3 {
				t.Errorf("Create gave up after %d tries, want it to retry until the deadline", len(s.methods()))
			}
		})
	}
}

func TestCreateDoesNotRetryForbidden(t *testing.T) {
	s, config := startS3(t)
	s.setRule(onEveryRequest(respondError(403, "AccessDenied")))
	if _, err := s3.New(config, "reports").Create(t.Context(), testKey, []byte("{}"), "h"); err == nil || !slices.Equal(s.methods(), []string{"PUT"}) {
		t.Errorf("Create returned %v after the requests %v, want an error after one PUT", err, s.methods())
	}
}

func TestConcurrentCreatesHaveOneWinner(t *testing.T) {
	_, config := startS3(t)
	b := s3.New(config, "reports")
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[string]bool{}
	for i := range 40 {
		hash := string(rune('a' + i%2))
		wg.Go(func() {
			created, err := b.Create(t.Context(), testKey, []byte(hash), hash)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if before, ok := won[hash]; ok && before != created {
				t.Errorf("Create of the content %s returned both true and false", hash)
			}
			won[hash] = created
		})
	}
	wg.Wait()
	body, _, err := b.Read(t.Context(), testKey)
	if err != nil || !won[string(body)] || won["a"] == won["b"] {
		t.Errorf("the object holds %s, and created was %v, %v; want true for its content alone", body, won, err)
	}
}

func TestReadFails(t *testing.T) {
	s, config := startS3(t)
	s.setRule(onEveryRequest(respondError(403, "AccessDenied")))
	if _, _, err := s3.New(config, "reports").Read(t.Context(), testKey); err == nil || fault.Is(err, fault.NotFound) {
		t.Errorf("the error is %v, want one other than NotFound", err)
	}
	b := s3.New(func() (aws.Config, error) { return aws.Config{}, errors.New("no region") }, "reports")
	if _, err := b.Create(t.Context(), testKey, nil, ""); err == nil || !strings.Contains(err.Error(), "no region") {
		t.Errorf("the error is %v, want the configuration's", err)
	}
	s.setRule(func(*http.Request, int) (http.HandlerFunc, bool) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "cut off")
			panic(http.ErrAbortHandler)
		}, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, _, err := s3.New(config, "reports").Read(ctx, testKey); err == nil {
		t.Error("Read returned an object whose transfer was cut off")
	}
}

// Any answer of S3 opens the connection, also one that denies access.
func TestOpen(t *testing.T) {
	server, config := startS3(t)
	if err := s3.New(config, "reports").Open(t.Context()); err != nil {
		t.Errorf("no such object: %v", err)
	}
	server.setRule(onEveryRequest(respondError(http.StatusForbidden, "AccessDenied")))
	if err := s3.New(config, "reports").Open(t.Context()); err != nil {
		t.Errorf("access denied: %v", err)
	}
	server.setRule(onEveryRequest(dropConnection))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s3.New(config, "reports").Open(ctx); err == nil {
		t.Error("without an answer: no error")
	}
}
