package swarm_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"aurora/shared/fault"
	"aurora/shared/swarm"
)

// pieces is a model that says these and then, where there is one, an error.
type pieces struct {
	chunks []swarm.Chunk
	err    error
}

func (p pieces) Stream(context.Context, swarm.Request) iter.Seq2[swarm.Chunk, error] {
	return func(yield func(swarm.Chunk, error) bool) {
		for _, c := range p.chunks {
			if !yield(c, nil) {
				return
			}
		}
		if p.err != nil {
			yield(swarm.Chunk{}, p.err)
		}
	}
}

func TestWhole(t *testing.T) {
	cut := errors.New("cut")
	used := swarm.Chunk{Usage: &swarm.Usage{PromptTokens: 3, CompletionTokens: 4, TotalTokens: 7}}
	tokens := *used.Usage
	for name, c := range map[string]struct {
		model  pieces
		want   swarm.Answer
		broken bool
	}{
		"whole":                    {pieces{[]swarm.Chunk{{Text: "a", Model: "gpt-4o-mini-2024"}, {Text: "b"}, ended("stop"), used}, nil}, swarm.Answer{Text: "ab", Model: "gpt-4o-mini-2024", Usage: tokens, FinishReason: "stop"}, false},
		"cut to length":            {pieces{[]swarm.Chunk{{Text: "a"}, ended("length")}, nil}, swarm.Answer{Text: "a", Model: "m", FinishReason: "length"}, false},
		"a refusal":                {pieces{[]swarm.Chunk{{Refusal: "No."}, ended("stop")}, nil}, swarm.Answer{Text: "No.", Model: "m", FinishReason: "content_filter"}, false},
		"broken after its end":     {pieces{[]swarm.Chunk{{Text: "a"}, ended("stop")}, cut}, swarm.Answer{Text: "a", Model: "m", FinishReason: "stop"}, false},
		"no reason":                {pieces{[]swarm.Chunk{{Text: "a"}, used}, nil}, swarm.Answer{Text: "a", Model: "m", Usage: tokens}, true},
		"broken":                   {pieces{[]swarm.Chunk{{Text: "a"}}, cut}, swarm.Answer{Text: "a", Model: "m"}, true},
		"nothing at all":           {pieces{}, swarm.Answer{Model: "m"}, true},
		"usage in every chunk":     {pieces{[]swarm.Chunk{{Text: "a", Usage: &swarm.Usage{TotalTokens: 5}}, ended("stop"), used}, nil}, swarm.Answer{Text: "a", Model: "m", Usage: tokens, FinishReason: "stop"}, false},
		"a failure without a word": {pieces{nil, fault.New(fault.TooMany, "Slowly.")}, swarm.Answer{Model: "m"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := swarm.Whole(t.Context(), c.model, swarm.Request{Model: "m"})
			if got != c.want || (err != nil) != c.broken {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
			if c.model.err != nil && c.broken && !errors.Is(err, c.model.err) {
				t.Errorf("%v lost its cause", err)
			}
		})
	}
}
