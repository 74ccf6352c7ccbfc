package swarm_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"testing"

	"go.uber.org/goleak"

	"aurora/shared/fault"
	"aurora/shared/swarm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script is a model that says what it is told to, and remembers what it was asked and whether it was let go.
type script struct {
	chunks []swarm.Chunk
	err    error

	asked swarm.Request
	ended bool
}

func (s *script) Stream(_ context.Context, r swarm.Request) iter.Seq2[swarm.Chunk, error] {
	return func(yield func(swarm.Chunk, error) bool) {
		s.asked = r
		defer func() { s.ended = true }()
		for _, c := range s.chunks {
			if !yield(c, nil) {
				return
			}
		}
		if s.err != nil {
			yield(swarm.Chunk{}, s.err)
		}
	}
}

func said(text string) swarm.Chunk    { return swarm.Chunk{Text: text, Model: "gpt-4o-2024"} }
func ended(reason string) swarm.Chunk { return swarm.Chunk{FinishReason: reason} }
func called(f ...swarm.Fragment) swarm.Chunk {
	return swarm.Chunk{Calls: f}
}

var (
	book    = swarm.Tool{Name: "book"}
	booking = swarm.ToolCall{ID: "c1", Name: "book", Arguments: `{"day":1}`}
	whole   = called(swarm.Fragment{Index: 0, ID: "c1", Name: "book", Arguments: `{"day":1}`})
	broke   = fault.New(fault.Upstream, "The model failed.").Coded("x")
)

