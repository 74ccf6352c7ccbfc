package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
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
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/webhook"
)

// warmFunction is a warm process of the function, with a clock of its own.
type warmFunction struct {
	*fakeAWS
	function *web.Function
	mu       sync.Mutex
	clock    time.Time
	counted  []string
}

func newWarmFunction(t *testing.T) *warmFunction {
	t.Helper()
	c, config := startFakeAWS(t)
	p := &warmFunction{fakeAWS: c, clock: time.Date(2026, 11, 18, 15, 5, 0, 0, time.UTC)}
	now := func() time.Time { p.mu.Lock(); defer p.mu.Unlock(); return p.clock }
	p.function = newFunction(&webhook.Receiver{
		Assistants: dynamo.NewAssistants(config, "assistants", now),
		Archive:    webhook.Archive{Objects: s3.New(config, "reports"), Assistants: dynamo.NewAssistants(config, "assistants", now), Now: now, Count: p.countMetric},
		Queue:      sqs.New(config, "http://127.0.0.1/000000000000/raw"),
	}, nil)
	return p
}

// noLimit is for answers whose time does not matter.
const noLimit = time.Hour

// post posts a body and returns the answer's body. The answer must have the status, and come within limit.
func (p *warmFunction) post(t *testing.T, body string, status int, limit time.Duration) string {
	t.Helper()
	start := time.Now()
	v, err := p.function.Invoke(t.Context(), newRESTEvent(t, body))
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	r := v.(events.APIGatewayProxyResponse)
	if r.StatusCode != status {
		t.Errorf("the status is %d, want %d: %s", r.StatusCode, status, r.Body)
	}
	if took > timeFactor*limit {
		t.Errorf("the answer took %v, want at most %v", took, timeFactor*limit)
	}
	if r.StatusCode == http.StatusServiceUnavailable && len(r.MultiValueHeaders["Retry-After"]) != 1 {
		t.Errorf("a 503 has the headers %v, want Retry-After", r.MultiValueHeaders)
	}
	return r.Body
}

// postReport posts an end-of-call report, which must be answered with 200 and {}.
func (p *warmFunction) postReport(t *testing.T, body string, limit time.Duration) {
	t.Helper()
	if answer := p.post(t, body, http.StatusOK, limit); answer != "{}" {
		t.Errorf("the answer to a report is %s, want {}", answer)
	}
}

// check compares the numbers of stored and queued reports and the metrics with what is wanted.
func (p *warmFunction) check(t *testing.T, stored, queued int, metrics ...string) {
	t.Helper()
	if keys := p.keys(t); len(keys) != stored {
		t.Errorf("the bucket holds %v, want %d objects", keys, stored)
	}
	if n := len(p.queue()); n != queued {
		t.Errorf("the raw queue holds %d reports, want %d", n, queued)
	}
	if got := p.metrics(); !slices.Equal(got, metrics) {
		t.Errorf("counted %v, want %v", got, metrics)
	}
}

