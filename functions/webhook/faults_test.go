package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/usecase/webhook"
)

// warmFunction is a warm process of the function.
type warmFunction struct {
	*fakeAWS
	mu      sync.Mutex
	clock   time.Time
	counted []string
	invoke  func(ctx context.Context, t *testing.T, body string) (status int, answer string, header map[string][]string)
}

func newWarmFunction(t *testing.T) *warmFunction {
	t.Helper()
	c, config := startFakeAWS(t)
	p := &warmFunction{fakeAWS: c, clock: time.Date(2026, 11, 18, 15, 5, 0, 0, time.UTC)}
	now := func() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return p.clock }
	count := func(_ context.Context, metric string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.counted = append(p.counted, metric)
	}
	f := newFunction(&webhook.Receiver{
		Assistants: dynamo.NewAssistants(config, "assistants", now),
		Archive:    webhook.Archive{Objects: s3.New(config, "reports"), Now: now, Count: count},
		Queue:      sqs.New(config, "http://127.0.0.1/000000000000/raw"),
	})
	p.invoke = func(ctx context.Context, t *testing.T, body string) (int, string, map[string][]string) {
		t.Helper()
		v, err := f.Invoke(ctx, newRESTEvent(t, body))
		if err != nil {
			t.Fatal(err)
		}
		r := v.(events.APIGatewayProxyResponse)
		return r.StatusCode, r.Body, r.MultiValueHeaders
	}
	return p
}

// post posts a body and says how long the answer took.
func (p *warmFunction) post(t *testing.T, body string) (status int, answer string, took time.Duration) {
	t.Helper()
	began := time.Now()
	status, answer, header := p.invoke(t.Context(), t, body)
	if status == http.StatusServiceUnavailable && len(header["Retry-After"]) != 1 {
		t.Errorf("a 503 without Retry-After: %v", header)
	}
	return status, answer, time.Since(began)
}

// metrics returns the names of the metrics counted so far.
func (p *warmFunction) metrics() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.counted)
}

func (p *warmFunction) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clock = p.clock.Add(d)
}

// onCalls spoils one service's calls of one operation while n says so.
func onCalls(service, operation string, from, to int, answer http.HandlerFunc, after bool) func(string, string, int) (http.HandlerFunc, bool) {
	return func(s, o string, n int) (http.HandlerFunc, bool) {
		if s == service && (operation == "" || o == operation) && n >= from && n <= to {
			return answer, after
		}
		return nil, false
	}
}

const (
	always               = 1 << 30
	assistantRequest     = `{"message":{"type":"assistant-request","session":"riley"}}`
	vapiAssistantRequest = `{"message":{"type":"assistant-request","call":{"id":"c"},"phoneNumber":{"number":"+15551230100"}}}`
)

func newEndOfCallReport(id string, size int) string {
	quoted, _ := json.Marshal(id)
	return fmt.Sprintf(`{"message":{"type":"end-of-call-report","timestamp":1795014286704,"call":{"id":%s,"assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","transcript":%q,"authToken":"0000"}}`,
		quoted, incompressible(size))
}

// incompressible is text that gzip cannot make smaller than half.
func incompressible(n int) string {
	b := make([]byte, n/2)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return hex.EncodeToString(b)
}

