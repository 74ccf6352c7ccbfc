package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/lambdaapp"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const canaryKey = "sk-canary-0123456789abcdef"

// shortLimits are the documented time limits of a model, all shortened by the same factor.
var shortLimits = openai.Limits{FirstByte: time.Second, Idle: 200 * time.Millisecond, Backoff: 10 * time.Millisecond}

type faultCase struct {
	name   string
	answer func(n int, r fakeopenai.Request) fakeopenai.Answer
	limits openai.Limits

	status   int
	code     string // of the error, in the body or in the stream
	requests int    // to the model
	text     string // that the caller received
	finish   string
	check    func(t *testing.T, o result)
}

// result is what the caller of a streamed turn received, the metrics that were counted, and the times of the requests to the
// model.
type result struct {
	status  int
	header  map[string]string
	body    string
	text    string
	finish  string
	session map[string]any
	code    string
	done    bool
	metrics []string
	times   []time.Time
}

func alwaysAnswer(a fakeopenai.Answer) func(int, fakeopenai.Request) fakeopenai.Answer {
	return func(int, fakeopenai.Request) fakeopenai.Answer { return a }
}

func answerThen(first, then fakeopenai.Answer, times int) func(int, fakeopenai.Request) fakeopenai.Answer {
	return func(n int, _ fakeopenai.Request) fakeopenai.Answer {
		if n < times {
			return first
		}
		return then
	}
}

