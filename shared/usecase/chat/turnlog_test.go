package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// TestLineOfATurn checks what the log says of a turn: how it ended, and whose it was.
func TestLineOfATurn(t *testing.T) {
	words := &scriptedModel{answers: [][]agent.Chunk{textAnswer("My secret words.")}}
	broken := failingModel{err: fault.New(fault.Upstream, "The model failed.").WithCode("upstream_error")}
	disconnected := errors.New("broken pipe")
	for _, c := range []struct {
		name     string
		model    agent.Model
		delivery chat.Delivery
		stop     bool // the reader stops at the first word
		want     map[string]any
	}{
		{"answered", words, chat.Delivery{CompletionID: "chatcmpl-1"}, false, map[string]any{"outcome": "answered", "code": "", "firstWordMs": 500.0, "finishReason": "stop", "completionId": "chatcmpl-1"}},
		{"failed", broken, chat.Delivery{Err: broken.err}, false, map[string]any{"outcome": "failed", "code": "upstream_error", "firstWordMs": nil}},
		{"fallback", broken, chat.Delivery{Fallback: broken.err, FillerSpoken: true}, false, map[string]any{"outcome": "fallback", "code": "upstream_error", "filler": true}},
		{"disconnected", words, chat.Delivery{Err: disconnected}, true, map[string]any{"outcome": "disconnected", "code": "internal_error"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			log, ctx := testkit.CaptureLog(t), logfields.New(t.Context())
			now := time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC)
			if script, ok := c.model.(*scriptedModel); ok {
				c.model = &scriptedModel{answers: script.answers}
			}
			s := &chat.Service{Assistants: testkit.NewAssistants(storedAssistant("riley", "Be kind.")), Chain: singleModel(c.model), DefaultModels: []string{"gpt-x"},
				Now: func() time.Time { now = now.Add(250 * time.Millisecond); return now }}
			turn, err := s.Turn(ctx, userRequest("hi", `{"id":"c-1","assistantId":"riley","callRecordId":"oc_1","callSid":"CA00000000000000000000000000000001"}`))
			if err != nil {
				t.Fatal(err)
			}
			for range turn.Events {
				if c.stop {
					break
				}
			}
			turn.RecordEnd(ctx, c.delivery)
			lines := log.Lines()
			line := lines[len(lines)-1]
			want := map[string]any{"event": "turn.ended", "channel": "general", "callId": "c-1", "callSid": "CA00000000000000000000000000000001", "recordId": "oc_1",
				"assistantId": "riley", "model": "gpt-x"}
			maps.Copy(want, c.want)
			for name, value := range want {
				if got, ok := line[name]; !ok || got != value {
					t.Errorf("%s is %v, want %v", name, got, value)
				}
			}
			if strings.Contains(log.String(), "secret words") {
				t.Error("the log holds what was said")
			}
		})
	}
}

// countingStore counts the writes of records.
type countingStore struct{ records []trace.Record }

func (s *countingStore) Write(_ context.Context, records []trace.Record) error {
	s.records = append(s.records, records...)
	return nil
}

// TestRecordIsWrittenAfterTheAnswer checks that a turn writes its record once, when its answer has been sent.
func TestRecordIsWrittenAfterTheAnswer(t *testing.T) {
	testkit.DiscardLog(t)
	store := &countingStore{}
	s := &chat.Service{Assistants: testkit.NewAssistants(storedAssistant("riley", "Be kind.")), Chain: singleModel(&scriptedModel{answers: [][]agent.Chunk{textAnswer("My secret words.")}}),
		DefaultModels: []string{"gpt-x"}, Traces: &trace.Writer{Store: store, Sample: 100}, Now: time.Now}
	ctx := logfields.New(t.Context())
	turn, err := s.Turn(ctx, userRequest("My name is Maria Lopez, +14155550100.", `{"id":"+14155550123","assistantId":"riley"}`))
	if err != nil {
		t.Fatal(err)
	}
	for range turn.Events {
		if len(store.records) != 0 {
			t.Fatal("a record was written before the answer was sent")
		}
	}
	turn.RecordEnd(ctx, chat.Delivery{})
	turn.RecordEnd(ctx, chat.Delivery{})
	if len(store.records) != 1 {
		t.Fatalf("%d records were written, want 1", len(store.records))
	}
	b, err := json.Marshal(store.records[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"secret", "Maria", "Be kind", "5550100", "5550123"} {
		if strings.Contains(string(b), never) {
			t.Errorf("the record holds %q: %s", never, b)
		}
	}
}