func TestFaults(t *testing.T) {
	for name, f := range map[string]func(t *testing.T, p *warmFunction){
		"33 throttled, with a stale answer": func(t *testing.T, p *warmFunction) {
			if status, _, _ := p.post(t, assistantRequest); status != 201 {
				t.Fatal(status)
			}
			p.setFault(onCalls("dynamodb", "", 1, always, awsError(400, "ThrottlingException"), false))
			p.advance(4 * time.Minute)
			if status, _, took := p.post(t, assistantRequest); status != 201 || took > timeFactor*time.Second {
				t.Errorf("%d in %v", status, took)
			}
			p.advance(2 * time.Minute)
			if status, _, took := p.post(t, assistantRequest); status != 503 || took > timeFactor*time.Second {
				t.Errorf("%d in %v", status, took)
			}
			if n := p.count("dynamodb GetItem"); n > 7 {
				t.Errorf("%d reads", n)
			}
		},
		"34 down": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("dynamodb", "", 1, always, neverAnswer, false))
			if status, _, took := p.post(t, assistantRequest); status != 503 || took > timeFactor*3*time.Second {
				t.Errorf("%d in %v", status, took)
			}
			if status, answer, took := p.post(t, vapiAssistantRequest); status != 200 || !strings.HasPrefix(answer, `{"error":"I'm sorry`) || took > timeFactor*3*time.Second {
				t.Errorf("%d %s in %v", status, answer, took)
			}
		},
		"64 a dead connection": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("dynamodb", "GetItem", 1, 1, neverAnswer, false))
			if status, _, took := p.post(t, assistantRequest); status != 201 || took > timeFactor*time.Second {
				t.Errorf("%d in %v", status, took)
			}
		},
		"35 unknown and malformed": func(t *testing.T, p *warmFunction) {
			for session, want := range map[string]int{"nobody": 404, "broken": 500} {
				status, answer, _ := p.post(t, strings.Replace(assistantRequest, "riley", session, 1))
				if status != want || strings.Contains(answer, "emails") {
					t.Errorf("%s: %d %s", session, status, answer)
				}
			}
			if _, answer, _ := p.post(t, strings.Replace(assistantRequest, "riley", "broken", 1)); !strings.Contains(answer, `"code":"config_invalid"`) {
				t.Errorf("%s", answer)
			}
			if status, answer, _ := p.post(t, `{"message":{"type":"assistant-request","call":{"assistantId":"broken"}}}`); status != 200 || !strings.Contains(answer, `"error"`) {
				t.Errorf("%d %s", status, answer)
			}
		},
		"37 slow down, then well": func(t *testing.T, p *warmFunction) {
			for i, size := range []int{50 << 10, 4 << 20} {
				p.setFault(onCalls("s3", "PUT", p.count("s3 PUT")+1, p.count("s3 PUT")+3, s3Error(503, "SlowDown"), false))
				if status, answer, took := p.post(t, newEndOfCallReport(fmt.Sprint("c", i), size)); status != 200 || answer != "{}" || took > timeFactor*4*time.Second {
					t.Errorf("%d %s in %v", status, answer, took)
				}
			}
			if len(p.keys(t)) != 2 || len(p.queue()) != 0 {
				t.Errorf("%v, %d queued", p.keys(t), len(p.queue()))
			}
		},
		"37 slow down for good": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("s3", "", 1, always, s3Error(503, "SlowDown"), false))
			status, answer, took := p.post(t, newEndOfCallReport("c", 50<<10))
			if status != 200 || answer != "{}" || took > timeFactor*6*time.Second || len(p.queue()) != 1 || !strings.Contains(p.queue()[0], "eoc/riley/2026/11/18/c.json") {
				t.Errorf("%d %s in %v, %d queued", status, answer, took, len(p.queue()))
			}
			if !slices.Equal(p.metrics(), []string{webhook.MetricReportQueued}) {
				t.Errorf("counted %v", p.metrics())
			}
			if strings.Contains(p.queue()[0], "0000\\\"") {
				t.Error("a credential was queued")
			}
		},
		"37 slow down for good, too large for the queue": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("s3", "", 1, always, s3Error(503, "SlowDown"), false))
			if status, _, took := p.post(t, newEndOfCallReport("c", 4<<20)); status != 503 || took > timeFactor*6*time.Second || len(p.queue()) != 0 {
				t.Errorf("%d in %v, %d queued", status, took, len(p.queue()))
			}
		},
		"37 neither bucket nor queue": func(t *testing.T, p *warmFunction) {
			p.setFault(func(s, _ string, _ int) (http.HandlerFunc, bool) {
				return map[string]http.HandlerFunc{"s3": neverAnswer, "sqs": awsError(503, "ServiceUnavailable")}[s], false
			})
			if status, _, took := p.post(t, newEndOfCallReport("c", 100)); status != 503 || took > timeFactor*8*time.Second {
				t.Errorf("%d in %v", status, took)
			}
			if !slices.Equal(p.metrics(), []string{webhook.MetricReportNotStored}) {
				t.Errorf("counted %v", p.metrics())
			}
		},
		"38 the reply is lost": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("s3", "PUT", 1, 1, dropConnection, true))
			if status, _, _ := p.post(t, newEndOfCallReport("c", 100)); status != 200 || len(p.keys(t)) != 1 || len(p.metrics()) != 0 {
				t.Errorf("%d, %v, counted %v", status, p.keys(t), p.metrics())
			}
		},
		"38 a conflict is tried again": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("s3", "PUT", 1, 2, s3Error(409, "ConditionalRequestConflict"), false))
			if status, _, _ := p.post(t, newEndOfCallReport("c", 100)); status != 200 || len(p.keys(t)) != 1 || p.count("s3 PUT") != 3 {
				t.Errorf("%d, %v", status, p.keys(t))
			}
		},
		"39 fifty at once": func(t *testing.T, p *warmFunction) {
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					body := strings.Replace(newEndOfCallReport("c", 10<<10), "1795014286704", fmt.Sprint(1795014286704+i), 1)
					if status, answer, _ := p.post(t, body); status != 200 || answer != "{}" {
						t.Errorf("%d %s", status, answer)
					}
				})
			}
			wg.Wait()
			if keys := p.keys(t); len(keys) != 1 || len(p.metrics()) != 0 {
				t.Errorf("%v, counted %v", keys, p.metrics())
			}
		},
		"40 another report of the call": func(t *testing.T, p *warmFunction) {
			for _, body := range []string{newEndOfCallReport("c", 10), newEndOfCallReport("c", 20), newEndOfCallReport("c", 10), newEndOfCallReport("c", 20), newEndOfCallReport("c", 40)} {
				if status, _, _ := p.post(t, body); status != 200 {
					t.Error(status)
				}
			}
			keys := p.keys(t)
			if len(keys) != 3 || keys[0] != "eoc/riley/2026/11/18/c.json" || !strings.HasPrefix(keys[1], "eoc/riley/2026/11/18/c~") || len(keys[1]) != len("eoc/riley/2026/11/18/c~12345678.json") {
				t.Errorf("%v", keys)
			}
			if !slices.Contains(p.metrics(), webhook.MetricReportConflict) {
				t.Errorf("counted %v", p.metrics())
			}
		},
		"41 hostile ids": func(t *testing.T, p *warmFunction) {
			for _, id := range []string{"", "../../x", "%2e%2e", "a\x00b", strings.Repeat("x", 1025), "//", "☎", "a~b"} {
				if status, answer, _ := p.post(t, newEndOfCallReport(id, 10)); status != 200 || answer != "{}" {
					t.Errorf("%q: %d %s", id, status, answer)
				}
			}
			for _, key := range p.keys(t) {
				if !strings.HasPrefix(key, "eoc/riley/2026/11/18/g-") && !strings.HasPrefix(key, "eoc/riley/2026/11/18/h-") {
					t.Errorf("%s", key)
				}
			}
			if n := len(p.keys(t)); n != 8 || !slices.Equal(p.metrics(), []string{webhook.MetricReportWithoutID}) {
				t.Errorf("%d objects, counted %v", n, p.metrics())
			}
		},
		"an unknown message that cannot be kept": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("s3", "", 1, always, s3Error(403, "AccessDenied"), false))
			if status, answer, _ := p.post(t, `{"message":{"type":"novel"}}`); status != 503 || strings.Contains(answer, "AccessDenied") {
				t.Errorf("%d %s", status, answer)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.HasPrefix(name, "37") { // those are large, and measured
				t.Parallel()
			}
			f(t, newWarmFunction(t))
		})
	}
}