func chunkJSON(delta, finish string) string {
	return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]}`
}

var fineAnswer = fakeopenai.Text("Hello ", "there")

func rateLimited(headers ...string) fakeopenai.Answer {
	return fakeopenai.Status(429, `{"error":{"message":"org-canary is limited","type":"requests","code":"rate_limit_exceeded"}}`, headers...)
}

// Faults 1 to 19: faults of the model, as a caller of the streamed route sees them.
func TestFaults(t *testing.T) {
	unavailable := fakeopenai.Status(503, `{"error":{"message":"org-canary overloaded"}}`)
	rows := []faultCase{
		{name: "fault 1: 429 with Retry-After 1 is waited for", answer: answerThen(rateLimited("Retry-After", "1"), fineAnswer, 1),
			limits: openai.Limits{FirstByte: 10 * time.Second}, status: 200, text: "Hello there", finish: "stop", requests: 2,
			check: func(t *testing.T, o result) {
				if wait := o.times[1].Sub(o.times[0]); wait < time.Second {
					t.Errorf("the second try came after %v, want at least 1s", wait)
				}
			}},
		{name: "fault 1: 429 on every try", answer: alwaysAnswer(rateLimited("Retry-After", "0")), status: 429, code: "rate_limit_exceeded", requests: 3},
		{name: "fault 1: 429 without Retry-After", answer: answerThen(rateLimited(), fineAnswer, 2), status: 200, text: "Hello there", finish: "stop", requests: 3},
		{name: "fault 2: quota", answer: alwaysAnswer(fakeopenai.Status(429, `{"error":{"message":"org-canary","type":"insufficient_quota","code":"insufficient_quota"}}`)),
			status: 503, code: "upstream_quota", requests: 1, check: wantMetric("UpstreamQuota")},
		{name: "fault 3: Retry-After 600", answer: alwaysAnswer(rateLimited("Retry-After", "600")), status: 429, code: "rate_limit_exceeded", requests: 1,
			check: func(t *testing.T, o result) {
				if o.header["Retry-After"] != "600" {
					t.Errorf("Retry-After = %q, want 600", o.header["Retry-After"])
				}
			}},
		{name: "fault 3: Retry-After is a date", answer: alwaysAnswer(rateLimited("Retry-After", "Fri, 31 Dec 2027 23:59:59 GMT")), status: 429, code: "rate_limit_exceeded", requests: 1},
		{name: "fault 3: Retry-After is invalid", answer: alwaysAnswer(rateLimited("Retry-After", "soon")), status: 429, code: "rate_limit_exceeded", requests: 1},
		{name: "fault 4: 500 twice", answer: answerThen(fakeopenai.Status(500, `oops`), fineAnswer, 2), status: 200, text: "Hello there", finish: "stop", requests: 3},
		{name: "fault 4: 503 on every try", answer: alwaysAnswer(unavailable), status: 502, code: "upstream_error", requests: 3},
		{name: "fault 5: context length", answer: alwaysAnswer(fakeopenai.Status(400, `{"error":{"message":"org-canary","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`)),
			status: 400, code: "context_length_exceeded", requests: 1},
		{name: "fault 6: 401", answer: alwaysAnswer(fakeopenai.Status(401, `{"error":{"message":"Incorrect API key: `+canaryKey+`","code":"invalid_api_key"}}`)),
			status: 503, code: "upstream_auth", requests: 1, check: wantMetric("UpstreamAuth")},
		{name: "fault 9: headers never arrive", answer: alwaysAnswer(fakeopenai.Hang()), limits: openai.Limits{FirstByte: 100 * time.Millisecond}, status: 504, code: "upstream_timeout", requests: 1},
		{name: "fault 10: stall after three words", answer: alwaysAnswer(fakeopenai.Text("a ", "b ", "c ", "d").HangAfter(3)), status: 200, text: "a b c ", code: "upstream_timeout", requests: 1},
		{name: "fault 10: stall before the first word", answer: alwaysAnswer(fakeopenai.Text("a").HangAfter(0)), status: 504, code: "upstream_timeout", requests: 1},
		{name: "fault 11: reset in mid-stream", answer: alwaysAnswer(fakeopenai.Reset("a ", "b ")), status: 200, text: "a b ", code: "upstream_error", requests: 1},
		{name: "fault 12: clean close without a finish reason", answer: alwaysAnswer(fakeopenai.Close("a ", "b ")), status: 200, text: "a b ", code: "upstream_error", requests: 1},
		{name: "fault 12: clean close before the first word", answer: alwaysAnswer(fakeopenai.Close()), status: 502, code: "upstream_error", requests: 1},
		{name: "fault 12: [DONE] without a finish reason is an end", answer: alwaysAnswer(fakeopenai.Text("a ", "b ").NoFinish()), status: 200, text: "a b ", finish: "stop", requests: 1},
		{name: "fault 12: a finish reason without [DONE] is an end", answer: alwaysAnswer(fakeopenai.Text("a ", "b ").NoDone()), status: 200, text: "a b ", finish: "stop", requests: 1},
		{name: "fault 13: close in the middle of a line", answer: alwaysAnswer(fakeopenai.Text("a ", "b ", "c ").CloseAfter(2).MidLine()), status: 200, text: "a b ", code: "upstream_error", requests: 1},
		{name: "fault 14: error event", answer: alwaysAnswer(fakeopenai.Raw("data: " + chunkJSON(`{"content":"a "}`, `null`) + "\n\ndata: {\"error\":{\"message\":\"org-canary\"}}\n\n")),
			status: 200, text: "a ", code: "upstream_error", requests: 1},
		{name: "fault 14: error event with a space", answer: alwaysAnswer(fakeopenai.Raw("data: "+chunkJSON(`{"content":"a "}`, `null`)+"\n\n", "data: { \"er", "ror\": {\"message\":\"org-canary\"}}\n\n")),
			status: 200, text: "a ", code: "upstream_error", requests: 1},
		{name: "fault 14: error event first", answer: alwaysAnswer(fakeopenai.Raw("data:{\"error\":{\"message\":\"org-canary\"}}\n\n")), status: 502, code: "upstream_error", requests: 2},
		{name: "fault 15: events without choices", answer: alwaysAnswer(fakeopenai.Chunks(
			`{"id":"","object":"","created":0,"model":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}`, `{"choices":null}`, `{}`,
			chunkJSON(`{"role":"assistant","content":""}`, `null`), chunkJSON(`{"content":"a"}`, `null`), chunkJSON(`{}`, `"stop"`),
			`{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`, `[DONE]`)),
			status: 200, text: "a", finish: "stop", requests: 1, check: func(t *testing.T, o result) {
				if u, _ := o.session["usage"].(map[string]any); u["total_tokens"] != 4.0 {
					t.Errorf("usage = %v, want 4 tokens in all", u)
				}
			}},
		{name: "fault 16: a chunk that is not JSON", answer: alwaysAnswer(fakeopenai.Chunks(chunkJSON(`{"content":"a "}`, `null`), `{"choices":[{`)), status: 200, text: "a ", code: "upstream_error", requests: 1},
		{name: "fault 17: HTML instead of a stream", answer: alwaysAnswer(fakeopenai.Status(200, `<html>`, "Content-Type", "text/html")), status: 502, code: "upstream_error", requests: 2},
		{name: "fault 17: JSON once, then a stream", answer: answerThen(fakeopenai.Status(200, `{}`), fineAnswer, 1), status: 200, text: "Hello there", finish: "stop", requests: 2},
		{name: "fault 18: length", answer: alwaysAnswer(fakeopenai.Text("cut ", "off").Finish("length")), status: 200, text: "cut off", finish: "length", requests: 1},
		{name: "fault 19: content filter", answer: alwaysAnswer(fakeopenai.Text("I ").Finish("content_filter")), status: 200, text: "I ", finish: "content_filter", requests: 1},
		{name: "fault 19: refusal", answer: alwaysAnswer(fakeopenai.Chunks(chunkJSON(`{"refusal":"I can't."}`, `null`), chunkJSON(`{}`, `"stop"`), `[DONE]`)),
			status: 200, text: "I can't.", finish: "content_filter", requests: 1},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			double := fakeopenai.Serve(t, r.answer)
			if r.limits == (openai.Limits{}) {
				r.limits = shortLimits
			}
			o := runTurn(t, double.URL, r.limits, nil)
			for _, request := range double.Requests() {
				o.times = append(o.times, request.At)
			}
			checkResult(t, r, o)
		})
	}
}

