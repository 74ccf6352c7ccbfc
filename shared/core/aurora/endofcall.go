package aurora

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"example.com/aurora/shared/core/text"
)

// EndOfCall is what an end-of-call report says, wherever the sender put it: the API document's shape and Vapi's are
// one table of paths each. What the report does not say is absent, never zero.
type EndOfCall struct {
	// Texts are every id that names the call, the primary one first; as sent, so not safe in a key. May be empty.
	IDs []string
	// AssistantID is as sent; empty where the report names none.
	AssistantID string
	// AssistantNumber is the assistant's own number, where it can be written in E.164.
	AssistantNumber Phone
	// Customer is the other side's number in E.164 where it can be written so, else its number or SIP address as sent.
	Customer     Phone
	CustomerName string
	Direction    Direction
	// StartedAt, EndedAt and Timestamp (when the report was made) are zero where unknown.
	StartedAt, EndedAt, Timestamp time.Time
	// Seconds is how long the call was; nil where unknown.
	Seconds *float64
	// Cost in US dollars; nil where unknown, 0 only where the sender said 0.
	Cost        *float64
	EndedReason string
	Class       Disposition
	Summary     string
	// Transcript reports whether there is one.
	Transcript   bool
	RecordingURL string
	// Success is the sender's evaluation, as sent.
	Success string
	// Spoke reports whether anybody but the assistant said something.
	Spoke       bool
	Transferred bool
	// Outcome is what came of the call where that is plain, or the sender judged it; empty where neither is so.
	Outcome Outcome
	// Extracted is the data that the sender extracted from the conversation, as Extracted has it; nil where none.
	Extracted json.RawMessage
}

// Direction is which way a call went.
type Direction string

// The directions. The empty one is unknown.
const (
	DirectionInbound  Direction = "inbound"
	DirectionOutbound Direction = "outbound"
	DirectionWeb      Direction = "web"
)

