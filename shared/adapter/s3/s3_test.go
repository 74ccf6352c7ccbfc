package s3_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/dev/fakes3"
	"example.com/aurora/shared/dev/testkit"
)

// faultyS3 is S3's double with a bucket named reports. It spoils requests by rule: answer is written in the place of S3's
// own answer, before S3 does what was asked or, with after, once it has.
type faultyS3 struct {
	fake http.Handler
	mu   sync.Mutex
	rule func(r *http.Request, n int) (answer http.HandlerFunc, after bool)
	seen []string // the methods, in order
}

func (s *faultyS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.Method)
	n, rule := len(s.seen), s.rule
	s.mu.Unlock()
	if rule != nil {
		if answer, after := rule(r, n); answer != nil {
			if after {
				s.fake.ServeHTTP(httptest.NewRecorder(), r)
			}
			// S3 takes the body before it answers; a server that answers first may cut the connection under a large one,
			// and then the client sees no answer at all.
			_, _ = io.Copy(io.Discard, r.Body)
			answer(w, r)
			return
		}
	}
	s.fake.ServeHTTP(w, r)
}

// setRule replaces the rule. Requests that the client has given up may still read it.
func (s *faultyS3) setRule(rule func(r *http.Request, n int) (answer http.HandlerFunc, after bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rule = rule
}

func (s *faultyS3) methods() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// respondError is an error as S3 words it.
func respondError(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, code)
	}
}

// dropConnection ends the connection without an answer.
func dropConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// neverAnswer never answers. It reads the body first: until then net/http does not notice that a client has gone.
func neverAnswer(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func startS3(t *testing.T) (*faultyS3, func() (aws.Config, error)) {
	t.Helper()
	s := &faultyS3{fake: fakes3.Serve(t, "reports")}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return s, testkit.AWSConfig(server.URL, nil)
}
