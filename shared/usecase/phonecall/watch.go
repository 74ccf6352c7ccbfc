package phonecall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// historyOf returns what the state says of the turns before a generation: what was heard of them.
func historyOf(c aurora.PhoneCall, generation int64) string {
	b := strings.Builder{}
	b.WriteString("heard: ")
	for _, s := range c.Spoken {
		if s.Generation < generation && s.Cut {
			fmt.Fprintf(&b, "%d %q;", s.Generation, s.Heard)
		}
	}
	return b.String()
}

// watch stops the turn when it is superseded, when its connection has ended, and when it takes too long.
func (t *turn) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		took := t.Now().Sub(t.start.began)
		if t.start.limited && (took >= turnLimit || took >= handOverAfter && !t.speaker.isSpeaking()) {
			t.stopBecause(errHandOver)
			return
		}
		if t.check(ctx) != nil {
			return
		}
	}
}

// check reads the call's state and stops the turn if it must. An error of the store stops nothing.
func (t *turn) check(ctx context.Context) error {
	c, ok, err := t.Store.Call(ctx, t.sid)
	if err != nil {
		if ctx.Err() == nil {
			slog.WarnContext(ctx, "state of a call not read; its turn goes on", "event", "phone.state_unread", "error", err)
		}
		return nil
	}
	switch {
	case !ok, c.Report != nil, c.ConnectionID == "":
		t.stopBecause(errGone)
	case c.Generation != t.generation:
		if t.stopBecause(errSuperseded) {
			t.measureBargeIn(ctx, c)
		}
	default:
		t.mu.Lock()
		t.connection = c.ConnectionID
		t.mu.Unlock()
		t.checkHistory(c)
	}
	return t.Stopped()
}

// checkHistory stops a turn that has neither said nor done anything if an interruption of the turn before was handled after the
// conversation was read. The turn then begins again, with what the caller really heard.
func (t *turn) checkHistory(c aurora.PhoneCall) {
	t.stopIf(errOutdated, func() bool {
		return t.history != "" && !t.begun && t.restarts < maxRestarts && historyOf(c, t.generation) != t.history
	})
}

// begin records that words are sent, or tools started. It returns why the turn was stopped, or nil.
func (t *turn) begin() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stop == nil || errors.Is(t.stop, errHandOver) {
		t.begun = true
		return nil
	}
	return t.stop
}

// stopBecause ends the turn. Tools that run are waited for. Only the first reason counts; it returns true for that one.
func (t *turn) stopBecause(reason error) (first bool) {
	return t.stopIf(reason, func() bool { return true })
}

// stopIf is stopBecause on a condition, which is checked while no words are begun to be sent.
func (t *turn) stopIf(reason error, condition func() bool) (first bool) {
	t.mu.Lock()
	stops := condition()
	if first = stops && t.stop == nil; first {
		t.stop = reason
	}
	t.mu.Unlock()
	if !stops {
		return false
	}
	if !errors.Is(reason, errHandOver) { // what the model said before the hand-over is still sent
		t.speaker.fail(reason)
	}
	t.cancel(reason)
	return first
}

// Stopped returns why nothing more is to be spoken, or nil.
func (t *turn) Stopped() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stop
}
