package phonecall

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	machinePoll     = 2 * time.Second
	maxMachinePolls = 15 // how often the end of a machine's greeting is waited for, and how often an outbound call's session
	machineQuiet    = 1500 * time.Millisecond
)

// Machine records who answered an outbound call. If a machine did, the assistant says nothing more but its voicemail message, after
// the machine's greeting, and the call ends. Without such a message it ends at once.
func (w *Worker) Machine(ctx context.Context, task aurora.PhoneTask) error {
	if !aurora.IsMachine(task.AnsweredBy) {
		_, err := w.Store.UpdateCall(ctx, task.CallSID, func(c *aurora.PhoneCall) bool {
			isNew := c.AnsweredBy == "" || c.AnsweredBy == "unknown"
			c.AnsweredBy = task.AnsweredBy
			return isNew
		})
		return ignoreMissing(err)
	}
	id := w.NewID()
	c, err := w.Store.UpdateCall(ctx, task.CallSID, func(c *aurora.PhoneCall) bool {
		if c.Closing != nil || isOver(c) {
			known := c.AnsweredBy != ""
			c.AnsweredBy = task.AnsweredBy
			return !known
		}
		c.AnsweredBy = task.AnsweredBy
		c.Closing = &aurora.CallClosing{ID: id, Action: aurora.Action{Type: aurora.ActionEndCall}, Reason: aurora.EndedByVoicemail, Pending: true}
		c.Generation++ // the turn that goes on says nothing more
		return true
	})
	if fault.Is(err, fault.NotFound) { // the session has not begun, or never will
		return w.lookAgain(ctx, task)
	}
	if err != nil || isOver(&c) || c.Closing == nil || !c.Closing.Pending {
		return err
	}
	a, err := w.assistant(ctx, c)
	if err != nil {
		return err
	}
	words := strings.TrimSpace(a.VoicemailMessage)
	if words != "" && task.Count < maxMachinePolls && w.isLineBusy(c, task.AnsweredBy) {
		return w.lookAgain(ctx, task)
	}
	return w.leaveMessage(ctx, c, words)
}

// lookAgain sends the task again, unless it was sent often enough.
func (w *Worker) lookAgain(ctx context.Context, task aurora.PhoneTask) error {
	if task.Count >= maxMachinePolls {
		slog.InfoContext(ctx, "a machine answered a call without a session", "event", "phone.machine_ignored")
		return nil
	}
	task.Count++
	return w.Tasks.Send(ctx, task, machinePoll)
}

// isLineBusy reports whether a message would not be recorded now: the assistant is still heard, or the machine's greeting is. Twilio
// says machine_start while the greeting is spoken, and machine_end_… after it.
func (w *Worker) isLineBusy(c aurora.PhoneCall, answeredBy string) bool {
	if c.AgentSpeaking {
		return true
	}
	return strings.EqualFold(answeredBy, "machine_start") && (c.CallerSpeaking || w.Now().Before(c.CallerSpeakingAt.Add(machineQuiet)))
}

// leaveMessage says the last words to a machine, once, and ends the session after them.
func (w *Worker) leaveMessage(ctx context.Context, c aurora.PhoneCall, words string) error {
	now, mine := w.Now(), false
	c, err := w.Store.UpdateCall(ctx, c.SID, func(c *aurora.PhoneCall) bool {
		if mine = c.Closing != nil && c.Closing.Pending && !isOver(c); !mine {
			return false
		}
		c.Closing.Pending = false
		if words != "" {
			addOwnWords(c, words, now)
		}
		return true
	})
	if err != nil || !mine {
		return ignoreMissing(err)
	}
	slog.InfoContext(ctx, "a machine answered", "event", "phone.machine_answered", "answeredBy", c.AnsweredBy, "message", words != "")
	if words == "" {
		return ignoreMissing(w.EndSession(ctx, c.SID))
	}
	return ignoreMissing(w.speakOwnWords(ctx, c, Frame{Text: words, Last: true, Uninterruptible: true}, true))
}
