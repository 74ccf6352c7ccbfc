package phonecall

import (
	"context"
	"log/slog"
	"slices"

	"example.com/aurora/shared/core/aurora"
)

// handOver stores what the turn has said and done, and asks a worker to go on. It reports whether that was done.
func (t *turn) handOver(ctx context.Context, s aurora.SpokenTurn) bool {
	if err := t.Store.WriteTurn(ctx, t.sid, s); err != nil {
		slog.ErrorContext(ctx, "turn not handed over", "event", "phone.handover_failed", "generation", t.generation, "error", err)
		return false
	}
	c, err := t.Store.UpdateCall(ctx, t.sid, func(c *aurora.PhoneCall) bool {
		if c.WorkingTurn != t.generation {
			return false
		}
		c.WorkingTurn = 0 // what its tools returned is stored
		return true
	})
	if err == nil && c.Generation != t.generation {
		return false
	}
	if err := t.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskContinue, CallSID: t.sid, Generation: t.generation}, 0); err != nil {
		slog.ErrorContext(ctx, "turn not handed over", "event", "phone.handover_failed", "generation", t.generation, "error", err)
		return false
	}
	slog.InfoContext(ctx, "turn handed over to a worker", "event", "phone.turn_handed_over", "generation", t.generation)
	return true
}

// Continue goes on with a turn that takes longer than the gateway waits: a task of kind continue. It does nothing if the turn
// was superseded, or if another worker goes on with it.
func (e *Engine) Continue(ctx context.Context, task aurora.PhoneTask) error {
	aurora.LogCall(ctx, task.CallSID)
	began, takenOver := e.Now(), false
	c, err := e.Store.UpdateCall(ctx, task.CallSID, func(c *aurora.PhoneCall) bool {
		takenOver = c.Generation == task.Generation && c.ContinuedTurn < task.Generation && !isOver(c)
		if takenOver {
			c.ContinuedTurn = task.Generation
		}
		return takenOver
	})
	if err != nil || !takenOver {
		return err
	}
	stored, err := e.Store.Turns(ctx, task.CallSID)
	if err != nil {
		slog.ErrorContext(ctx, "progress of a turn not read", "event", "phone.handover_failed", "generation", task.Generation, "error", err)
	}
	before := aurora.SpokenTurn{}
	if i := slices.IndexFunc(stored, func(s aurora.SpokenTurn) bool { return s.Generation == task.Generation }); i >= 0 {
		before = stored[i]
	}
	e.runTurn(ctx, c, turnStart{began: began, before: before})
	return nil
}
