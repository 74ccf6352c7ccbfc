package providermsg

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/text"
)

// EndOfCall is what an end-of-call report says. What the report does not say is absent, never zero.
type EndOfCall struct {
	// IDs are all ids of the call, the primary one first; as sent, so not safe in a key. May be empty.
	IDs []string
	// AssistantID is as sent; empty if the report names none.
	AssistantID string
	// AssistantNumber is the assistant's own number, if it can be written in E.164.
	AssistantNumber aurora.Phone
	// Customer is the other side's number in E.164 if it can be written so, else its number or SIP address as sent.
	Customer     aurora.Phone
	CustomerName string
	// Withheld says that the other side withheld its number. Customer is then empty.
	Withheld  bool `json:",omitempty"`
	Direction aurora.Direction
	// StartedAt, EndedAt and Timestamp (when the report was made) are zero if unknown.
	StartedAt, EndedAt, Timestamp time.Time
	// Seconds is the length of the call; nil if unknown.
	Seconds *float64
	// Cost is in US dollars; nil if unknown, 0 only if the sender said 0.
	Cost        *float64
	EndedReason string
	Disposition aurora.Disposition `json:"Class"` // the name in golden files
	Summary     string
	// Transcript reports whether there is one.
	Transcript   bool
	RecordingURL string
	// Success is the sender's evaluation, as sent.
	Success string
	// Spoke reports whether anyone but the assistant said something.
	Spoke bool
	// CallerTurns is how often anyone but the assistant spoke after the assistant.
	CallerTurns int `json:",omitempty"`
	// ConversationUnknown reports whether there is no readable transcript, so that it is not known whether anyone spoke.
	ConversationUnknown bool `json:",omitempty"`
	Transferred         bool
	// TransferFailed reports that the call was to be transferred and was not.
	TransferFailed bool `json:",omitempty"`
	// Outcome is set if it is clear without judgement, or if the sender judged it.
	Outcome aurora.Outcome
	// Extracted is the data that the sender extracted from the conversation, as aurora.SanitizeExtracted returns it.
	Extracted json.RawMessage
	// ExtractedNote says what was left out of Extracted; empty if nothing was.
	ExtractedNote string `json:",omitempty"`
}

// EndOfCall reads the message as an end-of-call report.
func (m Message) EndOfCall() EndOfCall {
	id, turns := m.Identity(), m.Transcript()
	r := EndOfCall{
		IDs:          id.CallIDs,
		AssistantID:  m.countedAssistantID(id),
		CustomerName: m.Text("customer.name", "call.customer.name", "customerName"),
		Direction:    m.direction(),
		StartedAt:    id.StartedAt,
		EndedAt:      id.EndedAt,
		Timestamp:    id.Timestamp,
		EndedReason:  m.Text("endedReason", "call.endedReason", "artifact.endedReason", "call.status"),
		Summary:      m.Text("analysis.summary", "summary", "call.analysis.summary", "artifact.summary", "call.summary"),
		Transcript:   m.Text("transcript", "artifact.transcript", "call.transcript", "call.artifact.transcript") != "",
		RecordingURL: m.recordingURL(),
		Success:      m.successEvaluation(),
		Cost:         m.cost(),
		Spoke:        hasCallerUtterance(turns),
		CallerTurns:  countCallerTurns(turns),

		ConversationUnknown: len(turns) == 0,
	}
	var dropped []string
	r.Extracted, dropped = m.extractedData()
	r.ExtractedNote = aurora.ExtractedNote(dropped)
	r.AssistantNumber, _ = m.AssistantNumber()
	var ok bool
	if r.Customer, ok = m.Caller(); !ok {
		r.Customer, ok = m.Phone(callerSIPPaths...)
	}
	if redact.IsPlaceholder(r.CustomerName) {
		r.CustomerName = ""
	}
	if sent := m.Text(slices.Concat(callerPaths, callerSIPPaths)...); redact.IsPlaceholder(sent) {
		r.Customer = "" // it was removed before the report was stored
	} else if !ok && aurora.IsWithheld(sent) {
		r.Withheld = sent != "" || r.Direction == aurora.DirectionInbound
	} else if !ok {
		r.Customer = aurora.Phone(text.Clip(sent, 200))
	}
	r.Seconds = m.duration(r.StartedAt, r.EndedAt)
	r.Disposition = Classify(r.EndedReason, r.evidence())
	r.Transferred, r.TransferFailed = m.transfer(r.EndedReason)
	if r.Outcome = ClearOutcome(r.Disposition, r.Transferred, r.evidence()); r.Outcome == "" {
		r.Outcome = outcomeFromEvaluation(r.Success)
	}
	return r
}

func (r EndOfCall) evidence() Evidence {
	return Evidence{Spoke: r.Spoke, Unknown: r.ConversationUnknown, Seconds: r.Seconds, Success: r.Success}
}

// Day returns the time by which the report is filed, in UTC; zero if the report has no time. See Identity.Day.
func (r EndOfCall) Day() time.Time {
	return Identity{StartedAt: r.StartedAt, EndedAt: r.EndedAt, Timestamp: r.Timestamp}.Day()
}

