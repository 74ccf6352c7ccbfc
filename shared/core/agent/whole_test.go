package agent_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// chunkModel is a model that says these and then, where there is one, an error.
type chunkModel struct {
	chunks []agent.Chunk
	err    error
}

func (p chunkModel) Stream(context.Context, agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		for _, c := range p.chunks {
			if !yield(c, nil) {
				return
			}
		}
		if p.err != nil {
			yield(agent.Chunk{}, p.err)
		}
	}
}

func TestComplete(t *testing.T) {
	cut := errors.New("cut")
	used := agent.Chunk{Usage: &agent.Usage{PromptTokens: 3, CompletionTokens: 4, TotalTokens: 7}}
	tokens := *used.Usage
	for name, c := range map[string]struct {
		model  chunkModel
		want   agent.Completion
		broken bool
	}{
		"whole":                    {chunkModel{[]agent.Chunk{{Text: "a", Model: "gpt-4o-mini-2024"}, {Text: "b"}, finishChunk("stop"), used}, nil}, agent.Completion{Text: "ab", Model: "gpt-4o-mini-2024", Usage: tokens, FinishReason: "stop"}, false},
		"cut to length":            {chunkModel{[]agent.Chunk{{Text: "a"}, finishChunk("length")}, nil}, agent.Completion{Text: "a", Model: "m", FinishReason: "length"}, false},
		"a refusal":                {chunkModel{[]agent.Chunk{{Refusal: "No."}, finishChunk("stop")}, nil}, agent.Completion{Text: "No.", Model: "m", FinishReason: "content_filter"}, false},
		"broken after its end":     {chunkModel{[]agent.Chunk{{Text: "a"}, finishChunk("stop")}, cut}, agent.Completion{Text: "a", Model: "m", FinishReason: "stop"}, false},
		"no reason":                {chunkModel{[]agent.Chunk{{Text: "a"}, used}, nil}, agent.Completion{Text: "a", Model: "m", Usage: tokens}, true},
		"broken":                   {chunkModel{[]agent.Chunk{{Text: "a"}}, cut}, agent.Completion{Text: "a", Model: "m"}, true},
		"nothing at all":           {chunkModel{}, agent.Completion{Model: "m"}, true},
		"usage in every chunk":     {chunkModel{[]agent.Chunk{{Text: "a", Usage: &agent.Usage{TotalTokens: 5}}, finishChunk("stop"), used}, nil}, agent.Completion{Text: "a", Model: "m", Usage: tokens, FinishReason: "stop"}, false},
		"a failure without a word": {chunkModel{nil, fault.New(fault.RateLimited, "Slowly.")}, agent.Completion{Model: "m"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := agent.Complete(t.Context(), c.model, agent.ModelRequest{Model: "m"})
			if got != c.want || (err != nil) != c.broken {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
			if c.model.err != nil && c.broken && !errors.Is(err, c.model.err) {
				t.Errorf("%v lost its cause", err)
			}
		})
	}
}
