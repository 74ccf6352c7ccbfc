package agent_test

import (
	"context"
	"encoding/json"
	"iter"
	"strconv"
	"testing"

	"example.com/aurora/shared/core/agent"
)

// benchModel calls three tools in one message and then says twenty words. Its chunks are made once.
type benchModel struct {
	calls, words []agent.Chunk
	requests     int
}

func (m *benchModel) Stream(context.Context, agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	m.requests++
	chunks := m.calls
	if m.requests%2 == 0 {
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

// BenchmarkTurnWithThreeTools measures the loop alone: the model calls three tools, they run, and the model answers in
// twenty words. Model and tools never wait.
func BenchmarkTurnWithThreeTools(b *testing.B) {
	model := &benchModel{words: []agent.Chunk{}}
	for i := range 20 {
		model.words = append(model.words, textChunk("word"+strconv.Itoa(i)+" "))
	}
	model.words = append(model.words, finishChunk("stop"))
	tools := make([]agent.Tool, 3)
	for i := range tools {
		name := "tool" + strconv.Itoa(i)
		tools[i] = agent.Tool{Name: name, Parameters: json.RawMessage(`{"type":"object"}`),
			Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
				return agent.ToolResult{Content: "done"}, nil
			}}
		model.calls = append(model.calls, toolCallsChunk(agent.ToolCallDelta{Index: i, ID: "call" + strconv.Itoa(i), Name: name, Arguments: `{"day":1}`}))
	}
	model.calls = append(model.calls, finishChunk("tool_calls"))
	user := []agent.Message{{Role: agent.RoleUser, Content: "Do all three."}}
	b.ReportAllocs()
	for b.Loop() {
		turn := &agent.Turn{Model: model, Agent: agent.Agent{Name: "riley", Instructions: "Be brief.", ModelName: "gpt-4o", Tools: tools}, Messages: user}
		r, err := agent.Collect(turn.Run(b.Context()))
		if err != nil || len(r.Messages) != 5 {
			b.Fatalf("error %v, result %+v; want 5 messages", err, r)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "turns/s")
}