// Call returns the row of the report: everything except its key and what an analysis finds out. objectKey is the
// report's own key in the bucket.
func (r EndOfCall) Call(objectKey, version string) aurora.Call {
	c := aurora.Call{
		Version: version, ObjectKey: objectKey,
		StartedAt: r.StartedAt, EndedAt: r.EndedAt, Seconds: r.Seconds, Cost: r.Cost,
		EndedReason: text.Clip(r.EndedReason, 200), Disposition: r.Disposition, Direction: r.Direction,
		Customer: r.Customer, Withheld: r.Withheld, CustomerName: text.Clip(r.CustomerName, 200),
		Summary: text.Clip(r.Summary, 4000), Success: r.Success, Recording: text.Clip(r.RecordingURL, 2000),
		Transcript: r.Transcript, Spoke: r.Spoke, CallerTurns: r.CallerTurns, ConversationUnknown: r.ConversationUnknown,
		Transferred: r.Transferred, TransferFailed: r.TransferFailed, ReportedAt: r.Timestamp,
		// The sender's own findings. An analysis adds to them, and removes data that does not fit the assistant's schema.
		Analysis: aurora.Analysis{Outcome: r.Outcome, Extracted: r.Extracted, AnalysisNote: r.ExtractedNote},
	}
	if len(r.IDs) > 0 {
		c.ID = text.Clip(r.IDs[0], 200)
	}
	return c
}

func (m Message) direction() aurora.Direction {
	switch kind := strings.ToLower(m.Text("call.type", "call.direction", "direction")); {
	case strings.Contains(kind, "inbound"):
		return aurora.DirectionInbound
	case strings.Contains(kind, "outbound"):
		return aurora.DirectionOutbound
	case strings.Contains(kind, "web"):
		return aurora.DirectionWeb
	default:
		return ""
	}
}

// duration returns the call's length in seconds: as stated in some unit, else the time between its start and its end.
func (m Message) duration(started, ended time.Time) *float64 {
	units := []struct {
		seconds float64
		paths   []string
	}{
		{1, []string{"durationSeconds", "call.durationSeconds", "artifact.durationSeconds", "call.duration", "duration"}},
		{1.0 / 1000, []string{"durationMs", "call.durationMs", "artifact.durationMs"}},
		{60, []string{"durationMinutes", "call.durationMinutes", "artifact.durationMinutes"}},
	}
	const month = 31 * 24 * 3600 // a longer call is a value in another unit
	for _, unit := range units {
		if n, ok := m.Number(unit.paths...); ok && n*unit.seconds <= month {
			return roundTo(n*unit.seconds, 1e3)
		}
	}
	if length := ended.Sub(started).Seconds(); !started.IsZero() && !ended.IsZero() && length >= 0 && length <= month {
		return roundTo(length, 1e3)
	}
	return nil
}

// cost returns the stated cost, else the sum of its parts if each of them is known.
func (m Message) cost() *float64 {
	const maxCost = 1e6 // dollars; more cannot be the price of one call
	if n, ok := m.Number("cost", "call.cost", "costBreakdown.total", "call.costBreakdown.total", "artifact.cost"); ok && n <= maxCost {
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
	if len(parts) == 0 || sum > maxCost {
		return nil
	}
	return roundTo(sum, 1e6)
}

// recordingURL returns the address of the recording, only if it is a web address.
func (m Message) recordingURL() string {
	url := m.Text("artifact.recordingUrl", "recordingUrl", "artifact.recording.mono.combinedUrl", "artifact.recording.stereoUrl",
		"call.recordingUrl", "artifact.stereoRecordingUrl", "stereoRecordingUrl", "call.artifact.recordingUrl")
	if !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return ""
	}
	return url
}

// successEvaluation returns the sender's evaluation, which some send as a boolean.
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

// ClearOutcome returns the outcome that is clear without judgement; empty if it has to be judged, or cannot be known.
func ClearOutcome(d aurora.Disposition, transferred bool, e Evidence) aurora.Outcome {
	switch {
	case transferred:
		return aurora.OutcomeTransferred
	case d == aurora.DispositionVoicemail:
		return aurora.OutcomeVoicemail
	case e.Spoke:
		return ""
	case d == aurora.DispositionFailed:
		return aurora.OutcomeError
	case d == aurora.DispositionNoAnswer, d == aurora.DispositionBusy:
		return aurora.OutcomeNoAnswer
	case e.Unknown:
		return ""
	}
	return aurora.OutcomeDropped // answered, but the caller said nothing
}

// outcomeFromEvaluation returns the outcome that an evaluation states. Marks such as 7 of 10 state none: no threshold is
// known for them.
func outcomeFromEvaluation(success string) aurora.Outcome {
	switch strings.ToLower(strings.TrimSpace(success)) {
	case "true", "pass", "passed", "yes", "success", "successful", "excellent", "good":
		return aurora.OutcomeResolved
	case "false", "fail", "failed", "no", "failure", "unsuccessful", "poor":
		return aurora.OutcomeUnresolved
	}
	return ""
}

// roundTo removes what binary fractions add: 0.49 minutes are 29.4 seconds, not 29.400000000000002.
func roundTo(n, steps float64) *float64 {
	n = math.Round(n*steps) / steps
	return &n
}