func (p *warmFunction) countMetric(_ context.Context, metric string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counted = append(p.counted, metric)
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

// onCalls returns a fault for the calls from to to of one operation of a service; an empty operation means all of them.
func onCalls(service, operation string, from, to int, answer http.HandlerFunc) injectedFault {
	return func(s, o string, n int) (http.HandlerFunc, bool) {
		if s == service && (operation == "" || o == operation) && n >= from && n <= to {
			return answer, false
		}
		return nil, false
	}
}

// onEveryCall returns a fault for all calls of a service.
func onEveryCall(service string, answer http.HandlerFunc) injectedFault {
	return onCalls(service, "", 1, 1<<30, answer)
}

const (
	assistantRequest     = `{"message":{"type":"assistant-request","session":"riley"}}`
	vapiAssistantRequest = `{"message":{"type":"assistant-request","call":{"id":"c"},"phoneNumber":{"number":"+15551230100"}}}`
)

// newEndOfCallReport returns a report about a call, with a transcript of size bytes and a credential.
func newEndOfCallReport(id string, size int) string {
	quoted, _ := json.Marshal(id)
	return fmt.Sprintf(`{"message":{"type":"end-of-call-report","timestamp":1795014286704,"call":{"id":%s,"assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","transcript":%q,"authToken":"0000"}}`,
		quoted, incompressible(size))
}

// incompressible returns text that gzip cannot make smaller than half.
func incompressible(n int) string {
	b := make([]byte, n/2)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return hex.EncodeToString(b)
}

// DynamoDB is away: Vapi is answered 200 with a sentence to speak, other callers 503. Both are counted by their code, and the log
// lines lead to the call.
func TestFault70UnreadableAssistantIsCounted(t *testing.T) {
	log := testkit.CaptureLogOf(t, func(w io.Writer) *slog.Logger { return lambdaapp.NewLogger(w, slog.LevelInfo) })
	p := newWarmFunction(t)
	p.setFault(onEveryCall("dynamodb", awsError(500, "InternalServerError")))
	for _, c := range []struct {
		name, body    string
		status        int
		metric, event string
	}{
		{"fault 70: a voice provider", `{"message":{"type":"assistant-request","call":{"id":"call-1","assistantId":"riley"}}}`, 200, "ErrorAnswered store_unavailable", "assistant_request.failed"},
		{"fault 70: a caller of the document", `{"message":{"type":"assistant-request","session":"riley","call":{"id":"call-1","assistantId":"riley"}}}`, 503, "RequestFailed store_unavailable", "request.failed"},
		{"fault 70: a transfer", `{"message":{"type":"transfer-destination-request","call":{"id":"call-1","assistantId":"riley"}}}`, 200, "ErrorAnswered store_unavailable", "transfer.assistant_missing"},
		{"fault 70: tool calls", `{"message":{"type":"tool-calls","call":{"id":"call-1","assistantId":"riley"},"toolCallList":[{"id":"t","name":"get_time"}]}}`, 200, "ErrorAnswered store_unavailable", "tools.unavailable"},
		{"fault 70: an unknown assistant is no outage", `{"message":{"type":"assistant-request","call":{"id":"call-1"}}}`, 200, "ErrorAnswered assistant_not_found", "assistant_request.failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := eventtest.Invoke(t, p.function, newRESTEvent(t, c.body))
			if o.Status != c.status || !slices.Equal(o.Metrics, []string{c.metric}) {
				t.Errorf("status %d and the metrics %v, want %d and %s", o.Status, o.Metrics, c.status, c.metric)
			}
			lines := log.Lines()
			slices.Reverse(lines)
			i := slices.IndexFunc(lines, func(l map[string]any) bool { return l["event"] == c.event })
			if i < 0 {
				t.Fatalf("no line %s in %s", c.event, log.String())
			}
			want := map[string]any{"callId": "call-1", "requestId": eventtest.RequestID}
			if strings.Contains(c.body, "riley") {
				want["assistantId"] = "riley"
			}
			for id, value := range want {
				if lines[i][id] != value {
					t.Errorf("the line %s has %s %v, want %v", c.event, id, lines[i][id], value)
				}
			}
		})
	}
}

func TestAssistantRequestFaults(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, p *warmFunction){
		"fault 33: throttled, with a stale answer": func(t *testing.T, p *warmFunction) {
			p.post(t, assistantRequest, http.StatusCreated, noLimit)
			p.setFault(onEveryCall("dynamodb", awsError(400, "ThrottlingException")))
			p.advance(4 * time.Minute)
			p.post(t, assistantRequest, http.StatusCreated, time.Second)
			p.advance(2 * time.Minute)
			p.post(t, assistantRequest, http.StatusServiceUnavailable, time.Second)
			if n := p.count("dynamodb GetItem"); n > 7 {
				t.Errorf("there were %d reads, want at most 7", n)
			}
		},
		"fault 34: DynamoDB does not answer": func(t *testing.T, p *warmFunction) {
			p.setFault(onEveryCall("dynamodb", neverAnswer))
			p.post(t, assistantRequest, http.StatusServiceUnavailable, 3*time.Second)
			if answer := p.post(t, vapiAssistantRequest, http.StatusOK, 3*time.Second); !strings.HasPrefix(answer, `{"error":"I'm sorry`) {
				t.Errorf("Vapi gets %s, want a spoken error", answer)
			}
		},
		"fault 64: a dead connection": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("dynamodb", "GetItem", 1, 1, neverAnswer))
			p.post(t, assistantRequest, http.StatusCreated, time.Second)
		},
		"fault 35: unknown and malformed assistants": func(t *testing.T, p *warmFunction) {
			p.post(t, strings.Replace(assistantRequest, "riley", "unknown", 1), http.StatusNotFound, noLimit)
			answer := p.post(t, strings.Replace(assistantRequest, "riley", "broken", 1), http.StatusInternalServerError, noLimit)
			if strings.Contains(answer, "emails") || !strings.Contains(answer, `"code":"config_invalid"`) {
				t.Errorf("the answer is %s, want config_invalid without the stored configuration", answer)
			}
			if answer := p.post(t, `{"message":{"type":"assistant-request","call":{"assistantId":"broken"}}}`, http.StatusOK, noLimit); !strings.Contains(answer, `"error"`) {
				t.Errorf("Vapi gets %s, want a spoken error", answer)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWarmFunction(t))
		})
	}
}

