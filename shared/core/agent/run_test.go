package agent_test

import (
	"context"
	"encoding/json"
	"iter"
	"reflect"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// recordingModel sends these chunks and then err, if it is not nil. It records the request, and that its stream ended.
type recordingModel struct {
	chunks []agent.Chunk
	err    error

	request     agent.ModelRequest
	streamEnded bool
}

func (s *recordingModel) Stream(_ context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		s.request = r
		defer func() { s.streamEnded = true }()
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

var errModel = fault.New(fault.Upstream, "The model failed.").WithCode("x")

func TestTurn(t *testing.T) {
	user := agent.Message{Role: agent.RoleUser, Content: "Hi"}
	for name, c := range map[string]struct {
		chunks []agent.Chunk
		err    error

		text    []string // of the events
		reason  string
		message *agent.Message // nil if the turn adds none
		calls   []agent.ToolCall
		code    string // of the error
		usage   int
	}{
		"text": {chunks: []agent.Chunk{textChunk("Nine "), textChunk("to five."), finishChunk("stop")},
			text: []string{"Nine ", "to five."}, reason: "stop", message: &agent.Message{Content: "Nine to five."}},
		"no text": {chunks: []agent.Chunk{finishChunk("stop")}, reason: "stop"},
		"reason in the last text chunk": {chunks: []agent.Chunk{{Text: "Yes.", FinishReason: "stop"}},
			text: []string{"Yes."}, reason: "stop", message: &agent.Message{Content: "Yes."}},
		"usage after the reason": {chunks: []agent.Chunk{textChunk("a"), finishChunk("stop"), {Usage: &agent.Usage{TotalTokens: 7}}},
			text: []string{"a"}, reason: "stop", message: &agent.Message{Content: "a"}, usage: 7},
		"usage in every chunk": {chunks: []agent.Chunk{{Text: "a", Usage: &agent.Usage{TotalTokens: 5}}, {FinishReason: "stop", Usage: &agent.Usage{TotalTokens: 6}}},
			text: []string{"a"}, reason: "stop", message: &agent.Message{Content: "a"}, usage: 6},
		"refusal": {chunks: []agent.Chunk{{Refusal: "I "}, {Refusal: "can't."}, finishChunk("stop")},
			text: []string{"I ", "can't."}, reason: "content_filter", message: &agent.Message{Content: "I can't."}},
		"a refusal that breaks off": {chunks: []agent.Chunk{{Refusal: "I "}},
			text: []string{"I "}, message: &agent.Message{Content: "I "}, code: "upstream_error"},
		"a call for the caller": {chunks: []agent.Chunk{bookChunk, finishChunk("tool_calls")},
			reason: "tool_calls", message: &agent.Message{ToolCalls: []agent.ToolCall{bookCall}}, calls: []agent.ToolCall{bookCall}},
		"text and a call, and a server that says stop": {chunks: []agent.Chunk{textChunk("One moment."), bookChunk, finishChunk("stop")},
			text: []string{"One moment."}, reason: "tool_calls", message: &agent.Message{Content: "One moment.", ToolCalls: []agent.ToolCall{bookCall}}, calls: []agent.ToolCall{bookCall}},
		"a server that counts calls from 1": {chunks: []agent.Chunk{toolCallsChunk(agent.ToolCallDelta{Index: 1, ID: "c1", Name: "book", Arguments: `{"day":1}`}), finishChunk("tool_calls")},
			reason: "tool_calls", message: &agent.Message{ToolCalls: []agent.ToolCall{bookCall}}, calls: []agent.ToolCall{bookCall}},
		"tool_calls without a call": {chunks: []agent.Chunk{textChunk("Hm."), finishChunk("tool_calls")},
			text: []string{"Hm."}, reason: "stop", message: &agent.Message{Content: "Hm."}},
		"length drops calls": {chunks: []agent.Chunk{textChunk("a"), bookChunk, finishChunk("length")},
			text: []string{"a"}, reason: "length", message: &agent.Message{Content: "a"}},
		"content filter drops calls": {chunks: []agent.Chunk{bookChunk, finishChunk("content_filter")}, reason: "content_filter"},
		"an error keeps the text and drops calls": {chunks: []agent.Chunk{textChunk("a "), textChunk("b"), bookChunk}, err: errModel,
			text: []string{"a ", "b"}, message: &agent.Message{Content: "a b"}, code: "x"},
		"an error at once":             {err: errModel, code: "x"},
		"a clean end without a reason": {chunks: []agent.Chunk{textChunk("a")}, text: []string{"a"}, message: &agent.Message{Content: "a"}, code: "upstream_error"},
		"no text and no reason":        {code: "upstream_error"},
		"an error after the reason":    {chunks: []agent.Chunk{textChunk("a"), finishChunk("stop")}, err: errModel, text: []string{"a"}, reason: "stop", message: &agent.Message{Content: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			model := &recordingModel{chunks: c.chunks, err: c.err}
			turn := &agent.Turn{Model: model, Agent: agent.Agent{Name: "riley", Instructions: "Be brief.", ModelName: "gpt-4o"},
				Messages: []agent.Message{user}, Variables: map[string]any{"tier": "gold"}, CallerTools: []agent.Tool{bookTool}, Options: json.RawMessage(`{"seed":1}`)}
			var text []string
			var end *agent.TurnResult
			var err error
			for e, eventErr := range turn.Run(t.Context()) {
				if end != nil {
					t.Fatal("an event after the End")
				}
				if e.End == nil {
					text = append(text, e.Text)
					if e.Model == "" {
						t.Error("an event names no model")
					}
				}
				end, err = e.End, eventErr
			}
			if end == nil {
				t.Fatal("the last event has no End")
			}
			check(t, "text of the events", text, c.text)
			check(t, "finish reason", end.FinishReason, c.reason)
			check(t, "total tokens", end.Usage.TotalTokens, c.usage)
			check(t, "calls for the caller", end.CallerToolCalls, c.calls)
			var want []agent.Message
			if c.message != nil {
				c.message.Role, c.message.Sender = agent.RoleAssistant, "riley"
				want = []agent.Message{*c.message}
			}
			if len(end.Messages) != len(want) || len(want) > 0 && !reflect.DeepEqual(normalize(end.Messages[0]), normalize(want[0])) {
				t.Errorf("messages %+v, want %+v", end.Messages, want)
			}
			check(t, "active agent", end.ActiveAgent, "riley")
			check(t, "variables", end.Variables, map[string]any{"tier": "gold"})
			check(t, "code of the error", codeOf(err), c.code)
			check(t, "the model's stream ended", model.streamEnded, true)
			check(t, "request", model.request, agent.ModelRequest{Model: "gpt-4o", Tools: []agent.Tool{bookTool}, Options: json.RawMessage(`{"seed":1}`),
				Messages: []agent.Message{{Role: agent.RoleSystem, Content: "Be brief."}, user}})
			result, err := agent.Collect((&agent.Turn{Model: &recordingModel{chunks: c.chunks, err: c.err}, Agent: turn.Agent, Messages: turn.Messages, Variables: turn.Variables, CallerTools: turn.CallerTools, Options: turn.Options}).Run(t.Context()))
			check(t, "collected result", result, end)
			check(t, "code of the collected error", codeOf(err), c.code)
		})
	}
}

// normalize makes an empty list of tool calls nil.
func normalize(m agent.Message) agent.Message {
	if len(m.ToolCalls) == 0 {
		m.ToolCalls = nil
	}
	return m
}

func TestConsumerStopReleasesModelStream(t *testing.T) {
	model := &recordingModel{chunks: []agent.Chunk{textChunk("a"), textChunk("b"), finishChunk("stop")}}
	turn := &agent.Turn{Model: model}
	events := 0
	for range turn.Run(t.Context()) {
		events++
		break
	}
	check(t, "events", events, 1)
	check(t, "the model's stream ended", model.streamEnded, true)
}

func TestNoSystemMessageWithoutInstructions(t *testing.T) {
	model := &recordingModel{chunks: []agent.Chunk{finishChunk("stop")}}
	turn := &agent.Turn{Model: model, Messages: []agent.Message{{Role: agent.RoleUser, Content: "Hi"}}}
	collect(t, turn)
	check(t, "messages of the request", model.request.Messages, turn.Messages)
}

func TestCollectWithoutEnd(t *testing.T) {
	_, err := agent.Collect(func(yield func(agent.Event, error) bool) { yield(agent.Event{Text: "a"}, nil) })
	if !fault.Is(err, fault.Internal) {
		t.Errorf("error = %v, want internal", err)
	}
}
