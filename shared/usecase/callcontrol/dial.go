package callcontrol

import (
	"context"
	"log/slog"
	"slices"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/metric"
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
	call, err := s.Calls.UpdateCall(ctx, e.SID, func(c *aurora.PhoneCall) (changed bool) {
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
	switch sentences := script.In(a.Language); what {
	case nextResume:
		words := sentences.NoAnswer
		if e.DialStatus == dialBusy {
			words = sentences.Busy
		}
		s.addWords(ctx, e.SID, words)
		return s.resume(ctx, a, call, e.Call, words)
	case nextFallback:
		return s.apologise(ctx, a, e.Call)
	default:
		return aurora.CallPlan{Say: sentences.Apology, Language: a.Language, Hangup: true}
	}
}

// addWords adds words to the conversation that Twilio speaks for us, unless they are its last ones already. So the model knows
// that a transfer has failed. If that cannot be stored, the conversation goes on without it.
func (s *Service) addWords(ctx context.Context, sid, words string) {
	turn := aurora.SpokenTurn{Planned: words, StartedAt: s.Now(), EndedAt: s.Now()}
	changed := false
	_, err := s.Calls.UpdateCall(ctx, sid, func(c *aurora.PhoneCall) bool {
		last := len(c.Spoken) - 1
		if changed = last < 0 || c.Spoken[last].Planned != words; changed {
			c.Generation++
			turn.Generation = c.Generation
			c.Spoken = append(slices.Clip(c.Spoken), turn)
		}
		return changed
	})
	if err == nil && changed {
		err = s.Calls.WriteTurn(ctx, sid, turn)
	}
	if err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "words that Twilio speaks are missing in the conversation", "event", "phone.words_not_stored", "error", err)
	}
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
