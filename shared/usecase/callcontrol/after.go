package callcontrol

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/script"
)

// SessionEnd is what Twilio says when a session has ended.
type SessionEnd struct {
	Call
	SessionID string
	// SessionStatus is completed (the caller hung up), ended (we ended it) or failed.
	SessionStatus string
	Seconds       *float64
	ErrorCode     string
	HandoffData   string // what we sent when we ended the session
}

// The error codes of sessions that are followed in another way than others: https://www.twilio.com/docs/api/errors
const (
	codeInvalidParameter = "64101"
	codeMaxLength        = "64104"
)

// failed reports whether the session ended because something broke.
func (e SessionEnd) failed() bool { return e.ErrorCode != "" || e.SessionStatus == "failed" }

// next is what follows.
type next int

const (
	nextNothing next = iota // the call is over
	nextHangup
	nextTransfer
	nextResume
	nextApology
	nextFallback // as nextApology, but the caller has heard an apology
)

// AfterSession decides what follows a session, and records that it ended.
func (s *Service) AfterSession(ctx context.Context, e SessionEnd) aurora.CallPlan {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	var what next
	var closing aurora.CallClosing // as it was when the decision was made
	call, err := s.Calls.UpdateCall(ctx, e.SID, func(c *aurora.PhoneCall) (changed bool) {
		what, changed = e.record(c, s.Now())
		if c.Closing != nil {
			closing = *c.Closing
		}
		return changed
	})
	if err != nil {
		return s.withoutState(ctx, e.Call, e.failed(), err)
	}
	slog.InfoContext(ctx, "session of a phone call ended", "event", "phone.session_over", "callId", e.SID, "status", e.SessionStatus, "errorCode", e.ErrorCode, "resumes", call.Resumes)
	if what != nextResume {
		s.send(ctx, e.SID, finishDelay)
	}
	if what == nextNothing {
		return aurora.CallPlan{}
	}
	if what == nextHangup {
		return aurora.CallPlan{Hangup: true}
	}
	a, err := s.Assistants.ByID(ctx, call.AssistantID)
	if err != nil && what != nextTransfer {
		return s.fail(ctx, "assistant", a, e.Call, err)
	}
	switch what {
	case nextTransfer:
		to := *closing.Action.Destination
		return aurora.CallPlan{Say: to.Message, Language: a.Language, Dial: s.dial(to, e.Call)}
	case nextResume:
		if e.ErrorCode == codeInvalidParameter {
			a = withDefaultVoice(a)
		}
		return s.resume(ctx, a, call, e.Call, "")
	case nextFallback:
		if dial := s.fallback(ctx, a, e.Call); dial != nil {
			return aurora.CallPlan{Dial: dial}
		}
		return aurora.CallPlan{Hangup: true}
	}
	return s.apologise(ctx, a, e.Call)
}

// record decides what follows a session and takes its end into the state. It reports whether the state changed. A request that
// is repeated gets the same decision and changes nothing.
func (e SessionEnd) record(c *aurora.PhoneCall, now time.Time) (what next, changed bool) {
	repeated := e.SessionID != "" && e.SessionID == c.End.SessionID
	what = e.decide(c, repeated)
	if repeated {
		return what, false
	}
	end := &c.End
	end.ActionAt, end.SessionID, end.SessionStatus, end.SessionSeconds, end.ErrorCode = now, e.SessionID, e.SessionStatus, e.Seconds, e.ErrorCode
	end.Resumed = what == nextResume
	switch what {
	case nextResume:
		c.Resumes++
	case nextTransfer:
		end.Transferred, end.TransferStatus = true, ""
	}
	if c.Closing != nil && c.Closing.SentAt.IsZero() && (what == nextTransfer || what == nextHangup) {
		closing := *c.Closing
		closing.SentAt = now // the session ended before it was asked to, and the wish is carried out
		c.Closing = &closing
	}
	return what, true
}

// decide returns what follows a session.
func (e SessionEnd) decide(c *aurora.PhoneCall, repeated bool) next {
	if e.Status.IsFinal() {
		return nextNothing
	}
	if c.Closing != nil && (e.HandoffData == "" || e.HandoffData == c.Closing.ID) {
		if action := c.Closing.Action; action.Type == aurora.ActionTransferCall && action.Destination != nil {
			return nextTransfer
		}
		return nextHangup
	}
	switch {
	case aurora.IsMachine(c.AnsweredBy), e.ErrorCode == codeMaxLength:
		return nextHangup
	case e.HandoffData != "":
		return nextApology // of another call or an earlier wish: nothing of ours leads to it
	case e.failed():
		if repeated && c.End.Resumed || !repeated && c.Resumes < maxResumes {
			return nextResume
		}
		return nextApology
	case e.SessionStatus == "ended": // without a wish of the assistant: the session could not be served
		return nextFallback
	}
	return nextHangup
}

// resume connects a call again, after words that the caller hears first.
func (s *Service) resume(ctx context.Context, a aurora.Assistant, call aurora.PhoneCall, c Call, words string) aurora.CallPlan {
	session, err := s.newSession(ctx, call)
	if err != nil {
		s.send(ctx, call.SID, finishDelay)
		return s.fail(ctx, "token", a, c, err)
	}
	if call.ConnectedAt.IsZero() {
		session.Greeting = call.Greeting // no session has spoken it
	}
	a.Recording = aurora.RecordingSettings{} // the recording goes on
	plan := script.Connect(a, session, c.PublicURL)
	plan.Say = words
	return plan
}

// withDefaultVoice returns an assistant without the fields that become attributes of ConversationRelay.
func withDefaultVoice(a aurora.Assistant) aurora.Assistant {
	a.ElevenLabsVoiceID, a.ElevenLabsModel, a.DeepgramModel, a.GracePeriodMs, a.Language = "", "", "", "", ""
	return a
}

// withoutState decides what happens with a call whose state cannot be changed, or of which there is none: one that another
// server answered, or that we placed and that never connected.
func (s *Service) withoutState(ctx context.Context, c Call, failed bool, err error) aurora.CallPlan {
	unknown := fault.Is(err, fault.NotFound)
	if unknown {
		slog.WarnContext(ctx, "a phone call has no state", "event", "phone.unknown", "callId", c.SID)
	} else {
		s.send(ctx, c.SID, finishDelay)
	}
	switch {
	case c.Status.IsFinal():
		return aurora.CallPlan{}
	case unknown && !failed:
		return aurora.CallPlan{Hangup: true}
	}
	a, assistantErr := s.Assistants.ByNumber(ctx, c.own())
	if assistantErr != nil {
		a = aurora.Assistant{}
	}
	if unknown {
		return s.apologise(ctx, a, c)
	}
	return s.fail(ctx, "state", a, c, err)
}
