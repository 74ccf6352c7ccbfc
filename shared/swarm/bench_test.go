package swarm_test

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"testing"

	"aurora/shared/swarm"
)

// turning is a model that asks for three tools at once, and then says twenty words. What it says is made once.
type turning struct {
	calls, words []swarm.Chunk
	asked        int
}

func (m *turning) Stream(context.Context, swarm.Request) iter.Seq2[swarm.Chunk, error] {
	m.asked++
	chunks := m.calls
	if m.asked%2 == 0 {
		chunks = m.words
	}
	return func(yield func(swarm.Chunk, error) bool) {
		for _, c := range chunks {
			if !yield(c, nil) {
				return
			}
		}
	}
}

// BenchmarkTurnWithThreeTools is a turn of the loop: the model asks for three tools, they run, and it answers in twenty
// words. Nobody waits for anybody, so that what is left is the loop.
func BenchmarkTurnWithThreeTools(b *testing.B) {
	model := &turning{words: []swarm.Chunk{}}
	for i := range 20 {
		model.words = append(model.words, said("word"+strconv.Itoa(i)+" "))
	}
	model.words = append(model.words, ended("stop"))
	tools := make([]swarm.Tool, 3)
	for i := range tools {
		name := "tool" + strconv.Itoa(i)
		tools[i] = swarm.Tool{Name: name, Parameters: json.RawMessage(`{"type":"object"}`),
			Call: func(context.Context, swarm.Call) (swarm.Outcome, error) { return swarm.Outcome{Content: "done"}, nil }}
		model.calls = append(model.calls, called(swarm.Fragment{Index: i, ID: "call" + strconv.Itoa(i), Name: name, Arguments: `{"day":1}`}))
	}
	model.calls = append(model.calls, ended("tool_calls"))
	user := []swarm.Message{{Role: swarm.User, Content: "Do all three."}}
	b.ReportAllocs()
	for b.Loop() {
		turn := &swarm.Turn{Model: model, Agent: swarm.Agent{Name: "riley", Instructions: "Be brief.", Model: "gpt-4o", Tools: tools}, Messages: user}
		r, err := swarm.Collect(turn.Run(b.Context()))
		if err != nil || len(r.Messages) != 5 {
			b.Fatalf("%v, %+v", err, r)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "turns/s")
}
