package dynamo_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/dev/dynalite"
)

// faultyTransport stands between the SDK and DynamoDB and spoils calls by rule. It knows the operation from the X-Amz-Target
// header.
type faultyTransport struct {
	mu    sync.Mutex
	calls []string
	// rule answers instead of DynamoDB, where it returns a response or an error. after means that DynamoDB did what was
	// asked, and only the reply is spoiled.
	rule func(operation string, n int) (spoil func(*http.Request) (*http.Response, error), after bool)
}

func (f *faultyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	f.calls = append(f.calls, operation)
	n, rule := len(f.calls), f.rule
	f.mu.Unlock()
	if rule != nil {
		if spoil, after := rule(operation, n); spoil != nil {
			if after {
				response, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					return nil, err
				}
				_ = response.Body.Close()
			}
			return spoil(r)
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (f *faultyTransport) setRule(rule func(string, int) (func(*http.Request) (*http.Response, error), bool)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule, f.calls = rule, nil
}

func (f *faultyTransport) callCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// writeCount is how many calls were none that reads; the one that is judged is among them.
func (f *faultyTransport) writeCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, operation := range f.calls {
		if operation != "GetItem" {
			n++
		}
	}
	return n
}

// errorReply is an error as DynamoDB words it.
func errorReply(status int, kind string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"%s"}`, kind, kind)
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// dropReply is a connection that ends before the reply.
func dropReply(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// newTables starts DynamoDB with the tables of template.yaml. Requests go through the returned transport.
func newTables(t *testing.T) (func() (aws.Config, error), *faultyTransport) {
	t.Helper()
	f := &faultyTransport{}
	return dynalite.Tables(t, f), f
}
