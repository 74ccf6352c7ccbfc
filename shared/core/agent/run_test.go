package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"reflect"
	"testing"

	"go.uber.org/goleak"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recordingModel is a model that says what it is told to, and remembers what it was asked and whether it was let go.
type recordingModel struct {
	chunks []agent.Chunk
	err    error

	request  agent.ModelRequest
	released bool
}

func (s *recordingModel) Stream(_ context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		s.request = r
		defer func() { s.released = true }()
		for _, c := range s.chunks {
			if !yield(c, nil) {
				return
			}
		}
		if s.err != nil {
			yield(agent.Chunk{}, s.err)
		}
	}
}

func textChunk(text string) agent.Chunk     { return agent.Chunk{Text: text, Model: "gpt-4o-2024"} }
func finishChunk(reason string) agent.Chunk { return agent.Chunk{FinishReason: reason} }
func toolCallsChunk(f ...agent.ToolCallDelta) agent.Chunk {
	return agent.Chunk{ToolCalls: f}
}

var (
	bookTool  = agent.Tool{Name: "book"}
	bookCall  = agent.ToolCall{ID: "c1", Name: "book", Arguments: `{"day":1}`}
	bookChunk = toolCallsChunk(agent.ToolCallDelta{Index: 0, ID: "c1", Name: "book", Arguments: `{"day":1}`})
	errModel  = fault.New(fault.Upstream, "The model failed.").WithCode("x")
)

