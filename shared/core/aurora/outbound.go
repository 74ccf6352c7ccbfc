package aurora

import (
	"log/slog"
	"slices"
	"strings"
	"time"
)

// OutboundState says whether an outbound call was placed.
type OutboundState string

// The states. A record begins in progress and ends in one of the others. Unknown may still become placed or rejected.
const (
	OutboundInProgress OutboundState = "in_progress"
	OutboundPlaced     OutboundState = "placed"  // the provider accepted it and returned a sid
	OutboundRejected   OutboundState = "refused" // it was not placed and never will be
	OutboundUnknown    OutboundState = "unknown" // the provider was asked, and its answer was lost
)

// CallStatus is the progress of a placed call, in Twilio's words:
// https://www.twilio.com/docs/voice/api/call-resource#call-status-values
type CallStatus string

// The statuses of a call.
const (
	CallQueued     CallStatus = "queued"
	CallInitiated  CallStatus = "initiated"
	CallRinging    CallStatus = "ringing"
	CallInProgress CallStatus = "in-progress"
	CallCompleted  CallStatus = "completed"
	CallBusy       CallStatus = "busy"
	CallNoAnswer   CallStatus = "no-answer"
	CallFailed     CallStatus = "failed"
	CallCanceled   CallStatus = "canceled"
)

// IsCallSID reports whether a text has the form of a Twilio call sid: https://www.twilio.com/docs/glossary/what-is-a-sid
func IsCallSID(s string) bool {
	if len(s) != 34 || s[:2] != "CA" {
		return false
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f', 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return true
}

var statusOrder = []CallStatus{"", CallQueued, CallInitiated, CallRinging, CallInProgress}

// Rank orders statuses by the progress of the call. All final ones are equal; an unknown status is negative.
func (s CallStatus) Rank() int {
	if s.IsFinal() {
		return len(statusOrder)
	}
	return slices.Index(statusOrder, s)
}

// IsFinal reports whether no other status can follow.
func (s CallStatus) IsFinal() bool {
	switch s {
	case CallCompleted, CallBusy, CallNoAnswer, CallFailed, CallCanceled:
		return true
	}
	return false
}

// IsMachine reports whether a machine answered a call, in Twilio's words: machine_start, machine_end_beep,
// machine_end_silence, machine_end_other or fax (https://www.twilio.com/docs/voice/answering-machine-detection).
func IsMachine(answeredBy string) bool {
	answeredBy = strings.ToLower(answeredBy)
	return strings.HasPrefix(answeredBy, "machine") || answeredBy == "fax"
}

// OutboundCall is the ledger's record of one outbound call.
type OutboundCall struct {
	ID          string // the form that IsSafeID accepts; also the owner of the call's idempotency key
	State       OutboundState
	AssistantID string
	From, To    Phone
	// AssistantNumber and Number are the two numbers as stored with the assistant and as sent; the answer repeats them.
	AssistantNumber, Number string
	Name, Email, Info       string
	KeyName                 string // the name of the API key that asked for the call
	SID                     string // Twilio's id of the call; empty if unknown
	Code                    string // the error code of a rejected call
	Status                  CallStatus
	AnsweredBy              string // "human", "machine_start", "fax", "unknown"; Twilio's words, see IsMachine
	CreatedAt               time.Time
	Deadline                time.Time // a record that is in progress after it was abandoned by its process
	CheckedAt               time.Time // when the provider was last asked about the call
	AnsweredAt, EndedAt     time.Time
	Seconds                 *float64 // of conversation
	Revision                int      // counts the changes
	// VoiceMode is how the answered call is connected.
	VoiceMode VoiceMode
	// Storage and RetentionDays are the assistant's, when the call was placed.
	Storage       Storage
	RetentionDays int
}

// IsOverdue reports whether a record in progress was abandoned: its process has died.
func (r OutboundCall) IsOverdue(now time.Time) bool {
	return r.State == OutboundInProgress && !now.Before(r.Deadline)
}

// LogValue returns the parts of the record that may be logged: no names, no addresses, no complete numbers.
func (r OutboundCall) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", r.ID), slog.String("state", string(r.State)), slog.String("assistant", r.AssistantID),
		slog.Any("to", r.To), slog.String("sid", r.SID), slog.String("status", string(r.Status)))
}

// OutboundContext is the part of an outbound call that the assistant which speaks on it may know.
type OutboundContext struct {
	CallRecordID string `json:"callRecordId"`
	CallSID      string `json:"callSid"`
	PhoneNumber  Phone  `json:"phoneNumber"`
	Name         string `json:"name"`
	Email        string `json:"email"`
	Info         string `json:"info"`
}

// Context returns the part of the record that the assistant may know.
func (r OutboundCall) Context() OutboundContext {
	return OutboundContext{CallRecordID: r.ID, CallSID: r.SID, PhoneNumber: r.To, Name: r.Name, Email: r.Email, Info: r.Info}
}

// CallRequest asks the telephone provider for a call.
type CallRequest struct {
	From, To    Phone
	AssistantID string
	RecordID    string
	StreamURL   string   // of the voice server, wss://; empty for a call by ConversationRelay
	Plan        CallPlan // of a call by ConversationRelay: what happens when it is answered
	StatusURL   string   // where the provider posts status callbacks; contains the record's id
	RingTime    time.Duration
	TalkTime    time.Duration
}

// ProviderCall is a call as the provider knows it.
type ProviderCall struct {
	SID       string
	From, To  Phone
	Direction string // inbound, outbound-api or outbound-dial
	Status    CallStatus
	CreatedAt time.Time
	EndedAt   time.Time
	Seconds   *float64
}

// Quota is a counter with a limit for a window of time.
type Quota struct {
	Key       string // in the ledger; contains the window
	Amount    int64  // of one call
	Limit     int64
	ExpiresAt time.Time
}
