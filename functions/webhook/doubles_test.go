package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/dev/fakes3"
	"example.com/aurora/shared/dev/testkit"
)

// injectedFault decides how the nth call of an operation is answered instead of by the service; nil leaves it to the service. after
// means that the service does first what was asked, and only its reply is replaced.
type injectedFault func(service, operation string, n int) (answer http.HandlerFunc, after bool)

// fakeAWS serves S3, SQS and DynamoDB over HTTP, so that the adapters and the SDK's retries are tested with the rest. A
// fault may replace answers. DynamoDB holds items, by assistant id or number.
type fakeAWS struct {
	s3     http.Handler
	mu     sync.Mutex
	fault  injectedFault
	calls  map[string]int
	queued []string
	items  map[string]string
}

func (c *fakeAWS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	service, operation := "s3", r.Method
	if target, name, ok := strings.Cut(r.Header.Get("X-Amz-Target"), "."); ok {
		operation = name
		if service = "dynamodb"; strings.HasPrefix(target, "AmazonSQS") {
			service = "sqs"
		}
	}
	c.mu.Lock()
	c.calls[service+" "+operation]++
	n, inject := c.calls[service+" "+operation], c.fault
	c.mu.Unlock()
	if inject != nil {
		if answer, after := inject(service, operation, n); answer != nil {
			if after {
				c.serve(httptest.NewRecorder(), r, service)
			}
			answer(w, r)
			return
		}
	}
	c.serve(w, r, service)
}

func (c *fakeAWS) serve(w http.ResponseWriter, r *http.Request, service string) {
	if service == "s3" {
		c.s3.ServeHTTP(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if service == "sqs" {
		c.mu.Lock()
		c.queued = append(c.queued, string(body))
		c.mu.Unlock()
		_, _ = io.WriteString(w, `{"MessageId":"1"}`)
		return
	}
	for name, item := range c.items {
		if strings.Contains(string(body), fmt.Sprintf("%q", name)) {
			_, _ = fmt.Fprintf(w, `{"Item":%s,"Items":[%s],"Count":1,"ScannedCount":1}`, item, item)
			return
		}
	}
	_, _ = io.WriteString(w, `{"Items":[],"Count":0,"ScannedCount":0}`)
}

// setFault replaces the fault. It takes the lock because requests that the client has given up may still read the fault.
func (c *fakeAWS) setFault(f injectedFault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// queue returns the bodies of the messages sent to SQS so far.
func (c *fakeAWS) queue() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.queued)
}

// count returns the number of calls of an operation, such as "s3 PUT".
func (c *fakeAWS) count(call string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[call]
}

// s3Error answers with an error in S3's form.
func s3Error(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, code, code)
	}
}

// awsError answers with an error in the form of DynamoDB and SQS.
func awsError(status int, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":"%s","message":"%s"}`, kind, kind)
	}
}

// dropConnection closes the connection without an answer.
func dropConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// neverAnswer never answers.
func neverAnswer(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // until then net/http does not notice that the client has disconnected
	<-r.Context().Done()
}

func startFakeAWS(t *testing.T) (*fakeAWS, func() (aws.Config, error)) {
	t.Helper()
	c := &fakeAWS{s3: fakes3.Serve(t, "reports"), calls: map[string]int{}, items: map[string]string{
		"riley":        `{"assistantId":{"S":"riley"},"assistantName":{"S":"Riley"},"gracePeriodMs":{"N":"300"}}`,
		"+15551230100": `{"assistantId":{"S":"riley"},"assistantName":{"S":"Riley"}}`,
		"broken":       `{"assistantId":{"S":"broken"},"emails":{"M":{}}}`,
	}}
	server := httptest.NewServer(c)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return c, testkit.AWSConfig(server.URL, nil)
}

// newRESTEvent returns a REST event with the result of the authorizer.
func newRESTEvent(t *testing.T, body string) json.RawMessage {
	t.Helper()
	event, err := json.Marshal(map[string]any{"resource": "/api/webhook", "path": "/api/webhook", "httpMethod": "POST", "body": body,
		"headers":        map[string]string{"Content-Type": "application/json"},
		"requestContext": map[string]any{"authorizer": map[string]any{"keyId": "k-1"}}})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// keys returns the keys of all objects in the bucket.
func (c *fakeAWS) keys(t *testing.T) []string {
	t.Helper()
	w := httptest.NewRecorder()
	c.s3.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/reports?list-type=2", nil))
	var keys []string
	for _, part := range strings.Split(w.Body.String(), "<Key>")[1:] {
		key, _, _ := strings.Cut(part, "</Key>")
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
