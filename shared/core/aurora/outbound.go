package aurora

import (
	"log/slog"
	"slices"
	"time"
)

// OutboundState says what is known of whether an outbound call was placed.
type OutboundState string

// The states. A record begins in progress and ends in one of the others; unknown may still become placed or refused.
const (
	OutboundInProgress OutboundState = "in_progress"
	OutboundPlaced     OutboundState = "placed"  // the provider has taken it and given it a sid
	OutboundRejected   OutboundState = "refused" // it was not placed and never will be
	OutboundUnknown    OutboundState = "unknown" // it was asked for, and nobody knows what became of it
)

// CallStatus is how far a placed call is, in Twilio's words:
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

// IsCallSID reports whether a text is a call's name as Twilio gives them: https://www.twilio.com/docs/glossary/what-is-a-sid
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

// Rank orders statuses by how far the call is. All final ones are equal; a status nobody knows is negative.
func (s CallStatus) Rank() int {
	if s.IsFinal() {
		return len(statusOrder)
	}
	return slices.Index(statusOrder, s)
}

// IsFinal reports whether nothing comes after this status.
func (s CallStatus) IsFinal() bool {
	switch s {
	case CallCompleted, CallBusy, CallNoAnswer, CallFailed, CallCanceled:
		return true
	}
	return false
}

// OutboundCall is all that is known of one outbound call.
type OutboundCall struct {
	ID          string // OutboundID's form; it is also the owner of what the call has claimed
	State       OutboundState
	AssistantID string
	From, To    Phone
	// AssistantNumber and Number are the two numbers as they were stored and sent; the answer repeats them.
	AssistantNumber, Number string
	Name, Email, Info       string
	KeyName                 string // whose key asked
	SID                     string // the provider's name for the call, where known
	Code                    string // why it was refused
	Status                  CallStatus
	AnsweredBy              string // "human", "machine_start", "fax", "unknown"; Twilio's words
	CreatedAt               time.Time
	Deadline                time.Time // in progress beyond it means that whoever placed it died
	CheckedAt               time.Time // when the provider was last asked what became of it
	AnsweredAt, EndedAt     time.Time
	Seconds                 *float64 // of talk
	Revision                int      // counts the changes
}

// IsOverdue reports whether a record in progress was left behind by whoever had it.
func (r OutboundCall) IsOverdue(now time.Time) bool {
	return r.State == OutboundInProgress && !now.Before(r.Deadline)
}

// LogValue keeps names, addresses and whole numbers out of the log.
func (r OutboundCall) LogValue() slog.Value {
	return slog.GroupValue(slog.String("id", r.ID), slog.String("state", string(r.State)), slog.String("assistant", r.AssistantID),
		slog.Any("to", r.To), slog.String("sid", r.SID), slog.String("status", string(r.Status)))
}

// OutboundContext is what an assistant may know of the outbound call it speaks on.
type OutboundContext struct {
	CallRecordID string `json:"callRecordId"`
	CallSID      string `json:"callSid"`
	PhoneNumber  Phone  `json:"phoneNumber"`
	Name         string `json:"name"`
	Email        string `json:"email"`
	Info         string `json:"info"`
}

// Context is the record as the assistant may know it.
func (r OutboundCall) Context() OutboundContext {
	return OutboundContext{CallRecordID: r.ID, CallSID: r.SID, PhoneNumber: r.To, Name: r.Name, Email: r.Email, Info: r.Info}
}

// CallRequest is a call to be placed: what the telephone provider is told, and nothing more.
type CallRequest struct {
	From, To    Phone
	AssistantID string
	RecordID    string
	StreamURL   string // the voice server's, wss://
	StatusURL   string // where the provider says how the call goes on; names the record
	RingTime    time.Duration
	TalkTime    time.Duration
}

// ProviderCall is a call as the provider lists it.
type ProviderCall struct {
	SID       string
	From, To  Phone
	Status    CallStatus
	CreatedAt time.Time
	EndedAt   time.Time
	Seconds   *float64
}

// Quota is a counter that has a limit within a window of time.
type Quota struct {
	Key       string // the ledger's, with its window in it
	Amount    int64  // what one call takes
	Limit     int64
	ExpiresAt time.Time
}
