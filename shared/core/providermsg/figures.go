package providermsg

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/redact"
)

// Figures returns the message without any text, as JSON: an end-of-call report keeps its ids, times, length, cost, ended reason, what
// the provider judged, and who spoke when. Any other message keeps its type and ids. Figures of what it returned are the same.
func (m Message) Figures() ([]byte, error) {
	id := m.Identity()
	r := EndOfCall{IDs: id.CallIDs, AssistantID: id.AssistantID, Timestamp: id.Timestamp}
	figures := messageFigures{Type: id.Type}
	if kind, _, _ := strings.Cut(id.Type, "["); kind == "end-of-call-report" {
		r, figures.Type = m.EndOfCall(), kind
		figures.addCall(r)
		for _, u := range m.Transcript() {
			turn := turnFigures{Role: map[Speaker]string{SpeakerCaller: "user", SpeakerAssistant: "bot"}[u.Who], Message: redact.Removed}
			if u.Seconds >= 0 {
				turn.Seconds = &u.Seconds
			}
			figures.Messages = append(figures.Messages, turn)
		}
	} else if !aurora.IsSafeID(id.Type) {
		figures.Type = aurora.SafeKey(id.Type)
	}
	figures.setIDs(r)
	if !r.Timestamp.IsZero() {
		figures.Timestamp = r.Timestamp.UnixMilli()
	}
	return json.Marshal(map[string]any{"message": figures})
}

// messageFigures is what Figures keeps, in Vapi's shape.
type messageFigures struct {
	Type        string          `json:"type"`
	Timestamp   int64           `json:"timestamp,omitempty"`
	AssistantID string          `json:"assistantId,omitempty"`
	Call        callFigures     `json:"call"`
	CallID      string          `json:"callId,omitempty"`
	ProviderID  string          `json:"phoneCallProviderId,omitempty"`
	CallSID     string          `json:"callSid,omitempty"`
	StreamSID   string          `json:"streamSid,omitempty"`
	PhoneNumber *numberFigures  `json:"phoneNumber,omitempty"`
	Customer    *numberFigures  `json:"customer,omitempty"`
	StartedAt   *time.Time      `json:"startedAt,omitempty"`
	EndedAt     *time.Time      `json:"endedAt,omitempty"`
	EndedReason string          `json:"endedReason,omitempty"`
	Seconds     *float64        `json:"durationSeconds,omitempty"`
	Cost        *float64        `json:"cost,omitempty"`
	Analysis    *resultFigures  `json:"analysis,omitempty"`
	Transfers   []statusFigures `json:"transfers,omitempty"`
	Messages    []turnFigures   `json:"messages,omitempty"`
}

type callFigures struct {
	ID         string `json:"id,omitempty"`
	CallID     string `json:"callId,omitempty"`
	ProviderID string `json:"phoneCallProviderId,omitempty"`
	CallSID    string `json:"callSid,omitempty"`
	Type       string `json:"type,omitempty"`
}

type numberFigures struct {
	Number string `json:"number"`
}

type resultFigures struct {
	Success string `json:"successEvaluation"`
}

type statusFigures struct {
	Status string `json:"status"`
}

type turnFigures struct {
	Role    string   `json:"role"`
	Message string   `json:"message"`
	Seconds *float64 `json:"secondsFromStart,omitempty"`
}

// setIDs sets the ids, at the first of the paths at which they are read. An id that cannot stand in a key becomes that key.
func (f *messageFigures) setIDs(r EndOfCall) {
	if aurora.IsSafeID(r.AssistantID) {
		f.AssistantID = r.AssistantID
	}
	places := []*string{&f.Call.ID, &f.CallID, &f.Call.CallID, &f.Call.ProviderID, &f.ProviderID, &f.Call.CallSID, &f.CallSID, &f.StreamSID}
	for i, id := range r.IDs[:min(len(r.IDs), len(places))] {
		*places[i] = aurora.SafeKey(id)
	}
}

// addCall adds what a report says of its call.
func (f *messageFigures) addCall(r EndOfCall) {
	f.Call.Type = map[aurora.Direction]string{aurora.DirectionInbound: "inboundPhoneCall", aurora.DirectionOutbound: "outboundPhoneCall", aurora.DirectionWeb: "webCall"}[r.Direction]
	if r.AssistantNumber != "" {
		f.PhoneNumber = &numberFigures{string(r.AssistantNumber)}
	}
	if !r.Withheld {
		f.Customer = &numberFigures{redact.PhoneNumber} // without it the number of an incoming call would count as withheld
	}
	if !r.StartedAt.IsZero() {
		f.StartedAt = &r.StartedAt
	}
	if !r.EndedAt.IsZero() {
		f.EndedAt = &r.EndedAt
	}
	if isReasonName(r.EndedReason) {
		f.EndedReason = r.EndedReason
	}
	f.Seconds, f.Cost = r.Seconds, r.Cost
	if _, err := strconv.ParseFloat(r.Success, 64); r.Success != "" && (err == nil && len(r.Success) < 7 || outcomeFromEvaluation(r.Success) != "") {
		f.Analysis = &resultFigures{r.Success}
	}
	switch {
	case r.Transferred:
		f.Transfers = []statusFigures{{"completed"}}
	case r.TransferFailed:
		f.Transfers = []statusFigures{{"failed"}}
	}
}

// isReasonName reports whether an ended reason is a name such as customer-ended-call, not a sentence or a number.
func isReasonName(reason string) bool {
	digits := 0
	for _, c := range []byte(reason) {
		isLetter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if c >= '0' && c <= '9' {
			digits++
		} else if !isLetter && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return len(reason) <= maxReasonName && digits <= 6
}
