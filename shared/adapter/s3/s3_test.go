package s3_test

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/dev/fakes3"
	"example.com/aurora/shared/dev/testkit"
)

// rule decides how the nth request is answered instead of by S3; nil leaves it to S3. after means that S3 does first what was
// asked, and only its reply is replaced.
type rule func(r *http.Request, n int) (answer http.HandlerFunc, after bool)

// onRequests returns a rule for the requests with the numbers first to last.
func onRequests(first, last int, answer http.HandlerFunc) rule {
	return func(_ *http.Request, n int) (http.HandlerFunc, bool) {
		if n < first || n > last {
			return nil, false
		}
		return answer, false
	}
}

// onEveryRequest returns a rule for all requests.
func onEveryRequest(answer http.HandlerFunc) rule { return onRequests(1, math.MaxInt, answer) }

// afterRequest returns a rule that lets S3 do what the nth request asks, and replaces the reply.
func afterRequest(nth int, answer http.HandlerFunc) rule {
	return func(_ *http.Request, n int) (http.HandlerFunc, bool) {
		if n != nth {
			return nil, false
		}
		return answer, true
	}
}

// faultyS3 is a fake of S3 with a bucket named reports. A rule may replace answers.
type faultyS3 struct {
	fake http.Handler
	mu   sync.Mutex
	rule rule
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
			// S3 reads the body before it answers. A server that answers first may cut the connection during a large body, and
			// then the client sees no answer at all.
			_, _ = io.Copy(io.Discard, r.Body)
			answer(w, r)
			return
		}
	}
	s.fake.ServeHTTP(w, r)
}

// setRule replaces the rule. It takes the lock because requests that the client has given up may still read the rule.
func (s *faultyS3) setRule(r rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rule = r
}

func (s *faultyS3) methods() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// respondError answers with an error in S3's form.
func respondError(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, code)
	}
}

// dropConnection closes the connection without an answer.
func dropConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// neverAnswer never answers. It reads the body first: until then net/http does not notice that the client has disconnected.
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
