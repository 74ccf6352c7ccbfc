package phonecall

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// sendFrame sends a message to a connection, and again after an error that may pass.
func (e *Engine) sendFrame(ctx context.Context, connectionID string, f Frame) error {
	if connectionID == "" {
		return fault.New(fault.NotFound, "The call has no connection.")
	}
	ctx, cancel := context.WithTimeout(ctx, frameTimeout)
	defer cancel()
	err := e.Sender.Send(ctx, connectionID, f)
	switch {
	case fault.Is(err, fault.TooLarge) && len(f.Text) > 1:
		half := wholeRunes(f.Text, len(f.Text)/2)
		if half == 0 {
			return err
		}
		if err := e.sendFrame(ctx, connectionID, Frame{Text: f.Text[:half]}); err != nil {
			return err
		}
		f.Text = f.Text[half:]
		return e.sendFrame(ctx, connectionID, f)
	case fault.Is(err, fault.Unavailable):
		return e.Sender.Send(ctx, connectionID, f)
	}
	return err
}

// closeAfterWords ends the session when the last words were spoken. spoke says that there were words: without them Twilio does
// not report the end of speech.
func (e *Engine) closeAfterWords(ctx context.Context, c aurora.PhoneCall, spoke bool) {
	if !spoke && !c.AgentSpeaking {
		if err := e.EndSession(ctx, c.SID); err == nil {
			return
		}
	}
	if err := e.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskClose, CallSID: c.SID, Generation: c.Generation}, CloseDelay); err != nil {
		slog.ErrorContext(ctx, "task to close a call not sent", "event", "phone.task_failed", "kind", aurora.PhoneTaskClose, "error", err)
	}
}

// EndSession ends the session of a call whose Closing is set, once. It does nothing for another call.
func (e *Engine) EndSession(ctx context.Context, sid string) error {
	send := false
	c, err := e.Store.UpdateCall(ctx, sid, func(c *aurora.PhoneCall) bool {
		send = c.Closing != nil && c.Closing.SentAt.IsZero() && !c.Closing.Pending
		if send {
			c.Closing.SentAt = e.Now()
		}
		return send
	})
	if err != nil || !send {
		return err
	}
	if err := e.sendFrame(ctx, c.ConnectionID, Frame{End: true, HandoffData: c.Closing.ID}); err != nil {
		if fault.Is(err, fault.NotFound) {
			return nil // the session has ended already
		}
		_, undo := e.Store.UpdateCall(ctx, sid, func(c *aurora.PhoneCall) bool {
			if c.Closing == nil {
				return false
			}
			c.Closing.SentAt = time.Time{}
			return true
		})
		return errors.Join(err, undo)
	}
	slog.InfoContext(ctx, "session ended", "event", "phone.session_ended", "action", c.Closing.Action.Type)
	return nil
}

// Say speaks words that no model has chosen, as a turn of its own, if nothing has happened since the call had a generation. If
// closing is not nil the session ends after the words. It reports whether the words were sent.
func (e *Engine) Say(ctx context.Context, sid string, generation int64, words string, closing *aurora.CallClosing) (said bool, err error) {
	return e.say(ctx, sid, generation, Frame{Text: words, Last: true}, closing, func(*aurora.PhoneCall) {})
}

// say is Say with a change of the call's state that is made at the same time, in the new generation.
func (e *Engine) say(ctx context.Context, sid string, generation int64, f Frame, closing *aurora.CallClosing, change func(*aurora.PhoneCall)) (said bool, err error) {
	aurora.LogCall(ctx, sid)
	now := e.Now()
	c, err := e.Store.UpdateCall(ctx, sid, func(c *aurora.PhoneCall) bool {
		if said = c.Generation == generation && !isOver(c) && c.Closing == nil && c.ConnectionID != ""; !said {
			return false
		}
		c.Generation++
		if f.Text != "" {
			addOwnWords(c, f.Text, now)
		}
		c.Closing = closing
		change(c)
		return true
	})
	if err != nil || !said {
		return false, err
	}
	if f.Text == "" {
		if closing != nil {
			e.closeAfterWords(ctx, c, false)
		}
		return true, nil
	}
	return true, e.speakOwnWords(ctx, c, f, closing != nil)
}

// addOwnWords adds a turn that no model has chosen, of the call's generation.
func addOwnWords(c *aurora.PhoneCall, words string, now time.Time) {
	c.Spoken = append(c.Spoken, aurora.SpokenTurn{Generation: c.Generation, Planned: words, StartedAt: now, EndedAt: now})
	trimSpoken(c)
}

// speakOwnWords stores and sends the newest turn of a call, and ends the session after it if the call is to end.
func (e *Engine) speakOwnWords(ctx context.Context, c aurora.PhoneCall, f Frame, isLast bool) error {
	turn := c.Spoken[len(c.Spoken)-1]
	if err := e.Store.WriteTurn(ctx, c.SID, turn); err != nil {
		slog.ErrorContext(ctx, "turn not stored", "event", "phone.turn_unstored", "generation", c.Generation, "error", err)
	}
	err := e.sendFrame(ctx, c.ConnectionID, f)
	if isLast { // also if the words could not be sent
		e.closeAfterWords(ctx, c, err == nil)
	}
	return err
}

// Answer takes a turn about something that the caller did outside of their speech, such as keys, if nothing else has happened
// since the call had a generation. change may change the call's state at the same time; it returns false if there is nothing to
// answer.
func (e *Engine) Answer(ctx context.Context, sid string, generation int64, change func(*aurora.PhoneCall) (words string, ok bool)) error {
	aurora.LogCall(ctx, sid)
	began, answer := e.Now(), false
	id := "own-" + e.NewID()
	c, err := e.Store.UpdateCall(ctx, sid, func(c *aurora.PhoneCall) bool {
		if answer = false; c.Generation != generation || isOver(c) {
			return false
		}
		words, ok := change(c)
		if !ok {
			return false
		}
		at := began // by our clock; the others are the gateway's
		for _, earlier := range []time.Time{c.LastPromptAt, c.LastInterruptAt} {
			if earlier.After(at) {
				at = earlier
			}
		}
		answer = addPrompt(c, aurora.CallerWords{ID: id, Text: words, At: at})
		return true
	})
	if err != nil || !answer {
		return err
	}
	e.runTurn(ctx, c, turnStart{began: began})
	return nil
}
