package phonecall

import (
	"context"
	"log/slog"
	"time"
	"unicode/utf8"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/script"
)

const (
	closeAgain      = 5 * time.Second // between looks at a call whose last words are still spoken
	longestLast     = 2 * time.Minute // that last words are waited for
	spokenPerSecond = 12              // characters; slow, so that no word is cut
	maxTries        = 5               // to say something while other things happen
)

// Worker does what is due later in a call. Every task may be done twice, and long after it was sent.
type Worker struct {
	*Engine
	Assistants aurora.AssistantFinder
}

// Digits passes the keys on that were pressed, if no further key has come since the task was sent. The keys may have interrupted
// the assistant, so the generation does not matter.
func (w *Worker) Digits(ctx context.Context, task aurora.PhoneTask) error {
	for range maxTries {
		c, ok, err := w.Store.Call(ctx, task.CallSID)
		if err != nil {
			return err
		}
		if !ok || c.Digits == "" || len(c.Digits) != task.Count || isOver(&c) {
			return nil
		}
		if err := w.Answer(ctx, c.SID, c.Generation, func(c *aurora.PhoneCall) (string, bool) {
			if len(c.Digits) != task.Count {
				return "", false
			}
			return TakeDigits(c)
		}); err != nil {
			return ignoreMissing(err)
		}
	}
	return nil
}

// Silence asks a caller who says nothing whether they are there, and ends the call if they say nothing again.
func (w *Worker) Silence(ctx context.Context, task aurora.PhoneTask) error {
	c, ok, err := w.Store.Call(ctx, task.CallSID)
	if err != nil {
		return err
	}
	if !ok || c.Generation != task.Generation || isOver(&c) || c.Closing != nil || c.ConnectionID == "" || c.AgentSpeaking || hasRunningTurn(&c) || c.WorkingTurn != 0 && c.WorkingTurn == c.Generation {
		return nil // something has happened, or is about to: another task follows it
	}
	heard := c.AgentSpeakingAt
	if c.CallerSpeakingAt.After(heard) {
		heard = c.CallerSpeakingAt
	}
	wait := heard.Add(SilenceDelay).Sub(w.Now())
	if c.CallerSpeaking {
		wait = SilenceDelay
	}
	if wait >= time.Second { // queues count whole seconds
		return w.Tasks.Send(ctx, task, wait)
	}
	a, err := w.assistant(ctx, c)
	if err != nil {
		return err
	}
	if c.NudgedTurn != 0 && c.NudgedTurn == c.Generation {
		return w.sayGoodbye(ctx, c, a)
	}
	said, err := w.say(ctx, c.SID, c.Generation, Frame{Text: script.In(a.Language).StillThere, Last: true}, nil, func(c *aurora.PhoneCall) { c.NudgedTurn = c.Generation })
	if said {
		slog.InfoContext(ctx, "silent caller asked", "event", "phone.caller_asked", "generation", c.Generation+1)
	}
	return ignoreMissing(err)
}

// sayGoodbye ends the call of a silent caller.
func (w *Worker) sayGoodbye(ctx context.Context, c aurora.PhoneCall, a aurora.Assistant) error {
	closing := &aurora.CallClosing{ID: w.NewID(), Action: aurora.Action{Type: aurora.ActionEndCall}, Reason: aurora.EndedBySilence}
	said, err := w.Say(ctx, c.SID, c.Generation, script.In(a.Language).Goodbye, closing)
	if said {
		slog.InfoContext(ctx, "call of a silent caller ends", "event", "phone.silence_ended", "generation", c.Generation+1)
	}
	return ignoreMissing(err)
}

// Close ends the session of a call whose last words were sent a while ago: no event has said that they were spoken. Events may be
// lost; words that are still spoken are waited for.
func (w *Worker) Close(ctx context.Context, task aurora.PhoneTask) error {
	c, ok, err := w.Store.Call(ctx, task.CallSID)
	if err != nil {
		return err
	}
	if !ok || c.Closing == nil || c.Closing.Pending || isOver(&c) {
		return nil
	}
	if hasRunningTurn(&c) && w.Now().Before(c.LastPromptAt.Add(longestLast)) || w.Now().Before(lastWordsEnd(c)) {
		return w.Tasks.Send(ctx, task, closeAgain)
	}
	return ignoreMissing(w.EndSession(ctx, c.SID))
}

// lastWordsEnd returns until when the last words of a call may be spoken: as Twilio's events say, else by their length.
func lastWordsEnd(c aurora.PhoneCall) time.Time {
	if c.AgentSpeaking {
		return c.AgentSpeakingAt.Add(longestLast)
	}
	if len(c.Spoken) == 0 {
		return time.Time{}
	}
	last := c.Spoken[len(c.Spoken)-1]
	if last.Cut || !c.AgentSpeakingAt.Before(last.StartedAt) {
		return time.Time{} // they were spoken
	}
	length := time.Duration(utf8.RuneCountInString(last.Planned)) * time.Second / spokenPerSecond
	return last.EndedAt.Add(min(length, longestLast))
}

// KeepOpen sends a message without words, before the gateway closes the connection for want of any, and the task again.
func (w *Worker) KeepOpen(ctx context.Context, task aurora.PhoneTask) error {
	c, ok, err := w.Store.Call(ctx, task.CallSID)
	if err != nil {
		return err
	}
	if !ok || isOver(&c) || !c.End.StatusAt.IsZero() || c.ConnectionID == "" && !c.End.Transferred {
		return nil // a connection that is made again has a task of its own
	}
	if c.ConnectionID != "" && !c.AgentSpeaking && !hasRunningTurn(&c) { // else messages are sent anyway, and this one would end the turn
		err := w.sendFrame(ctx, c.ConnectionID, Frame{Last: true})
		if fault.Is(err, fault.NotFound) {
			w.disconnected(ctx, c.SID, c.ConnectionID, w.Now())
			return w.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: c.SID}, FinishDelay)
		}
		if err != nil {
			return err
		}
	}
	return w.Tasks.Send(ctx, task, keepOpenDelay)
}

// assistant returns the assistant of a call, or an empty one if it was deleted.
func (w *Worker) assistant(ctx context.Context, c aurora.PhoneCall) (aurora.Assistant, error) {
	a, err := w.Assistants.ByID(ctx, c.AssistantID)
	if fault.Is(err, fault.NotFound) {
		return aurora.Assistant{}, nil
	}
	aurora.LogAssistant(ctx, a)
	return a, err
}

// ignoreMissing drops the error of a call whose state has expired or was erased, and of a connection that has gone.
func ignoreMissing(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
