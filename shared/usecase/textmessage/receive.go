package textmessage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/core/optout"
)

// DoNotCallList stores the numbers of people who do not want to hear from us.
type DoNotCallList interface {
	AddDoNotCall(ctx context.Context, number aurora.Phone, source string) error
	// RemoveDoNotCall takes a number off the list and reports whether it was on it.
	RemoveDoNotCall(ctx context.Context, number aurora.Phone) (removed bool, err error)
}

// AssistantFinder finds the assistant that answers an address. The errors are fault.NotFound if there is none.
type AssistantFinder interface {
	ByNumber(ctx context.Context, number aurora.Phone) (aurora.Assistant, error)
	// ByTextKey finds an assistant by its number for text messages, or by its messaging service.
	ByTextKey(ctx context.Context, key string) (aurora.Assistant, error)
}

// Queue delivers the messages of a group in order. A message with a deduplication id that it has seen in the last minutes is not
// delivered.
type Queue interface {
	SendToGroup(ctx context.Context, body, group, deduplicationID string) error
}

// Receiver takes the messages that Twilio passes on.
type Receiver struct {
	Assistants    AssistantFinder
	DoNotCallList DoNotCallList
	Queue         Queue
}

// Message is a text message as Twilio passes it on.
type Message struct {
	SID                 string
	From, To            aurora.TextAddress
	MessagingServiceSID string
	Body                string
	// OptOutType is STOP, START or HELP if Twilio's Advanced Opt-Out has acted on the message.
	OptOutType string
	Contents
	StatusURL string // where Twilio is to report what becomes of the answer
}

// Receive takes one message. The error is fault.Invalid if Twilio cannot have sent the message, and fault.Unavailable if it can
// be taken later.
func (r *Receiver) Receive(ctx context.Context, m Message) error {
	if !aurora.IsMessageSID(m.SID) {
		return fault.New(fault.Invalid, "MessageSid must be a message's sid.").WithParam("MessageSid")
	}
	if m.From == "" || m.To == "" {
		return fault.New(fault.Invalid, "From and To must be addresses.").WithParam("From")
	}
	person, ok := m.From.Phone()
	if own, _ := m.To.Phone(); !ok || own == person {
		slog.WarnContext(ctx, "text message ignored: its sender is not a person's number", "event", "text.ignored", "messageSid", m.SID, "from", m.From)
		return nil
	}
	request, ours, err := r.recordRequest(ctx, m, person)
	if err != nil || request != optout.None && !ours {
		return err
	}
	assistant, err := r.findAssistant(ctx, m)
	if fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "text message ignored: no assistant has the number", "event", "text.no_assistant", "messageSid", m.SID, "to", m.To)
		return nil
	}
	if err != nil {
		return err
	}
	aurora.LogAssistant(ctx, assistant)
	body, _ := json.Marshal(aurora.IncomingText{SID: m.SID, AssistantID: assistant.ID(), From: m.From, To: m.To, MessagingServiceSID: m.MessagingServiceSID,
		Text: m.words(), RepliedSID: m.RepliedSID, Request: string(request), StatusURL: m.StatusURL}) // strings: cannot fail
	if err := r.Queue.SendToGroup(ctx, string(body), groupOf(m.From, m.To), m.SID); err != nil {
		return fault.New(fault.Unavailable, "The message cannot be taken now.").WithCode("queue_unavailable").WithRetryAfter(time.Second).Because(err)
	}
	slog.InfoContext(ctx, "text message queued", "event", "text.queued", "messageSid", m.SID, "from", m.From, "channel", m.From.Channel(), "request", string(request), "media", len(m.Media))
	return nil
}

// groupOf returns the queue's group of the messages between two addresses.
func groupOf(person, own aurora.TextAddress) string {
	digest := idempotency.Digest(string(person), string(own))
	return hex.EncodeToString(digest[:sha256.Size/2])
}

// findAssistant returns the assistant of the address that was texted, or of the messaging service.
func (r *Receiver) findAssistant(ctx context.Context, m Message) (aurora.Assistant, error) {
	var none aurora.Assistant
	own, isPhone := m.To.Phone()
	if isPhone {
		a, err := r.Assistants.ByNumber(ctx, own)
		if !fault.Is(err, fault.NotFound) {
			return a, err
		}
	}
	for _, key := range []string{string(own), m.MessagingServiceSID} {
		if key == "" {
			continue
		}
		a, err := r.Assistants.ByTextKey(ctx, key)
		if !fault.Is(err, fault.NotFound) {
			return a, err
		}
	}
	return none, fault.New(fault.NotFound, "No assistant has this number.").WithCode("assistant_not_found")
}

// recordRequest changes the do-not-call list if the message asks for it. It returns what the message asks for, and whether we
// are to reply to it, since Twilio has not.
func (r *Receiver) recordRequest(ctx context.Context, m Message, person aurora.Phone) (request optout.Request, ours bool, err error) {
	request, byTwilio := m.request()
	switch request {
	case optout.Stop:
		if err := r.DoNotCallList.AddDoNotCall(ctx, person, "text message"); err != nil {
			return request, false, errListUnavailable.Because(err)
		}
		slog.InfoContext(ctx, "an opt-out was recorded", "event", "optout.recorded", "messageSid", m.SID, "number", person)
	case optout.Start:
		removed, err := r.DoNotCallList.RemoveDoNotCall(ctx, person)
		if err != nil {
			return request, false, errListUnavailable.Because(err)
		}
		if removed {
			slog.InfoContext(ctx, "a person took an opt-out back", "event", "optout.withdrawn", "messageSid", m.SID, "number", person)
		} else if !byTwilio || isYes(m.Body) && m.OptOutType == "" {
			return optout.None, true, nil // from a person who is not on the list the word means something else
		}
	}
	return request, !byTwilio, nil
}

var errListUnavailable = fault.New(fault.Unavailable, "The do-not-call list cannot be written now.").WithCode("store_unavailable").WithRetryAfter(time.Second)

// request returns what the message asks for, and whether Twilio has replied to it. What Advanced Opt-Out says decides.
func (m Message) request() (request optout.Request, byTwilio bool) {
	switch given := optout.Request(strings.ToUpper(m.OptOutType)); given {
	case optout.Stop, optout.Start, optout.Help:
		return given, true
	}
	request = optout.Read(m.Body)
	if !m.hasTwilioWords() {
		return request, false
	}
	known := optout.ByTwilio(m.Body)
	if own, _ := m.To.Phone(); own.IsTollFree() && isYes(m.Body) {
		known = optout.None
	}
	if known != optout.None {
		return known, true
	}
	return request, false
}

// hasTwilioWords reports whether Twilio acts on words by default: on SMS and MMS to a number that is no short code.
func (m Message) hasTwilioWords() bool {
	_, isPhone := m.To.Phone()
	return isPhone && m.To.Channel() == ""
}

// isYes reports whether a message is the only word by which Twilio takes an opt-out back and which also answers questions.
func isYes(body string) bool {
	return optout.Read(body) == optout.None && optout.ByTwilio(body) == optout.Start
}