func wantMetric(metric string) func(*testing.T, result) {
	return func(t *testing.T, o result) {
		if len(o.metrics) != 1 || o.metrics[0] != metric {
			t.Errorf("counted the metrics %v, want only %s", o.metrics, metric)
		}
	}
}

func checkResult(t *testing.T, r faultCase, o result) {
	t.Helper()
	if o.status != r.status || o.code != r.code || o.text != r.text || o.finish != r.finish || (r.requests > 0 && len(o.times) != r.requests) {
		t.Errorf("got status %d, code %q, text %q, finish %q, %d requests\nwant %d, %q, %q, %q, %d\n%s",
			o.status, o.code, o.text, o.finish, len(o.times), r.status, r.code, r.text, r.finish, r.requests, o.body)
	}
	if r.status == 200 && o.done == (o.code != "") {
		t.Errorf("the stream must end in exactly one of [DONE] and an error:\n%s", o.body)
	}
	if r.status == 200 && o.session == nil {
		t.Errorf("the stream has no session:\n%s", o.body)
	}
	if r.check != nil {
		r.check(t, o)
	}
}

// Faults 7 and 8: no connection to the model.
func TestFaultsBeforeTheModel(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := "http://" + l.Addr().String() + "/v1"
	_ = l.Close()
	t.Run("fault 7: connection refused", func(t *testing.T) {
		checkResult(t, faultCase{status: 502, code: "upstream_error"}, runTurn(t, closed, shortLimits, nil))
	})
	t.Run("fault 7: unresolvable name", func(t *testing.T) {
		checkResult(t, faultCase{status: 502, code: "upstream_error"}, runTurn(t, "http://model.invalid/v1", shortLimits, nil))
	})
	t.Run("fault 8: unknown authority", func(t *testing.T) {
		requests := 0
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests++ }))
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
		connections := 0
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections++
			}
		}
		s.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		s.StartTLS()
		o := runTurn(t, s.URL+"/v1", shortLimits, nil)
		s.Close()
		checkResult(t, faultCase{status: 502, code: "upstream_error"}, o)
		if requests != 0 || connections != 1 {
			t.Errorf("%d requests over %d connections, want none over one", requests, connections)
		}
	})
}

