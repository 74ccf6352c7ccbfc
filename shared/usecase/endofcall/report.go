package endofcall

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

// report is the message of an end-of-call report, in Vapi's shape (https://docs.vapi.ai/server-url/events). Package providermsg
// reads it. What is not known is absent.
type report struct {
	Type           string        `json:"type"`
	Timestamp      int64         `json:"timestamp"` // milliseconds since 1970
	Call           callPart      `json:"call"`
	Session        *sessionPart  `json:"session,omitempty"`
	PhoneNumber    *numberPart   `json:"phoneNumber,omitempty"`
	Customer       *customerPart `json:"customer,omitempty"`
	StartedAt      time.Time     `json:"startedAt,omitzero"`
	EndedAt        time.Time     `json:"endedAt,omitzero"`
	EndedReason    string        `json:"endedReason,omitempty"`
	Seconds        *float64      `json:"durationSeconds,omitempty"`
	Cost           *float64      `json:"cost,omitempty"`
	Costs          []costPart    `json:"costs,omitempty"`
	CostIsEstimate bool          `json:"costIsEstimate,omitempty"`
	Relay          relayPart     `json:"relay"`
	Artifact       artifactPart  `json:"artifact"`
}

type callPart struct {
	ID          string `json:"id"`
	AssistantID string `json:"assistantId"`
	Type        string `json:"type"`
	Provider    string `json:"phoneCallProvider"`
	ProviderID  string `json:"phoneCallProviderId"`
}

// sessionPart names the record of an outbound call, as voice servers do.
type sessionPart struct {
	CallRecordID string `json:"callRecordId"`
}

type numberPart struct {
	Number string `json:"number"`
}

type customerPart struct {
	Number string `json:"number,omitempty"`
	SIPURI string `json:"sipUri,omitempty"`
}

// relayPart is what happened to the ConversationRelay session.
type relayPart struct {
	SessionID     string `json:"sessionId,omitempty"`
	AnsweredBy    string `json:"answeredBy,omitempty"`
	Interruptions int    `json:"interruptions,omitempty"`
	OutOfOrder    int    `json:"outOfOrder,omitempty"`
	Drops         int    `json:"drops,omitempty"`
	Resumes       int    `json:"resumes,omitempty"`
	ErrorCode     string `json:"errorCode,omitempty"`
}

type artifactPart struct {
	Messages     []messagePart  `json:"messages"`
	Transcript   string         `json:"transcript,omitempty"`
	RecordingURL string         `json:"recordingUrl,omitempty"`
	Transfers    []transferPart `json:"transfers,omitempty"`
}

type transferPart struct {
	Status      string      `json:"status"`
	Destination *numberPart `json:"destination,omitempty"`
}

// messagePart is one message of the conversation. Message is what was heard. Planned is what the assistant was about to say
// when it was interrupted; no reader takes it for speech.
type messagePart struct {
	Role        string           `json:"role"` // user, bot, tool_calls or tool_call_result
	Message     string           `json:"message,omitempty"`
	Planned     string           `json:"planned,omitempty"`
	Interrupted bool             `json:"interrupted,omitempty"`
	ToolCalls   []agent.ToolCall `json:"toolCalls,omitempty"`
	ToolCallID  string           `json:"toolCallId,omitempty"`
	Name        string           `json:"name,omitempty"`
	Result      string           `json:"result,omitempty"`
	Time        int64            `json:"time,omitempty"`
	EndTime     int64            `json:"endTime,omitempty"`
	Seconds     *float64         `json:"secondsFromStart,omitempty"`
	Duration    *int64           `json:"duration,omitempty"` // milliseconds
}

// Build returns the end-of-call report of a phone call. turns are the stored ones. The report depends on nothing but its
// arguments.
func Build(call aurora.PhoneCall, turns []aurora.SpokenTurn, prices Prices, at time.Time) ([]byte, error) {
	times := timesOf(call)
	r := report{
		Type: "end-of-call-report", Timestamp: at.UnixMilli(),
		Call: callPart{ID: call.SID, AssistantID: call.AssistantID, Type: callType(call.Direction), Provider: "twilio", ProviderID: call.SID},
		Relay: relayPart{SessionID: call.SessionID, AnsweredBy: call.AnsweredBy, Interruptions: call.Interrupts, OutOfOrder: call.OutOfOrder,
			Drops: call.Drops, Resumes: call.Resumes, ErrorCode: call.End.ErrorCode},
		Customer: customerOf(call), StartedAt: times.started.UTC(), EndedAt: times.ended.UTC(), Seconds: times.seconds, EndedReason: endedReason(call),
		Artifact: artifactPart{RecordingURL: call.End.RecordingURL, Transfers: transfersOf(call)},
	}
	if call.RecordID != "" {
		r.Session = &sessionPart{call.RecordID}
	}
	if call.OwnNumber != "" {
		r.PhoneNumber = &numberPart{string(call.OwnNumber)}
	}
	r.Costs, r.Cost = prices.costs(call, times)
	r.CostIsEstimate = r.Cost != nil
	var err error
	if r.Artifact.Messages, err = messagesOf(call.Conversation(turns), times.started); err != nil {
		return nil, err
	}
	r.Artifact.Transcript = transcriptOf(r.Artifact.Messages)
	return json.Marshal(map[string]report{"message": r})
}

