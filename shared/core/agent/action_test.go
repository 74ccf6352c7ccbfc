package agent_test

import (
	"context"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

func TestAnAction(t *testing.T) {
	hangUp := answering("end_call", agent.Outcome{Content: "The call ends.", Action: &aurora.Action{Type: aurora.EndCall, ToolCallID: "x"}})
	asked, answer := "end_call(end_call-0, {})", "end_call(end_call-0) = The call ends."
	t.Run("after the last words", func(t *testing.T) {
		turn, model := turnOf([]agent.Tool{hangUp}, asks("Goodbye!", "end_call {}"))
		r := finish(t, turn, "A: Goodbye! "+asked, answer)
		if r.Action == nil || r.Action.Type != aurora.EndCall || r.FinishReason != agent.Stop || r.Said != "Goodbye!" || len(model.asked) != 1 {
			t.Errorf("%+v, asked %d times", r, len(model.asked))
		}
	})
	t.Run("the model has the last word, and no tools", func(t *testing.T) {
		turn, model := turnOf([]agent.Tool{hangUp, answering("other", agent.Outcome{})}, asks("", "end_call {}"), says("Goodbye!"))
		turn.Offered = []agent.Tool{book}
		r := finish(t, turn, "A: "+asked, answer, "A: Goodbye!")
		if r.Action == nil || r.FinishReason != agent.Stop || r.Said != "Goodbye!" || len(model.asked) != 2 || len(model.asked[0].Tools) != 3 || len(model.asked[1].Tools) != 0 {
			t.Errorf("%+v, asked %+v", r, model.asked)
		}
	})
	t.Run("a model that goes on asking", func(t *testing.T) {
		turn, _ := turnOf([]agent.Tool{hangUp}, asks("", "end_call {}"), asks("", "end_call {}", "book {}"), asks("", "book {}"))
		turn.Offered = []agent.Tool{book}
		r, err := agent.Collect(turn.Run(t.Context()))
		if err != nil || r.Action == nil || r.Said != sorry || len(r.Calls) != 0 || r.FinishReason != agent.Stop {
			t.Errorf("%v, %+v", err, r)
		}
	})
}

func TestTheCallersOwnTools(t *testing.T) {
	t.Run("beside ours", func(t *testing.T) {
		turn, model := turnOf([]agent.Tool{answering("ours", agent.Outcome{Content: "1"})}, asks("Wait.", "book {}", "ours {}"))
		turn.Offered = []agent.Tool{book}
		r := finish(t, turn, "A: Wait. ours(ours-1, {})", "ours(ours-1) = 1", "A: book(book-0, {})")
		if r.FinishReason != agent.ToolCalls || len(r.Calls) != 1 || r.Calls[0].ID != "book-0" || len(model.asked) != 1 || r.Said != "Wait." {
			t.Errorf("%+v", r)
		}
	})
	t.Run("under the name of ours", func(t *testing.T) {
		ran := false
		ours := agent.Tool{Name: "book", Description: "ours", Call: func(context.Context, agent.Call) (agent.Outcome, error) { ran = true; return agent.Outcome{}, nil }}
		turn, model := turnOf([]agent.Tool{ours}, asks("", "book {}"))
		turn.Offered = []agent.Tool{book}
		r := finish(t, turn, "A: book(book-0, {})")
		if ran || len(r.Calls) != 1 || len(model.asked[0].Tools) != 1 || model.asked[0].Tools[0].Description != "" {
			t.Errorf("ran: %v, %+v", ran, r)
		}
	})
}
