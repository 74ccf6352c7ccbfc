package endofcall

import (
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
)

// The results of a dialled leg, in Twilio's words: https://www.twilio.com/docs/voice/twiml/dial#dialcallstatus
const (
	dialCompleted = "completed"
	dialAnswered  = "answered"
	dialBusy      = "busy"
	dialNoAnswer  = "no-answer"
	dialCanceled  = "canceled"
)

// errorMaxLength is Twilio's code of a session that reached the longest length of a call: https://www.twilio.com/docs/api/errors/64104
const errorMaxLength = "64104"

// isTransfer reports whether the call's last part is a dialled leg. After a transfer that failed the conversation may go on.
func isTransfer(call aurora.PhoneCall) bool { return call.End.Transferred }

// endedReason returns why the call ended, in the words that providermsg.Classify reads; empty if that is not known.
func endedReason(call aurora.PhoneCall) string {
	end := call.End
	switch {
	case isTransfer(call):
		return transferReason(end.TransferStatus)
	case call.Closing != nil && !call.Closing.SentAt.IsZero():
		if call.Closing.Reason != "" {
			return call.Closing.Reason
		}
		return "assistant-ended-call"
	case end.ErrorCode == errorMaxLength:
		return "exceeded-max-duration"
	case end.ErrorCode != "":
		return "pipeline-error-twilio-" + end.ErrorCode
	case end.SessionStatus == "failed":
		return "pipeline-error-twilio-session-failed"
	case aurora.IsMachine(call.AnsweredBy):
		return aurora.EndedByVoicemail
	case end.SessionStatus == "ended": // by us
		return "assistant-ended-call"
	case end.Status.IsFinal() && end.Status != aurora.CallCompleted:
		return string(end.Status)
	case end.SessionStatus != "", end.Status == aurora.CallCompleted:
		return "customer-ended-call"
	case !end.DisconnectedAt.IsZero():
		return "phone-call-provider-closed-websocket"
	}
	return ""
}

func transferReason(status string) string {
	switch status {
	case dialBusy:
		return "call.forwarding.operator-busy"
	case dialNoAnswer:
		return "call.forwarding.no-answer"
	case dialCanceled:
		return "customer-ended-call-during-transfer"
	case "", dialCompleted, dialAnswered:
		return "assistant-forwarded-call"
	}
	return "call.in-progress.error-transfer-failed"
}

// callTimes are when a call was and how long; zero and nil if unknown.
type callTimes struct {
	started, ended time.Time
	seconds        *float64
	relay          *float64 // of ConversationRelay's sessions together
}

// timesOf returns the times of a call. Twilio's own lengths count first: callbacks may come late.
func timesOf(call aurora.PhoneCall) callTimes {
	end := call.End
	t := callTimes{started: call.CreatedAt, seconds: end.Seconds}
	if call.Direction == aurora.DirectionOutbound || t.started.IsZero() {
		t.started = call.ConnectedAt // an outbound call begins when it is answered
	}
	sessionEnd := earliest(end.ActionAt, end.DisconnectedAt)
	t.relay = end.SessionSeconds
	if t.relay == nil || call.Resumes > 0 { // the length is that of the last session
		t.relay = secondsBetween(call.ConnectedAt, earliest(sessionEnd, end.StatusAt))
	}
	if t.seconds == nil && !isTransfer(call) && call.Resumes == 0 {
		t.seconds = end.SessionSeconds
	}
	switch {
	case t.seconds != nil && !t.started.IsZero():
		t.ended = t.started.Add(time.Duration(*t.seconds * float64(time.Second)))
	case isTransfer(call):
		t.ended = end.StatusAt
	default:
		t.ended = earliest(sessionEnd, end.StatusAt)
	}
	if t.ended.IsZero() && !isTransfer(call) {
		t.ended = lastEvent(call) // no signal of the end came
	}
	if t.ended.Before(t.started) {
		t.ended = t.started
	}
	if t.seconds == nil {
		t.seconds = secondsBetween(t.started, t.ended)
	}
	return t
}

// earliest returns the first of two times; a zero one counts as unknown.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func secondsBetween(from, to time.Time) *float64 {
	if from.IsZero() || to.IsZero() || to.Before(from) {
		return nil
	}
	s := to.Sub(from).Round(time.Millisecond).Seconds()
	return &s
}

// row returns the row of a call as its report says it, without the conversation. It adds facts that came after the report.
func row(m providermsg.Message, version string) aurora.Call {
	r := m.EndOfCall()
	c := r.Call("", version)
	c.AssistantID, c.Day = aurora.AssistantKey(r.AssistantID), r.Day().Format(time.DateOnly)
	c.Transcript, c.Spoke, c.CallerTurns, c.ConversationUnknown = false, false, 0, false
	c.Analysis = aurora.Analysis{}
	c.ReportedAt = time.Time{} // it is the report's
	return c
}
