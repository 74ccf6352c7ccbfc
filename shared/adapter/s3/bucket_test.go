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
			t.Errorf("%s: %v, %v", step.body, created, err)
		}
	}
	body, written, err := b.Read(t.Context(), testKey)
	if string(body) != "one" || written.IsZero() || err != nil {
		t.Errorf("read %q of %v, %v", body, written, err)
	}
	if _, _, err := b.Read(t.Context(), "eoc/nothing"); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestCreateThroughFaults(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789abcdef"), 5<<16) // 5 MB, read again for every try
	for name, c := range map[string]struct {
		rule func(r *http.Request, n int) (http.HandlerFunc, bool)
		seen string
	}{
		"slow down twice": {func(_ *http.Request, n int) (http.HandlerFunc, bool) {
			return map[bool]http.HandlerFunc{true: respondError(503, "SlowDown")}[n <= 2], false
		}, "PUT PUT PUT"},
		"internal error": {func(_ *http.Request, n int) (http.HandlerFunc, bool) {
			return map[bool]http.HandlerFunc{true: respondError(500, "InternalError")}[n == 1], false
		}, "PUT PUT"},
		"another PUT under way": {func(_ *http.Request, n int) (http.HandlerFunc, bool) {
			return map[bool]http.HandlerFunc{true: respondError(409, "ConditionalRequestConflict")}[n <= 2], false
		}, "PUT PUT PUT"},
		"the reply is lost": {func(_ *http.Request, n int) (http.HandlerFunc, bool) {
			return map[bool]http.HandlerFunc{true: dropConnection}[n == 1], true
		}, "PUT PUT HEAD"},
		"the reply is a 500": {func(_ *http.Request, n int) (http.HandlerFunc, bool) {
			return map[bool]http.HandlerFunc{true: respondError(500, "InternalError")}[n == 1], true
		}, "PUT PUT HEAD"},
		"the connection is cut": {func(_ *http.Request, n int) (http.HandlerFunc, bool) {
			return map[bool]http.HandlerFunc{true: dropConnection}[n == 1], false
		}, "PUT PUT"},
		"no answer": {func(_ *http.Request, n int) (http.HandlerFunc, bool) {
			return map[bool]http.HandlerFunc{true: neverAnswer}[n == 1], false
		}, "PUT PUT"},
		"refused, then deleted": {func(_ *http.Request, n int) (http.HandlerFunc, bool) {
			return map[bool]http.HandlerFunc{true: respondError(412, "PreconditionFailed")}[n == 1], false
		}, "PUT HEAD PUT"},
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
					t.Fatalf("%v, %v after %v", created, err, s.methods())
				}
				if got := strings.Join(s.methods(), " "); got != c.seen {
					t.Errorf("S3 saw %s, want %s", got, c.seen)
				}
				s.setRule(nil)
				if got, _, err := b.Read(t.Context(), testKey); err != nil || !bytes.Equal(got, body) {
					t.Errorf("%d bytes came back of %d, %v", len(got), len(body), err)
				}
			}
		})
	}
}

func TestCreateStopsAtDeadline(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{"slow down": respondError(503, "SlowDown"), "silent": neverAnswer} {
		t.Run(name, func(t *testing.T) {
			s, config := startS3(t)
			s.setRule(func(*http.Request, int) (http.HandlerFunc, bool) { return answer, false })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began := time.Now()
			if _, err := s3.New(config, "reports").Create(ctx, testKey, []byte("{}"), "h"); err == nil {
				t.Error("created")
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("it took %v", took)
			}
			if name == "slow down" && len(s.methods()) < 3 {
				t.Errorf("it gave up after %d tries", len(s.methods()))
			}
		})
	}
}

func TestCreateDoesNotRetryForbidden(t *testing.T) {
	s, config := startS3(t)
	s.setRule(func(*http.Request, int) (http.HandlerFunc, bool) { return respondError(403, "AccessDenied"), false })
	if _, err := s3.New(config, "reports").Create(t.Context(), testKey, []byte("{}"), "h"); err == nil || !slices.Equal(s.methods(), []string{"PUT"}) {
		t.Errorf("%v after %v", err, s.methods())
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
				t.Errorf("%s both won and lost", hash)
			}
			won[hash] = created
		})
	}
	wg.Wait()
	body, _, err := b.Read(t.Context(), testKey)
	if err != nil || !won[string(body)] || won["a"] == won["b"] {
		t.Errorf("%s is there, %v won, %v", body, won, err)
	}
}

func TestReadFails(t *testing.T) {
	s, config := startS3(t)
	s.setRule(func(*http.Request, int) (http.HandlerFunc, bool) { return respondError(403, "AccessDenied"), false })
	if _, _, err := s3.New(config, "reports").Read(t.Context(), testKey); err == nil || fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
	b := s3.New(func() (aws.Config, error) { return aws.Config{}, errors.New("no region") }, "reports")
	if _, err := b.Create(t.Context(), testKey, nil, ""); err == nil || !strings.Contains(err.Error(), "no region") {
		t.Errorf("%v", err)
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
		t.Error("a cut object was read")
	}
}
