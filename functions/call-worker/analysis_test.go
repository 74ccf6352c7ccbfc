package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/webhook"
)

const reportKey = "eoc/a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4/2026/11/18/c1.json"

// fixture is a worker over in-memory stores, with one report in which the caller spoke.
type fixture struct {
	bucket fakeBucket
	rows   fakeRows
	model  *fakeopenai.Double
	counts map[string]int
	serve  func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
}

func newFixture(t *testing.T, script fakeopenai.Script) *fixture {
	f := &fixture{rows: fakeRows{}, counts: map[string]int{}, model: fakeopenai.Serve(t, script), bucket: fakeBucket{reportKey: {body: `{"message":{"type":"end-of-call-report",
		"timestamp":1795014286704,"call":{"id":"c1","assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4","type":"inboundPhoneCall"},"endedAt":"2026-11-18T15:04:42Z",
		"endedReason":"customer-ended-call","durationSeconds":29.4,"transcript":"AI: How can I help?\nUser: What are your hours?\nAI: Nine to five.\n"}}`}}}
	now := func() time.Time { return arrivalTime }
	f.serve = sqs.Consume(serve(&callindex.Worker{Reader: f.bucket, Writer: f.bucket, Assistants: newAssistants(),
		Index:    &callindex.Index{Aliases: fakeLedger{}, Rows: f.rows, Now: now, Retention: 400 * 24 * time.Hour},
		Count:    func(_ context.Context, metric string) { f.counts[metric]++ },
		Analyser: newAnalyst(f.model.URL)}, webhook.Archive{}))
	return f
}

// deliver delivers the notification about the report, and reports whether it was handled without an error.
func (f *fixture) deliver(t *testing.T) bool {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"eventName": "ObjectCreated:Put", "s3": map[string]any{"object": map[string]any{"key": reportKey}}}}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := f.serve(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: string(body)}}})
	if err != nil {
		t.Fatal(err)
	}
	return len(response.BatchItemFailures) == 0
}

// row returns the only row.
func (f *fixture) row(t *testing.T) aurora.Call {
	t.Helper()
	if len(f.rows) != 1 {
		t.Fatalf("there are %d rows, want 1", len(f.rows))
	}
	for _, c := range f.rows {
		return c
	}
	return aurora.Call{}
}

const analysisAnswer = `{"summary":"The caller asked for the hours.","outcome":"resolved","sentiment":"neutral","topics":["opening hours"],"actionItems":[]}`

// TestFault42 lets the model fail after the report was stored: the call counts at once, and is analysed when the model works
// again.
func TestFault42(t *testing.T) {
	for name, failure := range map[string]fakeopenai.Answer{
		"500":              fakeopenai.Status(500, `{"error":{"message":"oops"}}`),
		"429":              fakeopenai.Status(429, `{"error":{"message":"slow down"}}`, "Retry-After", "600"),
		"401":              fakeopenai.Status(401, `{"error":{"message":"bad key sk-test","code":"invalid_api_key"}}`),
		"stream cut off":   fakeopenai.Text(analysisAnswer[:20], analysisAnswer[20:]).CloseAfter(1),
		"connection reset": fakeopenai.Reset(),
		"no finish reason": fakeopenai.Close(analysisAnswer),
	} {
		t.Run("fault 42: "+name, func(t *testing.T) {
			var works atomic.Bool
			f := newFixture(t, func(int, fakeopenai.Request) fakeopenai.Answer {
				if works.Load() {
					return fakeopenai.Text(analysisAnswer).Usage(200, 40)
				}
				return failure
			})
			if f.deliver(t) {
				t.Fatal("the message was handled without an error, but the call was not analysed")
			}
			if c := f.row(t); c.Disposition != aurora.DispositionAnswered || c.Outcome != "" {
				t.Errorf("the row is %s with the outcome %q, want answered and none", c.Disposition, c.Outcome)
			}
			if f.counts[callindex.MetricAnalysisFailed] != 1 {
				t.Errorf("counted %v, want one %s", f.counts, callindex.MetricAnalysisFailed)
			}
			works.Store(true)
			if !f.deliver(t) {
				t.Fatal("the message failed although the model works again")
			}
			if c := f.row(t); c.Outcome != aurora.OutcomeResolved || c.Summary != "The caller asked for the hours." || c.PromptTokens != 200 || c.AnalysisCost == nil {
				t.Errorf("the row is %+v, want the analysis with its tokens and cost", c)
			}
			before := len(f.model.Requests())
			if !f.deliver(t) || len(f.model.Requests()) != before {
				t.Errorf("the model got %d more requests about an analysed call, want none", len(f.model.Requests())-before)
			}
		})
	}
}

// TestModelRequestBytes compares the request to the model server with a golden file.
func TestModelRequestBytes(t *testing.T) {
	f := newFixture(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text(analysisAnswer) })
	if !f.deliver(t) || len(f.model.Requests()) != 1 {
		t.Fatalf("the model got %d requests, want 1", len(f.model.Requests()))
	}
	golden.Equal(t, "request", append(f.model.Requests()[0].Raw, '\n'))
}

// A server that does not accept response_format gets a second request without it.
func TestServerWithoutResponseFormat(t *testing.T) {
	f := newFixture(t, func(_ int, r fakeopenai.Request) fakeopenai.Answer {
		if r.Body.ResponseFormat != nil {
			return fakeopenai.Status(400, `{"error":{"message":"unknown field","type":"invalid_request_error","param":"response_format"}}`)
		}
		return fakeopenai.Text(fmt.Sprintf("Sure:\n```json\n%s\n```", analysisAnswer))
	})
	if !f.deliver(t) || f.row(t).Outcome != aurora.OutcomeResolved || len(f.model.Requests()) != 2 {
		t.Errorf("the row is %+v after %d requests, want an analysis after 2", f.row(t), len(f.model.Requests()))
	}
}
