package dynamo_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/dev/dynalite"
)

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// reply is what the SDK gets instead of DynamoDB's response.
type reply func(*http.Request) (*http.Response, error)

// faultRule decides about the nth request, which has this operation. A nil reply lets it through. applied means that
// DynamoDB gets the request and only its response is replaced.
type faultRule func(operation string, n int) (instead reply, applied bool)

// faultyTransport carries the SDK's requests to DynamoDB and fails some of them.
type faultyTransport struct {
	mu         sync.Mutex
	operations []string // of all requests since the rule was set
	rule       faultRule
}

func (f *faultyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	f.mu.Lock()
	f.operations = append(f.operations, operation)
	n, rule := len(f.operations), f.rule
	f.mu.Unlock()
	if rule == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	instead, applied := rule(operation, n)
	if instead == nil {
		return http.DefaultTransport.RoundTrip(r)
	}
	if applied {
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		_ = response.Body.Close()
	}
	return instead(r)
}

// setRule sets the rule and restarts the count of requests. A nil rule fails nothing.
func (f *faultyTransport) setRule(rule faultRule) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule, f.operations = rule, nil
}

// failAll lets no request through.
func (f *faultyTransport) failAll(instead reply) {
	f.setRule(func(string, int) (reply, bool) { return instead, false })
}

// loseFirstReply loses the response to the first request with an operation, after DynamoDB applied it.
func (f *faultyTransport) loseFirstReply(operation string) {
	lost := false
	f.setRule(func(op string, _ int) (reply, bool) {
		if op != operation || lost {
			return nil, false
		}
		lost = true
		return dropReply, true
	})
}

func (f *faultyTransport) requestCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.operations)
}

// writeCount returns the number of requests that are not GetItem.
func (f *faultyTransport) writeCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, operation := range f.operations {
		if operation != "GetItem" {
			n++
		}
	}
	return n
}

// errorReply is an error of DynamoDB.
func errorReply(status int, kind string) reply {
	return func(r *http.Request) (*http.Response, error) {
		body := fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"%s"}`, kind, kind)
		return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
			Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: io.NopCloser(strings.NewReader(body))}, nil
	}
}

// dropReply is a connection that ends before the response.
func dropReply(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

// newTables starts DynamoDB with the tables of template.yaml. Requests go through the returned transport.
func newTables(t *testing.T) (func() (aws.Config, error), *faultyTransport) {
	t.Helper()
	f := &faultyTransport{}
	return dynalite.Tables(t, f), f
}

func putItem(t *testing.T, config func() (aws.Config, error), table string, item map[string]types.AttributeValue) {
	t.Helper()
	cfg, _ := config()
	if _, err := dynamodb.NewFromConfig(cfg).PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}); err != nil {
		t.Fatal(err)
	}
}

func getItem(t *testing.T, config func() (aws.Config, error), table string, key map[string]types.AttributeValue) map[string]types.AttributeValue {
	t.Helper()
	cfg, _ := config()
	got, err := dynamodb.NewFromConfig(cfg).GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return got.Item
}

func stringValue(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func numberValue(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
