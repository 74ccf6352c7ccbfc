package callcontrol

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/script"
)

// DialEnd is what Twilio says when a dialled leg has ended.
type DialEnd struct {
	Call
	// DialStatus is completed, answered, busy, no-answer, failed or canceled.
	DialStatus string
}

// The statuses of a dialled leg that lead to another answer than the others:
// https://www.twilio.com/docs/voice/twiml/dial#dialcallstatus
const (
	dialBusy     = "busy"
	dialCanceled = "canceled"
	dialFailed   = "failed"
)

// isOver reports whether the call has reached its end with this leg.
func (e DialEnd) isOver() bool {
	return e.Status.IsFinal() || e.DialStatus == "completed" || e.DialStatus == "answered" || e.DialStatus == dialCanceled
}

// AfterDial decides what follows a dialled leg, and records what became of a transfer. After a transfer that failed the
// conversation goes on; after the fallback number it does not.
func (s *Service) AfterDial(ctx context.Context, e DialEnd) aurora.CallPlan {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	switch e.DialStatus {
	case "completed", "answered", dialBusy, "no-answer", dialFailed, dialCanceled:
	default:
		e.DialStatus = dialFailed
	}
	var what next
	call, err := s.Calls.RecordEnd(ctx, e.SID, func(c *aurora.PhoneCall) (changed bool) {
		what, changed = e.record(c)
		return changed
	})
	slog.InfoContext(ctx, "dialled leg of a phone call ended", "event", "phone.dial_ended", "callId", e.SID, "status", e.DialStatus)
	if err != nil && e.isOver() {
		s.send(ctx, e.SID, finishDelay)
		what = nextHangup
	} else if err != nil {
		return s.withoutState(ctx, e.Call, true, err)
	}
	if what != nextResume {
		s.send(ctx, e.SID, finishDelay)
	}
	switch {
	case e.Status.IsFinal():
		return aurora.CallPlan{}
	case what == nextHangup:
		return aurora.CallPlan{Hangup: true}
	}
	a, err := s.Assistants.ByID(ctx, call.AssistantID)
	if err != nil {
		return s.fail(ctx, "assistant", a, e.Call, err)
	}
	words := script.In(a.Language)
	switch {
	case what == nextResume && e.DialStatus == dialBusy:
		return s.resume(ctx, a, call, e.Call, words.Busy)
	case what == nextResume:
		return s.resume(ctx, a, call, e.Call, words.NoAnswer)
	case what == nextFallback:
		return s.apologise(ctx, a, e.Call)
	}
	return aurora.CallPlan{Say: words.Apology, Language: a.Language, Hangup: true}
}

// record decides what follows the leg and takes its end into the state. It reports whether the state changed.
func (e DialEnd) record(c *aurora.PhoneCall) (what next, changed bool) {
	end := &c.End
	transfer := end.Transferred
	repeated := !transfer && end.Resumed && end.TransferStatus == e.DialStatus
	changed = transfer && end.TransferStatus != e.DialStatus
	if transfer {
		end.TransferStatus = e.DialStatus
	}
	switch {
	case e.isOver():
		return nextHangup, changed
	case repeated:
		return nextResume, false
	case !transfer: // the leg was that of the fallback number
		return nextApology, false
	case c.Resumes >= maxResumes:
		return nextFallback, changed
	}
	c.Resumes++
	c.Closing, end.Transferred, end.Resumed = nil, false, true
	return nextResume, true
}