// Date is the day in UTC by which the report is filed: when the call ended, else began, else when the report was made.
// It is not ok where none is known.
func (r EndOfCall) Date() (day time.Time, ok bool) {
	for _, t := range []time.Time{r.EndedAt, r.StartedAt, r.Timestamp} {
		if !t.IsZero() {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// ParseEndOfCall reads a webhook body as an end-of-call report. It fails only where ParseMessage does.
func ParseEndOfCall(body []byte) (EndOfCall, error) {
	m, err := ParseMessage(body)
	if err != nil {
		return EndOfCall{}, err
	}
	return m.EndOfCall(), nil
}

// EndOfCall reads the message as an end-of-call report.
func (m Message) EndOfCall() EndOfCall {
	r := EndOfCall{
		IDs: m.Texts("call.id", "callId", "call.callId", "session.callSid", "session.callId", "session.id",
			"call.phoneCallProviderId", "phoneCallProviderId", "call.transport.callSid", "call.callSid", "callSid",
			"session.streamSid", "call.streamSid", "call.transport.streamSid", "streamSid"),
		AssistantID: m.Text("call.assistantId", "assistantId", "session.assistantId", "assistant.id", "assistant.assistantId",
			"call.assistant.id", "call.assistant_id", "phoneNumber.assistantId"),
		CustomerName: m.Text("customer.name", "call.customer.name", "customerName"),
		Direction:    m.direction(),
		StartedAt:    m.Time("startedAt", "call.startedAt", "artifact.startedAt"),
		EndedAt:      m.Time("endedAt", "call.endedAt", "artifact.endedAt"),
		Timestamp:    m.Time("timestamp", "call.timestamp"),
		EndedReason:  m.Text("endedReason", "call.endedReason", "artifact.endedReason", "call.status"),
		Summary:      m.Text("analysis.summary", "summary", "call.analysis.summary", "artifact.summary", "call.summary"),
		Transcript:   m.Text("transcript", "artifact.transcript", "call.transcript", "call.artifact.transcript") != "",
		RecordingURL: m.recordingURL(),
		Success:      m.successEvaluation(),
		Cost:         m.cost(),
		Spoke:        hasCallerUtterance(m.Transcript()),
		Extracted:    m.extractedData(),
	}
	r.AssistantNumber, _ = m.Phone(assistantNumberPaths...)
	customer := []string{"customer.number", "call.customer.number", "session.callerPhoneNumber", "session.from",
		"call.customerNumber", "artifact.variableValues.customer.number", "customer.sipUri", "call.customer.sipUri"}
	var ok bool
	if r.Customer, ok = m.Phone(customer...); !ok {
		r.Customer = Phone(text.Clip(m.Text(customer...), 200))
	}
	r.Seconds = m.duration(r.StartedAt, r.EndedAt)
	r.Class = Classify(r.EndedReason, r.Spoke)
	r.Transferred = m.isTransferred(r.EndedReason)
	r.Outcome = r.deriveOutcome()
	return r
}

// assistantNumberPaths are where a message says which of our numbers the call is about.
var assistantNumberPaths = []string{"session.assistantPhoneNumber", "session.twilioNumber", "session.to",
	"call.phoneNumber.number", "phoneNumber.number", "call.twilioNumber", "twilioNumber", "call.assistantPhoneNumber"}

func (m Message) direction() Direction {
	switch kind := strings.ToLower(m.Text("call.type", "call.direction", "direction")); {
	case strings.Contains(kind, "inbound"):
		return DirectionInbound
	case strings.Contains(kind, "outbound"):
		return DirectionOutbound
	case strings.Contains(kind, "web"):
		return DirectionWeb
	default:
		return ""
	}
}

// duration is the call's length: as stated in some unit, else the time between its start and its end.
func (m Message) duration(started, ended time.Time) *float64 {
	units := []struct {
		in    float64
		paths []string
	}{
		{1, []string{"durationSeconds", "call.durationSeconds", "artifact.durationSeconds", "call.duration", "duration"}},
		{1.0 / 1000, []string{"durationMs", "call.durationMs", "artifact.durationMs"}},
		{60, []string{"durationMinutes", "call.durationMinutes", "artifact.durationMinutes"}},
	}
	const month = 31 * 24 * 3600 // longer than that is a wrong unit, not a call
	for _, unit := range units {
		if n, ok := m.Number(unit.paths...); ok && n*unit.in <= month {
			return roundTo(n*unit.in, 1e3)
		}
	}
	if length := ended.Sub(started).Seconds(); !started.IsZero() && !ended.IsZero() && length >= 0 && length <= month {
		return roundTo(length, 1e3)
	}
	return nil
}

// cost is the stated cost, else the sum of its parts where each is known.
func (m Message) cost() *float64 {
	const most = 1e6 // dollars; more is no price of a call
	if n, ok := m.Number("cost", "call.cost", "costBreakdown.total", "call.costBreakdown.total", "artifact.cost"); ok && n <= most {
		return roundTo(n, 1e6)
	}
	parts := m.List("costs", "call.costs")
	var sum float64
	for _, part := range parts {
		fields, _ := part.(map[string]any)
		n, ok := Message{fields: fields}.Number("cost")
		if !ok {
			return nil
		}
		sum += n
	}
	if len(parts) == 0 || sum > most {
		return nil
	}
	return roundTo(sum, 1e6)
}

// recordingURL is the recording's address, kept only where it is one.
func (m Message) recordingURL() string {
	url := m.Text("artifact.recordingUrl", "recordingUrl", "artifact.recording.mono.combinedUrl", "artifact.recording.stereoUrl",
		"call.recordingUrl", "artifact.stereoRecordingUrl", "stereoRecordingUrl", "call.artifact.recordingUrl")
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return ""
	}
	return url
}

// successEvaluation is the sender's evaluation, which some send as a boolean.
func (m Message) successEvaluation() string {
	for _, path := range []string{"analysis.successEvaluation", "successEvaluation", "call.analysis.successEvaluation"} {
		switch v := m.lookup(path).(type) {
		case bool:
			if v {
				return "true"
			}
			return "false"
		default:
			if s := scalarText(v); s != "" {
				return text.Clip(s, 200)
			}
		}
	}
	return ""
}

func (m Message) isTransferred(reason string) bool {
	switch strings.ToLower(reason) {
	case "assistant-forwarded-call", "call.ringing.hook-executed-transfer", "call.ending.hook-executed-transfer",
		"assistant-request-returned-forwarding-phone-number", "customer-ended-call-during-transfer", "call.forwarding.operator-busy":
		return true
	}
	return len(m.List("artifact.transfers", "transfers", "call.transfers")) > 0 ||
		m.Text("destination.number", "destination.sipUri", "call.destination.number", "call.destination.sipUri",
			"call.forwardedPhoneNumber", "forwardedPhoneNumber") != ""
}

// roundTo drops what binary fractions add: 0.49 minutes are 29.4 seconds.
func roundTo(n, steps float64) *float64 {
	n = math.Round(n*steps) / steps
	return &n
}
