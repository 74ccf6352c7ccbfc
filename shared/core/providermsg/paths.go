package providermsg

import (
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// The paths of what a message is about, in the API document's shape and in Vapi's. The first path that has a value wins.
var (
	// callIDPaths begin with the call's primary id; the ids of the telephone call and of its audio stream follow.
	callIDPaths = []string{"call.id", "callId", "call.callId", "session.callSid", "session.callId", "session.id",
		"call.phoneCallProviderId", "phoneCallProviderId", "call.transport.callSid", "call.callSid", "callSid",
		"session.streamSid", "call.streamSid", "call.transport.streamSid", "streamSid", "chat.id"}

	// callSIDPaths may hold the sid of a Twilio call.
	callSIDPaths = []string{"call.phoneCallProviderId", "call.transport.callSid", "call.callSid", "session.callSid", "session.call_sid", "callSid", "phoneCallProviderId"}

	assistantIDPaths = []string{"session.assistantId", "session.assistant_id", "session.assistant_config.assistantId",
		"call.assistantId", "assistantId", "assistant.id", "assistant.assistantId", "call.assistant.id", "call.assistant_id", "chat.assistantId", "chat.assistant.id", "phoneNumber.assistantId"}

	assistantNumberPaths = []string{"session.assistantPhoneNumber", "session.twilioNumber", "session.to",
		"call.phoneNumber.number", "phoneNumber.number", "call.twilioNumber", "twilioNumber", "call.assistantPhoneNumber"}

	// callerPaths hold the number of the other side, whichever side placed the call.
	callerPaths = []string{"customer.number", "call.customer.number", "session.callerPhoneNumber", "session.from",
		"call.customerNumber", "chat.customer.number", "artifact.variableValues.customer.number"}
	callerSIPPaths = []string{"customer.sipUri", "call.customer.sipUri"}

	startedAtPaths = []string{"startedAt", "call.startedAt", "artifact.startedAt"}
	endedAtPaths   = []string{"endedAt", "call.endedAt", "artifact.endedAt"}
	timestampPaths = []string{"timestamp", "call.timestamp"} // when the message was made
)

// CallID returns the call's primary id as sent; empty if the message names no call. Identity has all ids.
func (m Message) CallID() string { return m.Text(callIDPaths...) }

// CallSID returns Twilio's sid of the call; empty if the message does not say it.
func (m Message) CallSID() string {
	for _, sid := range m.Texts(callSIDPaths...) {
		if strings.HasPrefix(sid, "CA") {
			return sid
		}
	}
	return ""
}

// OutboundCallIDs returns the texts that may name an outbound call of ours: the record's id, then sids.
func (m Message) OutboundCallIDs() []string {
	return m.Texts(append([]string{"session.callRecordId"}, callSIDPaths...)...)
}

// AssistantID returns the id of the assistant that the message is about, as sent; empty if it names none.
func (m Message) AssistantID() string { return m.Text(assistantIDPaths...) }

// AssistantNumber returns which of the assistants' numbers the message is about, if that can be written in E.164.
func (m Message) AssistantNumber() (aurora.Phone, bool) { return m.Phone(assistantNumberPaths...) }

// Caller returns the number of the other side, if that can be written in E.164.
func (m Message) Caller() (aurora.Phone, bool) { return m.Phone(callerPaths...) }

// squadPaths hold the assistants of a call that several assistants share: those that were active, in order, then the
// squad's members.
var squadPaths = []string{"artifact.assistantActivations", "call.artifact.assistantActivations", "assistantActivations",
	"call.assistantActivations", "squad.members", "call.squad.members"}

// SquadAssistantIDs returns the ids of the assistants that share the call, each once, at most limit.
func (m Message) SquadAssistantIDs(limit int) []string {
	var ids []string
	for _, path := range squadPaths {
		for _, assistant := range m.Objects(path) {
			if id := assistant.Text("assistantId", "assistant.id"); id != "" && len(ids) < limit && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// countedAssistantID returns the id of the assistant that the call counts for: in a squad call the first active assistant,
// else the one that the report names.
func (m Message) countedAssistantID(id Identity) string {
	isSquad := m.Text("call.squadId", "squadId", "squad.id", "call.squad.id", "phoneNumber.squadId") != "" || m.Has("squad") || m.Has("call.squad")
	if id.AssistantID != "" && !isSquad {
		return id.AssistantID
	}
	for _, path := range squadPaths {
		for _, assistant := range m.Objects(path) {
			if first := assistant.Text("assistantId", "assistant.id"); first != "" {
				return first
			}
		}
	}
	return id.AssistantID
}