// TestFault37BucketDown posts reports while the bucket fails. The bodies are large and the answers timed, so the subtests do
// not run in parallel.
func TestFault37BucketDown(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, p *warmFunction){
		"fault 37: for three calls": func(t *testing.T, p *warmFunction) {
			for i, size := range []int{50 << 10, 4 << 20} {
				first := p.count("s3 PUT") + 1
				p.setFault(onCalls("s3", "PUT", first, first+2, s3Error(503, "SlowDown")))
				p.postReport(t, newEndOfCallReport(fmt.Sprint("c", i), size), 4*time.Second)
			}
			p.check(t, 2, 0)
		},
		"fault 37: for a long time": func(t *testing.T, p *warmFunction) {
			p.setFault(onEveryCall("s3", s3Error(503, "SlowDown")))
			p.postReport(t, newEndOfCallReport("c", 50<<10), 6*time.Second)
			p.check(t, 0, 1, webhook.MetricReportQueued)
			if m := p.queue()[0]; !strings.Contains(m, "eoc/riley/2026/11/18/c.json") || strings.Contains(m, "0000\\\"") {
				t.Errorf("the queued message is %.300s, want the key and no credential", m)
			}
		},
		"fault 37: with a report too large for the queue": func(t *testing.T, p *warmFunction) {
			p.setFault(onEveryCall("s3", s3Error(503, "SlowDown")))
			p.post(t, newEndOfCallReport("c", 4<<20), http.StatusServiceUnavailable, 6*time.Second)
			p.check(t, 0, 0, webhook.MetricReportNotStored)
		},
		"fault 37: with the queue down, too": func(t *testing.T, p *warmFunction) {
			p.setFault(func(service, _ string, _ int) (http.HandlerFunc, bool) {
				if service == "sqs" {
					return awsError(503, "ServiceUnavailable"), false
				}
				return neverAnswer, false
			})
			p.post(t, newEndOfCallReport("c", 100), http.StatusServiceUnavailable, 8*time.Second)
			p.setFault(nil)
			p.check(t, 0, 0, webhook.MetricReportNotStored)
		},
	} {
		t.Run(name, func(t *testing.T) { test(t, newWarmFunction(t)) })
	}
}

func TestReportFaults(t *testing.T) {
	for name, test := range map[string]func(t *testing.T, p *warmFunction){
		"fault 38: the reply is lost": func(t *testing.T, p *warmFunction) {
			p.setFault(func(service, operation string, n int) (http.HandlerFunc, bool) {
				if service == "s3" && operation == http.MethodPut && n == 1 {
					return dropConnection, true
				}
				return nil, false
			})
			p.postReport(t, newEndOfCallReport("c", 100), noLimit)
			p.check(t, 1, 0)
		},
		"fault 38: a conflict is retried": func(t *testing.T, p *warmFunction) {
			p.setFault(onCalls("s3", http.MethodPut, 1, 2, s3Error(409, "ConditionalRequestConflict")))
			p.postReport(t, newEndOfCallReport("c", 100), noLimit)
			p.check(t, 1, 0)
			if n := p.count("s3 PUT"); n != 3 {
				t.Errorf("there were %d PUTs, want 3", n)
			}
		},
		"fault 39: fifty deliveries at the same time": func(t *testing.T, p *warmFunction) {
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					p.postReport(t, strings.Replace(newEndOfCallReport("c", 10<<10), "1795014286704", fmt.Sprint(1795014286704+i), 1), noLimit)
				})
			}
			wg.Wait()
			p.check(t, 1, 0)
		},
		"fault 40: another report of the call": func(t *testing.T, p *warmFunction) {
			for _, size := range []int{10, 20, 10, 20, 40} {
				p.postReport(t, newEndOfCallReport("c", size), noLimit)
			}
			const key = "eoc/riley/2026/11/18/c.json"
			keys := p.keys(t)
			if len(keys) != 3 || keys[0] != key || !strings.HasPrefix(keys[1], "eoc/riley/2026/11/18/c~") || len(keys[1]) != len(key)+len("~12345678") {
				t.Errorf("the bucket holds %v, want %s and two reports beside it", keys, key)
			}
			if !slices.Contains(p.metrics(), webhook.MetricReportConflict) {
				t.Errorf("counted %v, want %s", p.metrics(), webhook.MetricReportConflict)
			}
		},
		"fault 41: hostile ids": func(t *testing.T, p *warmFunction) {
			for _, id := range []string{"", "../../x", "%2e%2e", "a\x00b", strings.Repeat("x", 1025), "//", "☎", "a~b"} {
				p.postReport(t, newEndOfCallReport(id, 10), noLimit)
			}
			for _, key := range p.keys(t) {
				if !strings.HasPrefix(key, "eoc/riley/2026/11/18/g-") && !strings.HasPrefix(key, "eoc/riley/2026/11/18/h-") {
					t.Errorf("a report is stored under %s, want a generated name", key)
				}
			}
			p.check(t, 8, 0, webhook.MetricReportWithoutID)
		},
		"an unknown message that cannot be stored": func(t *testing.T, p *warmFunction) {
			p.setFault(onEveryCall("s3", s3Error(403, "AccessDenied")))
			if answer := p.post(t, `{"message":{"type":"novel"}}`, http.StatusServiceUnavailable, noLimit); strings.Contains(answer, "AccessDenied") {
				t.Errorf("the answer %s contains the bucket's error", answer)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWarmFunction(t))
		})
	}
}
