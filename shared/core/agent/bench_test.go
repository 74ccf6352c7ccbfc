package agent_test

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"testing"

	"example.com/aurora/shared/core/agent"
)

// turning is a model that asks for three tools at once, and then says twenty words. What it says is made once.
type turning struct {
	calls, words []agent.Chunk
	asked        int
}

func (m *turning) Stream(context.Context, agent.Request) iter.Seq2[agent.Chunk, error] {
	m.asked++
	chunks := m.calls
	if m.asked%2 == 0 {
		chunks = m.words
	}
	return func(yield func(agent.Chunk, error) bool) {
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
	model := &turning{words: []agent.Chunk{}}
	for i := range 20 {
		model.words = append(model.words, said("word"+strconv.Itoa(i)+" "))
	}
	model.words = append(model.words, ended("stop"))
	tools := make([]agent.Tool, 3)
	for i := range tools {
		name := "tool" + strconv.Itoa(i)
		tools[i] = agent.Tool{Name: name, Parameters: json.RawMessage(`{"type":"object"}`),
			Call: func(context.Context, agent.Call) (agent.Outcome, error) { return agent.Outcome{Content: "done"}, nil }}
		model.calls = append(model.calls, called(agent.Fragment{Index: i, ID: "call" + strconv.Itoa(i), Name: name, Arguments: `{"day":1}`}))
	}
	model.calls = append(model.calls, ended("tool_calls"))
	user := []agent.Message{{Role: agent.User, Content: "Do all three."}}
	b.ReportAllocs()
	for b.Loop() {
		turn := &agent.Turn{Model: model, Agent: agent.Agent{Name: "riley", Instructions: "Be brief.", Model: "gpt-4o", Tools: tools}, Messages: user}
		r, err := agent.Collect(turn.Run(b.Context()))
		if err != nil || len(r.Messages) != 5 {
			b.Fatalf("%v, %+v", err, r)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "turns/s")
}
