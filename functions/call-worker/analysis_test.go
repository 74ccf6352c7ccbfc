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

// fixture is a worker over memory, with one report in which somebody spoke.
type fixture struct {
	bucket fakeBucket
	rows   fakeRows
	model  *fakeopenai.Double
	counts map[string]int
	serve  func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
}

func newFixture(t *testing.T, script fakeopenai.Script) *fixture {
	d := &fixture{rows: fakeRows{}, counts: map[string]int{}, model: fakeopenai.Serve(t, script), bucket: fakeBucket{reportKey: {body: `{"message":{"type":"end-of-call-report",
		"timestamp":1795014286704,"call":{"id":"c1","assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4","type":"inboundPhoneCall"},"endedAt":"2026-11-18T15:04:42Z",
		"endedReason":"customer-ended-call","durationSeconds":29.4,"transcript":"AI: How can I help?\nUser: What are your hours?\nAI: Nine to five.\n"}}`}}}
	now := func() time.Time { return arrivalTime }
	d.serve = sqs.Consume(serve(&callindex.Worker{Reader: d.bucket, Writer: d.bucket, Assistants: newAssistants(),
		Index:    &callindex.Index{Aliases: fakeLedger{}, Rows: d.rows, Now: now, Retention: 400 * 24 * time.Hour},
		Count:    func(_ context.Context, metric string) { d.counts[metric]++ },
		Analyser: newAnalyst(d.model.URL)}, webhook.Archive{}))
	return d
}

// deliver delivers the notification of the report, and reports whether it is done with.
func (d *fixture) deliver(t *testing.T) bool {
	t.Helper()
	body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"eventName": "ObjectCreated:Put", "s3": map[string]any{"object": map[string]any{"key": reportKey}}}}})
	if err != nil {
		t.Fatal(err)
	}
	response, err := d.serve(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: string(body)}}})
	if err != nil {
		t.Fatal(err)
	}
	return len(response.BatchItemFailures) == 0
}

func (d *fixture) row(t *testing.T) aurora.Call {
	t.Helper()
	if len(d.rows) != 1 {
		t.Fatalf("%d rows", len(d.rows))
	}
	for _, c := range d.rows {
		return c
	}
	return aurora.Call{}
}

const analysisAnswer = `{"summary":"The caller asked for the hours.","outcome":"resolved","sentiment":"neutral","topics":["opening hours"],"actionItems":[]}`

// TestFault42 lets the model fail after the report is kept: the call counts at once, and is analysed when the model is
// back.
func TestFault42(t *testing.T) {
	for name, failure := range map[string]fakeopenai.Answer{
		"500":       fakeopenai.Status(500, `{"error":{"message":"oops"}}`),
		"429":       fakeopenai.Status(429, `{"error":{"message":"slow down"}}`, "Retry-After", "600"),
		"401":       fakeopenai.Status(401, `{"error":{"message":"bad key sk-test","code":"invalid_api_key"}}`),
		"broken":    fakeopenai.Text(analysisAnswer[:20], analysisAnswer[20:]).CloseAfter(1),
		"reset":     fakeopenai.Reset(),
		"no finish": fakeopenai.Text(analysisAnswer).NoFinish(),
	} {
		t.Run("42 "+name, func(t *testing.T) {
			var back atomic.Bool
			d := newFixture(t, func(int, fakeopenai.Request) fakeopenai.Answer {
				if back.Load() {
					return fakeopenai.Text(analysisAnswer).Usage(200, 40)
				}
				return failure
			})
			if d.deliver(t) {
				t.Fatal("the message is done with, and nothing was analysed")
			}
			if c := d.row(t); c.Disposition != aurora.DispositionAnswered || c.Outcome != "" || d.counts[callindex.MetricAnalysisFailed] != 1 {
				t.Errorf("row %+v, counted %v", c, d.counts)
			}
			back.Store(true)
			if !d.deliver(t) {
				t.Fatal("the message failed although the model is back")
			}
			if c := d.row(t); c.Outcome != aurora.OutcomeResolved || c.Summary != "The caller asked for the hours." || c.PromptTokens != 200 || c.AnalysisCost == nil {
				t.Errorf("row %+v", c)
			}
			asked := len(d.model.Requests())
			if !d.deliver(t) || len(d.model.Requests()) != asked {
				t.Errorf("the model was asked %d times more about an analysed call", len(d.model.Requests())-asked)
			}
		})
	}
}

// The bytes that a model server gets.
func TestModelRequestBytes(t *testing.T) {
	d := newFixture(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text(analysisAnswer) })
	if !d.deliver(t) || len(d.model.Requests()) != 1 {
		t.Fatalf("asked %d times", len(d.model.Requests()))
	}
	golden.Equal(t, "request", append(d.model.Requests()[0].Raw, '\n'))
}

// A server that takes no response_format is asked without it, and what it costs is kept whole.
func TestServerWithoutResponseFormat(t *testing.T) {
	d := newFixture(t, func(_ int, r fakeopenai.Request) fakeopenai.Answer {
		if r.Body.ResponseFormat != nil {
			return fakeopenai.Status(400, `{"error":{"message":"unknown field","type":"invalid_request_error","param":"response_format"}}`)
		}
		return fakeopenai.Text(fmt.Sprintf("Sure:\n```json\n%s\n```", analysisAnswer))
	})
	if !d.deliver(t) || d.row(t).Outcome != aurora.OutcomeResolved || len(d.model.Requests()) != 2 {
		t.Errorf("%+v after %d questions", d.row(t), len(d.model.Requests()))
	}
}