// Faults 26 and 28: a turn that ends because of its caller or its deadline.
func TestFaultsOfTheRequest(t *testing.T) {
	t.Run("fault 28: soft deadline in mid-turn", func(t *testing.T) {
		double := fakeopenai.Serve(t, alwaysAnswer(fakeopenai.Text("a ", "b ").HangAfter(1)))
		o := runTurn(t, double.URL, openai.Limits{}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 2300*time.Millisecond) // 300 ms to the soft deadline
		})
		checkResult(t, faultCase{status: 200, text: "a ", code: "upstream_timeout"}, o)
	})
	t.Run("fault 28: soft deadline before the first byte", func(t *testing.T) {
		double := fakeopenai.Serve(t, alwaysAnswer(fakeopenai.Hang()))
		o := runTurn(t, double.URL, openai.Limits{}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 2300*time.Millisecond)
		})
		checkResult(t, faultCase{status: 504, code: "upstream_timeout"}, o)
	})
	t.Run("fault 26: the caller hangs up", func(t *testing.T) {
		gate := make(chan struct{}, 2)
		gate <- struct{}{} // lets the role through
		gate <- struct{}{} // and one word
		double := fakeopenai.Serve(t, alwaysAnswer(fakeopenai.Text("a ", "b ", "c ").Gate(gate)))
		v, err := newFunction(double.URL, shortLimits, nil).Invoke(context.Background(), streamRequest(t))
		if err != nil {
			t.Fatal(err)
		}
		// Lambda's runtime closes the body when its own connection breaks. goleak checks that the turn ends.
		_ = v.(*events.LambdaFunctionURLStreamingResponse).Close()
		close(gate)
	})
}

// runTurn runs one streamed turn at the function URL. It checks that neither the response nor the log shows what must stay secret.
func runTurn(t *testing.T, base string, limits openai.Limits, within func(context.Context) (context.Context, context.CancelFunc)) result {
	t.Helper()
	log := testkit.CaptureLogOf(t, func(w io.Writer) *slog.Logger { return lambdaapp.NewLogger(w, slog.LevelDebug) })
	var mu sync.Mutex
	var metrics []string
	f := newFunction(base, limits, func(_ context.Context, m string) { mu.Lock(); metrics = append(metrics, m); mu.Unlock() })
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	if within != nil {
		var cancel context.CancelFunc
		ctx, cancel = within(ctx)
		defer cancel()
	}
	v, err := f.Invoke(ctx, streamRequest(t))
	if err != nil {
		t.Fatal(err)
	}
	r := v.(*events.LambdaFunctionURLStreamingResponse)
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	o := parseResult(t, r.StatusCode, b)
	o.header, o.metrics = r.Headers, metrics
	for _, canary := range []string{canaryKey, "org-canary", "What are your hours", "+14155550123"} {
		if strings.Contains(log.String(), canary) {
			t.Errorf("the log shows %q:\n%s", canary, log.String())
		}
		if canary != "What are your hours" && canary != "+14155550123" && strings.Contains(o.body, canary) {
			t.Errorf("the response shows %q:\n%s", canary, o.body)
		}
	}
	return o
}

// parseResult reads a response as a caller would.
func parseResult(t *testing.T, status int, b []byte) result {
	t.Helper()
	o := result{status: status, body: string(b)}
	var plain struct {
		Error struct{ Code string }
	}
	if status != 200 {
		if err := json.Unmarshal(b, &plain); err != nil {
			t.Fatalf("%v in %q", err, b)
		}
		o.code = plain.Error.Code
		return o
	}
	for event := range strings.SplitSeq(strings.TrimSuffix(o.body, "\n\n"), "\n\n") {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.Contains(data, "\n") {
			t.Fatalf("not one data line: %q", event)
		}
		if data == "[DONE]" {
			o.done = true
			continue
		}
		var c struct {
			Choices []struct {
				Delta        struct{ Content string }
				FinishReason string `json:"finish_reason"`
			}
			FullSession map[string]any `json:"full_session"`
			Error       *struct{ Code string }
		}
		if err := json.Unmarshal([]byte(data), &c); err != nil {
			t.Fatalf("%v in %q", err, data)
		}
		for _, choice := range c.Choices {
			o.text += choice.Delta.Content
			if choice.FinishReason != "" {
				o.finish = choice.FinishReason
			}
		}
		if c.FullSession != nil {
			o.session = c.FullSession
		}
		if c.Error != nil {
			o.code = c.Error.Code
		}
	}
	return o
}
