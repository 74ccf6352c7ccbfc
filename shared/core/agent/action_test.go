package agent_test

import (
	"context"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

func TestActionEndsTurn(t *testing.T) {
	hangUp := toolReturning("end_call", agent.ToolResult{Content: "The call ends.", Action: &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: "x"}})
	asked, answer := "end_call(end_call-0, {})", "end_call(end_call-0) = The call ends."
	t.Run("after the last words", func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{hangUp}, toolCallReply("Goodbye!", "end_call {}"))
		r := runTurn(t, turn, "A: Goodbye! "+asked, answer)
		if r.Action == nil || r.Action.Type != aurora.ActionEndCall || r.FinishReason != agent.FinishStop || r.Text != "Goodbye!" || len(model.requests) != 1 {
			t.Errorf("%+v, asked %d times", r, len(model.requests))
		}
	})
	t.Run("the model has the last word, and no tools", func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{hangUp, toolReturning("other", agent.ToolResult{})}, toolCallReply("", "end_call {}"), textReply("Goodbye!"))
		turn.CallerTools = []agent.Tool{bookTool}
		r := runTurn(t, turn, "A: "+asked, answer, "A: Goodbye!")
		if r.Action == nil || r.FinishReason != agent.FinishStop || r.Text != "Goodbye!" || len(model.requests) != 2 || len(model.requests[0].Tools) != 3 || len(model.requests[1].Tools) != 0 {
			t.Errorf("%+v, asked %+v", r, model.requests)
		}
	})
	t.Run("a model that goes on asking", func(t *testing.T) {
		turn, _ := newTurn([]agent.Tool{hangUp}, toolCallReply("", "end_call {}"), toolCallReply("", "end_call {}", "book {}"), toolCallReply("", "book {}"))
		turn.CallerTools = []agent.Tool{bookTool}
		r, err := agent.Collect(turn.Run(t.Context()))
		if err != nil || r.Action == nil || r.Text != giveUpText || len(r.CallerToolCalls) != 0 || r.FinishReason != agent.FinishStop {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

func TestCallerTools(t *testing.T) {
	t.Run("beside ours", func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{toolReturning("ours", agent.ToolResult{Content: "1"})}, toolCallReply("Wait.", "book {}", "ours {}"))
		turn.CallerTools = []agent.Tool{bookTool}
		r := runTurn(t, turn, "A: Wait. ours(ours-1, {})", "ours(ours-1) = 1", "A: book(book-0, {})")
		if r.FinishReason != agent.FinishToolCalls || len(r.CallerToolCalls) != 1 || r.CallerToolCalls[0].ID != "book-0" || len(model.requests) != 1 || r.Text != "Wait." {
			t.Errorf("%+v", r)
		}
	})
	t.Run("under the name of ours", func(t *testing.T) {
		ran := false
		ours := agent.Tool{Name: "book", Description: "ours", Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
			ran = true
			return agent.ToolResult{}, nil
		}}
		turn, model := newTurn([]agent.Tool{ours}, toolCallReply("", "book {}"))
		turn.CallerTools = []agent.Tool{bookTool}
		r := runTurn(t, turn, "A: book(book-0, {})")
		if ran || len(r.CallerToolCalls) != 1 || len(model.requests[0].Tools) != 1 || model.requests[0].Tools[0].Description != "" {
			t.Errorf("ran: %v, %+v", ran, r)
		}
	})
}