func TestTurn(t *testing.T) {
	user := swarm.Message{Role: swarm.User, Content: "Hi"}
	for name, c := range map[string]struct {
		chunks []swarm.Chunk
		err    error

		text    []string // as events
		reason  string
		message *swarm.Message // nil where the turn adds none
		calls   []swarm.ToolCall
		code    string // of the error
		usage   int
	}{
		"text": {chunks: []swarm.Chunk{said("Nine "), said("to five."), ended("stop")},
			text: []string{"Nine ", "to five."}, reason: "stop", message: &swarm.Message{Content: "Nine to five."}},
		"nothing at all": {chunks: []swarm.Chunk{ended("stop")}, reason: "stop"},
		"the reason comes with the last words": {chunks: []swarm.Chunk{{Text: "Yes.", FinishReason: "stop"}},
			text: []string{"Yes."}, reason: "stop", message: &swarm.Message{Content: "Yes."}},
		"usage comes after the reason": {chunks: []swarm.Chunk{said("a"), ended("stop"), {Usage: &swarm.Usage{TotalTokens: 7}}},
			text: []string{"a"}, reason: "stop", message: &swarm.Message{Content: "a"}, usage: 7},
		"usage comes with every chunk": {chunks: []swarm.Chunk{{Text: "a", Usage: &swarm.Usage{TotalTokens: 5}}, {FinishReason: "stop", Usage: &swarm.Usage{TotalTokens: 6}}},
			text: []string{"a"}, reason: "stop", message: &swarm.Message{Content: "a"}, usage: 6},
		"refusal": {chunks: []swarm.Chunk{{Refusal: "I "}, {Refusal: "can't."}, ended("stop")},
			text: []string{"I ", "can't."}, reason: "content_filter", message: &swarm.Message{Content: "I can't."}},
		"a refusal that breaks off is no end": {chunks: []swarm.Chunk{{Refusal: "I "}},
			text: []string{"I "}, message: &swarm.Message{Content: "I "}, code: "upstream_error"},
		"a call is handed back": {chunks: []swarm.Chunk{whole, ended("tool_calls")},
			reason: "tool_calls", message: &swarm.Message{ToolCalls: []swarm.ToolCall{booking}}, calls: []swarm.ToolCall{booking}},
		"words and a call, and a server that says stop": {chunks: []swarm.Chunk{said("One moment."), whole, ended("stop")},
			text: []string{"One moment."}, reason: "tool_calls", message: &swarm.Message{Content: "One moment.", ToolCalls: []swarm.ToolCall{booking}}, calls: []swarm.ToolCall{booking}},
		"a server that counts calls from 1": {chunks: []swarm.Chunk{called(swarm.Fragment{Index: 1, ID: "c1", Name: "book", Arguments: `{"day":1}`}), ended("tool_calls")},
			reason: "tool_calls", message: &swarm.Message{ToolCalls: []swarm.ToolCall{booking}}, calls: []swarm.ToolCall{booking}},
		"tool_calls without a call": {chunks: []swarm.Chunk{said("Hm."), ended("tool_calls")},
			text: []string{"Hm."}, reason: "stop", message: &swarm.Message{Content: "Hm."}},
		"length drops calls": {chunks: []swarm.Chunk{said("a"), whole, ended("length")},
			text: []string{"a"}, reason: "length", message: &swarm.Message{Content: "a"}},
		"so does the content filter": {chunks: []swarm.Chunk{whole, ended("content_filter")}, reason: "content_filter"},
		"an error keeps the words, not the calls": {chunks: []swarm.Chunk{said("a "), said("b"), whole}, err: broke,
			text: []string{"a ", "b"}, message: &swarm.Message{Content: "a b"}, code: "x"},
		"an error at once":                          {err: broke, code: "x"},
		"a clean end without a reason":              {chunks: []swarm.Chunk{said("a")}, text: []string{"a"}, message: &swarm.Message{Content: "a"}, code: "upstream_error"},
		"nothing, not even a reason":                {code: "upstream_error"},
		"what breaks after the reason is no matter": {chunks: []swarm.Chunk{said("a"), ended("stop")}, err: broke, text: []string{"a"}, reason: "stop", message: &swarm.Message{Content: "a"}},
		"a hostile index":                           {chunks: []swarm.Chunk{called(swarm.Fragment{Index: 1 << 40, Name: "book"}, swarm.Fragment{Index: 128, Name: "book"}), ended("stop")}, reason: "stop"},
	} {
		t.Run(name, func(t *testing.T) {
			model := &script{chunks: c.chunks, err: c.err}
			turn := &swarm.Turn{Model: model, Agent: swarm.Agent{Name: "riley", Instructions: "Be brief.", Model: "gpt-4o"},
				Messages: []swarm.Message{user}, Context: map[string]any{"tier": "gold"}, Offered: []swarm.Tool{book}, Options: json.RawMessage(`{"seed":1}`)}
			var text []string
			var end *swarm.Result
			var err error
			for e, eerr := range turn.Run(context.Background()) {
				if end != nil {
					t.Fatal("an event after the End")
				}
				if e.End == nil {
					text = append(text, e.Text)
					if e.Model == "" {
						t.Error("an event without a model")
					}
				}
				end, err = e.End, eerr
			}
			if end == nil {
				t.Fatal("no End")
			}
			if !reflect.DeepEqual(text, c.text) || end.FinishReason != c.reason || end.Usage.TotalTokens != c.usage || !reflect.DeepEqual(end.Calls, c.calls) {
				t.Errorf("text %q, reason %q, usage %v, calls %v", text, end.FinishReason, end.Usage, end.Calls)
			}
			var want []swarm.Message
			if c.message != nil {
				c.message.Role, c.message.Sender = swarm.Assistant, "riley"
				want = []swarm.Message{*c.message}
			}
			if len(end.Messages) != len(want) || len(want) > 0 && !reflect.DeepEqual(normal(end.Messages[0]), normal(want[0])) {
				t.Errorf("messages %+v, want %+v", end.Messages, want)
			}
			if end.Agent != "riley" || end.Context["tier"] != "gold" {
				t.Errorf("agent %q, context %v", end.Agent, end.Context)
			}
			if code := codeOf(err); code != c.code {
				t.Errorf("error %v, want code %q", err, c.code)
			}
			if !model.ended {
				t.Error("the model's stream was not let go")
			}
			asked := swarm.Request{Model: "gpt-4o", Tools: []swarm.Tool{book}, Options: json.RawMessage(`{"seed":1}`),
				Messages: []swarm.Message{{Role: swarm.System, Content: "Be brief."}, user}}
			if !reflect.DeepEqual(model.asked, asked) {
				t.Errorf("asked %+v", model.asked)
			}
			result, cerr := swarm.Collect((&swarm.Turn{Model: &script{chunks: c.chunks, err: c.err}, Agent: turn.Agent, Messages: turn.Messages, Context: turn.Context, Offered: turn.Offered}).Run(context.Background()))
			if !reflect.DeepEqual(result, end) || codeOf(cerr) != c.code {
				t.Errorf("collected %+v, %v", result, cerr)
			}
		})
	}
}

// normal tells no difference between no calls and none.
func normal(m swarm.Message) swarm.Message {
	if len(m.ToolCalls) == 0 {
		m.ToolCalls = nil
	}
	return m
}

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

func TestAConsumerWhoStopsEndsTheModelsStream(t *testing.T) {
	model := &script{chunks: []swarm.Chunk{said("a"), said("b"), ended("stop")}}
	turn := &swarm.Turn{Model: model}
	events := 0
	for range turn.Run(context.Background()) {
		events++
		break
	}
	if events != 1 || !model.ended {
		t.Errorf("%d events, model ended: %v", events, model.ended)
	}
}

func TestAnAgentWithoutInstructionsSaysNothingToTheModel(t *testing.T) {
	model := &script{chunks: []swarm.Chunk{ended("stop")}}
	turn := &swarm.Turn{Model: model, Messages: []swarm.Message{{Role: swarm.User, Content: "Hi"}}}
	if _, err := swarm.Collect(turn.Run(context.Background())); err != nil || len(model.asked.Messages) != 1 {
		t.Errorf("asked %+v, %v", model.asked.Messages, err)
	}
}

func TestCollectOfAStreamWithoutAnEnd(t *testing.T) {
	_, err := swarm.Collect(func(yield func(swarm.Event, error) bool) { yield(swarm.Event{Text: "a"}, nil) })
	if !fault.Is(err, fault.Internal) {
		t.Errorf("error = %v", err)
	}
}