func callType(d aurora.Direction) string {
	if d == aurora.DirectionOutbound {
		return "outboundPhoneCall"
	}
	return "inboundPhoneCall"
}

// customerOf returns the other side: its number, its SIP address, or what Twilio sends in place of a number that is withheld.
func customerOf(call aurora.PhoneCall) *customerPart {
	sent := call.From
	if call.Direction == aurora.DirectionOutbound {
		sent = call.To
	}
	switch {
	case call.Customer != "":
		return &customerPart{Number: string(call.Customer)}
	case strings.HasPrefix(strings.ToLower(sent), "sip:"):
		return &customerPart{SIPURI: sent}
	case sent != "":
		return &customerPart{Number: sent}
	}
	return nil
}

// transfersOf returns the newest transfer of a call, if its result is known. The conversation may have gone on after it.
func transfersOf(call aurora.PhoneCall) []transferPart {
	if call.End.TransferStatus == "" {
		return nil
	}
	t := transferPart{Status: call.End.TransferStatus}
	if t.Status == dialAnswered {
		t.Status = dialCompleted
	}
	if d := call.Closing; d != nil && d.Action.Type == aurora.ActionTransferCall && d.Action.Destination != nil && d.Action.Destination.Number != "" {
		t.Destination = &numberPart{d.Action.Destination.Number}
	}
	return []transferPart{t}
}

// messagesOf returns the messages of the report: for each turn its tool calls and results, and what was heard of it.
func messagesOf(turns []aurora.PhoneTurn, started time.Time) ([]messagePart, error) {
	messages := []messagePart{}
	for _, turn := range turns {
		tools, err := toolMessages(turn, started)
		if err != nil {
			return nil, err
		}
		messages = append(messages, tools...)
		m := messagePart{Role: "bot", Message: turn.Text, Planned: turn.Planned, Interrupted: turn.Cut}
		if turn.Role == aurora.PhoneRoleUser {
			m.Role = "user"
		}
		if m.Message == "" && m.Planned == "" {
			continue
		}
		m.setTimes(turn, started)
		messages = append(messages, m)
	}
	return messages, nil
}

// toolMessages returns the tool calls and results of a turn.
func toolMessages(turn aurora.PhoneTurn, started time.Time) ([]messagePart, error) {
	if len(turn.Messages) == 0 {
		return nil, nil
	}
	var messages []agent.Message
	if err := json.Unmarshal(turn.Messages, &messages); err != nil {
		return nil, fmt.Errorf("read a turn's messages: %w", err)
	}
	var parts []messagePart
	for _, m := range messages {
		part := messagePart{}
		switch {
		case len(m.ToolCalls) > 0:
			part.Role = "tool_calls"
			for _, c := range m.ToolCalls { // without what a model's server needs back
				part.ToolCalls = append(part.ToolCalls, agent.ToolCall{ID: c.ID, Name: c.Name, Arguments: c.Arguments})
			}
		case m.Role == agent.RoleTool:
			part.Role, part.ToolCallID, part.Name, part.Result = "tool_call_result", m.ToolCallID, m.ToolName, m.Content
		default:
			continue
		}
		part.setTimes(aurora.PhoneTurn{StartedAt: turn.StartedAt}, started)
		parts = append(parts, part)
	}
	return parts, nil
}

// setTimes sets when a message was said.
func (m *messagePart) setTimes(turn aurora.PhoneTurn, started time.Time) {
	if turn.StartedAt.IsZero() {
		return
	}
	m.Time = turn.StartedAt.UnixMilli()
	if !started.IsZero() {
		seconds := max(turn.StartedAt.Sub(started), 0).Round(time.Millisecond).Seconds()
		m.Seconds = &seconds
	}
	if length := turn.EndedAt.Sub(turn.StartedAt); !turn.EndedAt.IsZero() && length >= 0 {
		m.EndTime = turn.EndedAt.UnixMilli()
		ms := length.Milliseconds()
		m.Duration = &ms
	}
}

// transcriptOf returns what was heard, as one line for each message.
func transcriptOf(messages []messagePart) string {
	var b strings.Builder
	for _, m := range messages {
		if words := strings.Join(strings.Fields(m.Message), " "); words != "" {
			name := "AI"
			if m.Role == "user" {
				name = "User"
			}
			b.WriteString(name + ": " + words + "\n")
		}
	}
	return b.String()
}
