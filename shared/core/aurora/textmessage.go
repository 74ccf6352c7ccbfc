package aurora

import (
	"encoding/json"
	"log/slog"
	"strings"
	"time"
)

// TextAddress is one end of a text message as Twilio writes it: +14155550100, whatsapp:+14155550100, rcs:agent, 12345 or
// Example.
type TextAddress string

// Channel returns whatsapp, rcs or another word that stands before the address, "" for SMS and MMS.
func (a TextAddress) Channel() string {
	channel, _, ok := strings.Cut(string(a), ":")
	if !ok {
		return ""
	}
	return strings.ToLower(channel)
}

// Phone returns the phone number of the address. It is not ok for a short code, a name, and an address that is not a number.
func (a TextAddress) Phone() (Phone, bool) {
	_, number, ok := strings.Cut(string(a), ":")
	if !ok {
		number = string(a)
	}
	if !isPlainE164(number) {
		return "", false
	}
	return ParsePhone(number)
}

// LogValue returns the address with most of its digits hidden, so that no log line holds a complete number.
func (a TextAddress) LogValue() slog.Value {
	if p, ok := a.Phone(); ok {
		return p.LogValue()
	}
	return slog.StringValue(a.Channel() + "…")
}

// IsMessageSID reports whether a text is the sid of a message: SM or MM and 32 hexadecimal digits.
func IsMessageSID(s string) bool {
	return len(s) == 34 && (s[:2] == "SM" || s[:2] == "MM") && IsCallSID("CA"+s[2:])
}

// IsTollFree reports whether the number is a toll-free one of the North American plan. Carriers handle opt-outs from these.
func (p Phone) IsTollFree() bool {
	if len(p) != 12 || p.CountryCode() != "1" {
		return false
	}
	switch p[2:5] {
	case "800", "833", "844", "855", "866", "877", "888":
		return true
	}
	return false
}

// IncomingText is a text message that a person sent us. It is a message of the queue of text messages, in JSON.
type IncomingText struct {
	SID         string      `json:"sid"`
	AssistantID string      `json:"assistantId"`
	From        TextAddress `json:"from"` // of the person
	To          TextAddress `json:"to"`   // ours
	// MessagingServiceSID is the messaging service that the message came by; empty if it came by none.
	MessagingServiceSID string `json:"messagingServiceSid,omitempty"`
	// Text is what the person wrote, and what else the message holds, in words.
	Text string `json:"text"`
	// RepliedSID is the message that the person replied to; empty if the person's app does not say it.
	RepliedSID string `json:"repliedSid,omitempty"`
	// Request is STOP, START or HELP if the message is to be answered with a fixed text, and not by the assistant.
	Request string `json:"request,omitempty"`
	// StatusURL is where Twilio is to report what becomes of the answer.
	StatusURL string `json:"statusUrl,omitempty"`
}

// OutgoingText is a text message to a person.
type OutgoingText struct {
	From                TextAddress `json:"from"`
	To                  TextAddress `json:"to"`
	MessagingServiceSID string      `json:"messagingServiceSid,omitempty"`
	Body                string      `json:"body"`
	StatusURL           string      `json:"statusUrl,omitempty"` // of status callbacks; empty for none
}

// TextConversation is what is stored of the text messages between a person and one of our addresses.
type TextConversation struct {
	AssistantID string
	Person      Phone
	Own         TextAddress
	// Turns are the newest ones of the last 24 hours, the oldest first.
	Turns []TextTurn
	// ActiveAgent and ContextVariables are as in a session.
	ActiveAgent      string
	ContextVariables map[string]any
	// Answered are the sids of the messages that need no answer any more, the newest last.
	Answered []string
	// Apologised are the sids of messages that could not be answered, for which the person got an apology.
	Apologised []string
	// Pending is an answer that is perhaps not sent yet.
	Pending *PendingText
	// Sent are the last answers that Twilio has accepted, the newest last.
	Sent []SentText
	// SilentUntil is when the next answer can be sent, if a limit is used up.
	SilentUntil time.Time
	LastAt      time.Time
	Revision    int // of the stored item; 0 before it is stored
}

// TextTurn is one turn of a conversation by text message.
type TextTurn struct {
	At time.Time `json:"at"`
	// Messages is the turn as the model is to see it: a list of package agent's messages.
	Messages json.RawMessage `json:"messages"`
}

// PendingText is an answer that was recorded before it is sent.
type PendingText struct {
	OutgoingText
	SIDs []string `json:"sids"` // of the messages that it answers
	// Confirms says that it confirms an opt-out, which the do-not-call list must not stop.
	Confirms   bool      `json:"confirms,omitempty"`
	RecordedAt time.Time `json:"recordedAt"`
	// Unsent says that it is certain that Twilio has not accepted it.
	Unsent bool `json:"unsent,omitempty"`
}

// SentText is an answer that Twilio has accepted.
type SentText struct {
	SID  string `json:"sid"`
	Body string `json:"body"` // its beginning
}

// TextStatus is the status of a text message that we sent, as Twilio reports it.
type TextStatus string

// textStatusRanks orders the statuses: a later one of a message never has a lower rank. Twilio's reports arrive in any order.
var textStatusRanks = map[TextStatus]int{"accepted": 1, "scheduled": 1, "queued": 2, "sending": 3, "sent": 4, "canceled": 5, "failed": 5, "undelivered": 5, "delivered": 6, "read": 7}

// Rank returns the place of the status in the life of a message, 0 for one that is not known.
func (s TextStatus) Rank() int { return textStatusRanks[s] }

// TextReport is what Twilio reports of a text message that we sent.
type TextReport struct {
	SID       string
	Status    TextStatus
	ErrorCode int // 0 if there is none
}
