package agent_test

import (
	"context"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

func TestActionEndsTurn(t *testing.T) {
	action := &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: "x"}
	endCall := toolReturning("end_call", agent.ToolResult{Content: "The call ends.", Action: action})
	call, result := "end_call(end_call-0, {})", "end_call(end_call-0) = The call ends."
	t.Run("at once if the message has text", func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{endCall}, toolCallReply("Goodbye!", "end_call {}"))
		r := runTurn(t, turn, "A: Goodbye! "+call, result)
		check(t, "action", r.Action, action)
		check(t, "finish reason", r.FinishReason, agent.FinishStop)
		check(t, "text", r.Text, "Goodbye!")
		check(t, "model calls", len(model.requests), 1)
	})
	t.Run("else after one more model call without tools", func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{endCall, toolReturning("other", agent.ToolResult{})}, toolCallReply("", "end_call {}"), textReply("Goodbye!"))
		turn.CallerTools = []agent.Tool{bookTool}
		r := runTurn(t, turn, "A: "+call, result, "A: Goodbye!")
		check(t, "action", r.Action, action)
		check(t, "finish reason", r.FinishReason, agent.FinishStop)
		check(t, "text", r.Text, "Goodbye!")
		if len(model.requests) != 2 {
			t.Fatalf("%d model calls, want 2", len(model.requests))
		}
		check(t, "tools of the first request", len(model.requests[0].Tools), 3)
		check(t, "tools of the second request", len(model.requests[1].Tools), 0)
	})
	t.Run("also if the model goes on calling tools", func(t *testing.T) {
		turn, _ := newTurn([]agent.Tool{endCall}, toolCallReply("", "end_call {}"), toolCallReply("", "end_call {}", "book {}"), toolCallReply("", "book {}"))
		turn.CallerTools = []agent.Tool{bookTool}
		r := collect(t, turn)
		check(t, "action", r.Action, action)
		check(t, "text", r.Text, giveUpText)
		check(t, "calls for the caller", len(r.CallerToolCalls), 0)
		check(t, "finish reason", r.FinishReason, agent.FinishStop)
	})
}

func TestCallerTools(t *testing.T) {
	t.Run("beside our tools", func(t *testing.T) {
		turn, model := newTurn([]agent.Tool{toolReturning("ours", agent.ToolResult{Content: "1"})}, toolCallReply("Wait.", "book {}", "ours {}"))
		turn.CallerTools = []agent.Tool{bookTool}
		r := runTurn(t, turn, "A: Wait. ours(ours-1, {})", "ours(ours-1) = 1", "A: book(book-0, {})")
		check(t, "finish reason", r.FinishReason, agent.FinishToolCalls)
		check(t, "calls for the caller", r.CallerToolCalls, []agent.ToolCall{{ID: "book-0", Name: "book", Arguments: "{}"}})
		check(t, "text", r.Text, "Wait.")
		check(t, "model calls", len(model.requests), 1)
	})
	t.Run("with the name of our tool", func(t *testing.T) {
		ran := false
		ours := agent.Tool{Name: "book", Description: "ours", Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
			ran = true
			return agent.ToolResult{}, nil
		}}
		turn, model := newTurn([]agent.Tool{ours}, toolCallReply("", "book {}"))
		turn.CallerTools = []agent.Tool{bookTool}
		r := runTurn(t, turn, "A: book(book-0, {})")
		check(t, "our tool ran", ran, false)
		check(t, "calls for the caller", len(r.CallerToolCalls), 1)
		check(t, "tools of the request", model.requests[0].Tools, []agent.Tool{bookTool})
	})
}
