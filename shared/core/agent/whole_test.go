package agent_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// pieces is a model that says these and then, where there is one, an error.
type pieces struct {
	chunks []agent.Chunk
	err    error
}

func (p pieces) Stream(context.Context, agent.Request) iter.Seq2[agent.Chunk, error] {
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

func TestWhole(t *testing.T) {
	cut := errors.New("cut")
	used := agent.Chunk{Usage: &agent.Usage{PromptTokens: 3, CompletionTokens: 4, TotalTokens: 7}}
	tokens := *used.Usage
	for name, c := range map[string]struct {
		model  pieces
		want   agent.Answer
		broken bool
	}{
		"whole":                    {pieces{[]agent.Chunk{{Text: "a", Model: "gpt-4o-mini-2024"}, {Text: "b"}, ended("stop"), used}, nil}, agent.Answer{Text: "ab", Model: "gpt-4o-mini-2024", Usage: tokens, FinishReason: "stop"}, false},
		"cut to length":            {pieces{[]agent.Chunk{{Text: "a"}, ended("length")}, nil}, agent.Answer{Text: "a", Model: "m", FinishReason: "length"}, false},
		"a refusal":                {pieces{[]agent.Chunk{{Refusal: "No."}, ended("stop")}, nil}, agent.Answer{Text: "No.", Model: "m", FinishReason: "content_filter"}, false},
		"broken after its end":     {pieces{[]agent.Chunk{{Text: "a"}, ended("stop")}, cut}, agent.Answer{Text: "a", Model: "m", FinishReason: "stop"}, false},
		"no reason":                {pieces{[]agent.Chunk{{Text: "a"}, used}, nil}, agent.Answer{Text: "a", Model: "m", Usage: tokens}, true},
		"broken":                   {pieces{[]agent.Chunk{{Text: "a"}}, cut}, agent.Answer{Text: "a", Model: "m"}, true},
		"nothing at all":           {pieces{}, agent.Answer{Model: "m"}, true},
		"usage in every chunk":     {pieces{[]agent.Chunk{{Text: "a", Usage: &agent.Usage{TotalTokens: 5}}, ended("stop"), used}, nil}, agent.Answer{Text: "a", Model: "m", Usage: tokens, FinishReason: "stop"}, false},
		"a failure without a word": {pieces{nil, fault.New(fault.TooMany, "Slowly.")}, agent.Answer{Model: "m"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := agent.Whole(t.Context(), c.model, agent.Request{Model: "m"})
			if got != c.want || (err != nil) != c.broken {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
			if c.model.err != nil && c.broken && !errors.Is(err, c.model.err) {
				t.Errorf("%v lost its cause", err)
			}
		})
	}
}
