package agent_test

import (
	"errors"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

func TestComplete(t *testing.T) {
	cut := errors.New("cut")
	used := agent.Chunk{Usage: &agent.Usage{PromptTokens: 3, CompletionTokens: 4, TotalTokens: 7}}
	tokens := *used.Usage
	for name, c := range map[string]struct {
		model  *recordingModel
		want   agent.Completion
		broken bool
	}{
		"whole":                 {&recordingModel{chunks: []agent.Chunk{{Text: "a", Model: "gpt-4o-mini-2024"}, {Text: "b"}, finishChunk("stop"), used}}, agent.Completion{Text: "ab", Model: "gpt-4o-mini-2024", Usage: tokens, FinishReason: "stop"}, false},
		"cut to length":         {&recordingModel{chunks: []agent.Chunk{{Text: "a"}, finishChunk("length")}}, agent.Completion{Text: "a", Model: "m", FinishReason: "length"}, false},
		"a refusal":             {&recordingModel{chunks: []agent.Chunk{{Refusal: "No."}, finishChunk("stop")}}, agent.Completion{Text: "No.", Model: "m", FinishReason: "content_filter"}, false},
		"broken after its end":  {&recordingModel{chunks: []agent.Chunk{{Text: "a"}, finishChunk("stop")}, err: cut}, agent.Completion{Text: "a", Model: "m", FinishReason: "stop"}, false},
		"no reason":             {&recordingModel{chunks: []agent.Chunk{{Text: "a"}, used}}, agent.Completion{Text: "a", Model: "m", Usage: tokens}, true},
		"broken":                {&recordingModel{chunks: []agent.Chunk{{Text: "a"}}, err: cut}, agent.Completion{Text: "a", Model: "m"}, true},
		"no chunk":              {&recordingModel{}, agent.Completion{Model: "m"}, true},
		"usage in every chunk":  {&recordingModel{chunks: []agent.Chunk{{Text: "a", Usage: &agent.Usage{TotalTokens: 5}}, finishChunk("stop"), used}}, agent.Completion{Text: "a", Model: "m", Usage: tokens, FinishReason: "stop"}, false},
		"an error without text": {&recordingModel{err: fault.New(fault.RateLimited, "Slowly.")}, agent.Completion{Model: "m"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := agent.Complete(t.Context(), c.model, agent.ModelRequest{Model: "m"})
			if got != c.want || (err != nil) != c.broken {
				t.Errorf("completion = %+v, error %v; want %+v and an error: %v", got, err, c.want, c.broken)
			}
			if c.model.err != nil && c.broken && !errors.Is(err, c.model.err) {
				t.Errorf("error %v has lost its cause", err)
			}
		})
	}
}

// TestEndWithoutFinishReason has streams whose server marks the end and gives no finish reason. They are complete, unless a
// tool call is cut short.
func TestEndWithoutFinishReason(t *testing.T) {
	call := func(arguments string) agent.Chunk {
		return agent.Chunk{ToolCalls: []agent.ToolCallDelta{{Index: 0, ID: "a", Name: "f", Arguments: arguments}}}
	}
	for name, c := range map[string]struct {
		chunks []agent.Chunk
		want   string
	}{
		"text":                  {[]agent.Chunk{{Text: "a"}, {Ended: true}}, agent.FinishStop},
		"nothing":               {[]agent.Chunk{{Ended: true}}, agent.FinishStop},
		"whole tool call":       {[]agent.Chunk{call(`{"a":`), call(`1}`), {Ended: true}}, agent.FinishToolCalls},
		"call without any text": {[]agent.Chunk{call(``), {Ended: true}}, agent.FinishToolCalls},
		"half a tool call":      {[]agent.Chunk{{Text: "a"}, call(`{"a":`), {Ended: true}}, ""},
		"no mark":               {[]agent.Chunk{{Text: "a"}}, ""},
		"refusal":               {[]agent.Chunk{{Refusal: "no"}, {Ended: true}}, agent.FinishContentFilter},
	} {
		got, err := agent.Complete(t.Context(), &recordingModel{chunks: c.chunks}, agent.ModelRequest{})
		if got.FinishReason != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: finish reason %q, error %v; want %q", name, got.FinishReason, err, c.want)
		}
	}
}