func TestTurn(t *testing.T) {
	user := agent.Message{Role: agent.RoleUser, Content: "Hi"}
	for name, c := range map[string]struct {
		chunks []agent.Chunk
		err    error

		text    []string // as events
		reason  string
		message *agent.Message // nil where the turn adds none
		calls   []agent.ToolCall
		code    string // of the error
		usage   int
	}{
		"text": {chunks: []agent.Chunk{textChunk("Nine "), textChunk("to five."), finishChunk("stop")},
			text: []string{"Nine ", "to five."}, reason: "stop", message: &agent.Message{Content: "Nine to five."}},
		"nothing at all": {chunks: []agent.Chunk{finishChunk("stop")}, reason: "stop"},
		"the reason comes with the last words": {chunks: []agent.Chunk{{Text: "Yes.", FinishReason: "stop"}},
			text: []string{"Yes."}, reason: "stop", message: &agent.Message{Content: "Yes."}},
		"usage comes after the reason": {chunks: []agent.Chunk{textChunk("a"), finishChunk("stop"), {Usage: &agent.Usage{TotalTokens: 7}}},
			text: []string{"a"}, reason: "stop", message: &agent.Message{Content: "a"}, usage: 7},
		"usage comes with every chunk": {chunks: []agent.Chunk{{Text: "a", Usage: &agent.Usage{TotalTokens: 5}}, {FinishReason: "stop", Usage: &agent.Usage{TotalTokens: 6}}},
			text: []string{"a"}, reason: "stop", message: &agent.Message{Content: "a"}, usage: 6},
		"refusal": {chunks: []agent.Chunk{{Refusal: "I "}, {Refusal: "can't."}, finishChunk("stop")},
			text: []string{"I ", "can't."}, reason: "content_filter", message: &agent.Message{Content: "I can't."}},
		"a refusal that breaks off is no end": {chunks: []agent.Chunk{{Refusal: "I "}},
			text: []string{"I "}, message: &agent.Message{Content: "I "}, code: "upstream_error"},
		"a call is handed back": {chunks: []agent.Chunk{bookChunk, finishChunk("tool_calls")},
			reason: "tool_calls", message: &agent.Message{ToolCalls: []agent.ToolCall{bookCall}}, calls: []agent.ToolCall{bookCall}},
		"words and a call, and a server that says stop": {chunks: []agent.Chunk{textChunk("One moment."), bookChunk, finishChunk("stop")},
			text: []string{"One moment."}, reason: "tool_calls", message: &agent.Message{Content: "One moment.", ToolCalls: []agent.ToolCall{bookCall}}, calls: []agent.ToolCall{bookCall}},
		"a server that counts calls from 1": {chunks: []agent.Chunk{toolCallsChunk(agent.ToolCallDelta{Index: 1, ID: "c1", Name: "book", Arguments: `{"day":1}`}), finishChunk("tool_calls")},
			reason: "tool_calls", message: &agent.Message{ToolCalls: []agent.ToolCall{bookCall}}, calls: []agent.ToolCall{bookCall}},
		"tool_calls without a call": {chunks: []agent.Chunk{textChunk("Hm."), finishChunk("tool_calls")},
			text: []string{"Hm."}, reason: "stop", message: &agent.Message{Content: "Hm."}},
		"length drops calls": {chunks: []agent.Chunk{textChunk("a"), bookChunk, finishChunk("length")},
			text: []string{"a"}, reason: "length", message: &agent.Message{Content: "a"}},
		"so does the content filter": {chunks: []agent.Chunk{bookChunk, finishChunk("content_filter")}, reason: "content_filter"},
		"an error keeps the words, not the calls": {chunks: []agent.Chunk{textChunk("a "), textChunk("b"), bookChunk}, err: errModel,
			text: []string{"a ", "b"}, message: &agent.Message{Content: "a b"}, code: "x"},
		"an error at once":                          {err: errModel, code: "x"},
		"a clean end without a reason":              {chunks: []agent.Chunk{textChunk("a")}, text: []string{"a"}, message: &agent.Message{Content: "a"}, code: "upstream_error"},
		"nothing, not even a reason":                {code: "upstream_error"},
		"what breaks after the reason is no matter": {chunks: []agent.Chunk{textChunk("a"), finishChunk("stop")}, err: errModel, text: []string{"a"}, reason: "stop", message: &agent.Message{Content: "a"}},
		"a hostile index":                           {chunks: []agent.Chunk{toolCallsChunk(agent.ToolCallDelta{Index: 1 << 40, Name: "book"}, agent.ToolCallDelta{Index: 128, Name: "book"}), finishChunk("stop")}, reason: "stop"},
	} {
		t.Run(name, func(t *testing.T) {
			model := &recordingModel{chunks: c.chunks, err: c.err}
			turn := &agent.Turn{Model: model, Agent: agent.Agent{Name: "riley", Instructions: "Be brief.", ModelName: "gpt-4o"},
				Messages: []agent.Message{user}, Variables: map[string]any{"tier": "gold"}, CallerTools: []agent.Tool{bookTool}, Options: json.RawMessage(`{"seed":1}`)}
			var text []string
			var end *agent.TurnResult
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
			if !reflect.DeepEqual(text, c.text) || end.FinishReason != c.reason || end.Usage.TotalTokens != c.usage || !reflect.DeepEqual(end.CallerToolCalls, c.calls) {
				t.Errorf("text %q, reason %q, usage %v, calls %v", text, end.FinishReason, end.Usage, end.CallerToolCalls)
			}
			var want []agent.Message
			if c.message != nil {
				c.message.Role, c.message.Sender = agent.RoleAssistant, "riley"
				want = []agent.Message{*c.message}
			}
			if len(end.Messages) != len(want) || len(want) > 0 && !reflect.DeepEqual(normalize(end.Messages[0]), normalize(want[0])) {
				t.Errorf("messages %+v, want %+v", end.Messages, want)
			}
			if end.ActiveAgent != "riley" || end.Variables["tier"] != "gold" {
				t.Errorf("agent %q, context %v", end.ActiveAgent, end.Variables)
			}
			if code := codeOf(err); code != c.code {
				t.Errorf("error %v, want code %q", err, c.code)
			}
			if !model.released {
				t.Error("the model's stream was not let go")
			}
			asked := agent.ModelRequest{Model: "gpt-4o", Tools: []agent.Tool{bookTool}, Options: json.RawMessage(`{"seed":1}`),
				Messages: []agent.Message{{Role: agent.RoleSystem, Content: "Be brief."}, user}}
			if !reflect.DeepEqual(model.request, asked) {
				t.Errorf("asked %+v", model.request)
			}
			result, cerr := agent.Collect((&agent.Turn{Model: &recordingModel{chunks: c.chunks, err: c.err}, Agent: turn.Agent, Messages: turn.Messages, Variables: turn.Variables, CallerTools: turn.CallerTools}).Run(context.Background()))
			if !reflect.DeepEqual(result, end) || codeOf(cerr) != c.code {
				t.Errorf("collected %+v, %v", result, cerr)
			}
		})
	}
}

// normalize tells no difference between no calls and none.
func normalize(m agent.Message) agent.Message {
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

func TestConsumerStopReleasesModelStream(t *testing.T) {
	model := &recordingModel{chunks: []agent.Chunk{textChunk("a"), textChunk("b"), finishChunk("stop")}}
	turn := &agent.Turn{Model: model}
	events := 0
	for range turn.Run(context.Background()) {
		events++
		break
	}
	if events != 1 || !model.released {
		t.Errorf("%d events, model ended: %v", events, model.released)
	}
}

func TestNoSystemMessageWithoutInstructions(t *testing.T) {
	model := &recordingModel{chunks: []agent.Chunk{finishChunk("stop")}}
	turn := &agent.Turn{Model: model, Messages: []agent.Message{{Role: agent.RoleUser, Content: "Hi"}}}
	if _, err := agent.Collect(turn.Run(context.Background())); err != nil || len(model.request.Messages) != 1 {
		t.Errorf("asked %+v, %v", model.request.Messages, err)
	}
}

func TestCollectWithoutEnd(t *testing.T) {
	_, err := agent.Collect(func(yield func(agent.Event, error) bool) { yield(agent.Event{Text: "a"}, nil) })
	if !fault.Is(err, fault.Internal) {
		t.Errorf("error = %v", err)
	}
}
