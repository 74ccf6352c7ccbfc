package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/trace"
)

// answeredTypes are the message types whose answer a provider, and often a caller on the telephone, waits for.
var answeredTypes = []string{"assistant-request", "transfer-destination-request", "handoff-destination-request", "tool-calls", "function-call", "campaign.predial",
	"call.endpointing.request", "voice-request", "knowledge-base-request"}

// The states that a message may name, and who may be speaking. Other texts are not recorded.
var (
	messageStates = []string{"scheduled", "queued", "ringing", "in-progress", "forwarding", "ended", "started", "stopped"}
	messageRoles  = []string{"assistant", "user", "bot"}
)

// readRecorded reads what is recorded of a message. It takes only texts that it knows, and of a reason only an identifier.
func readRecorded(m providermsg.Message, baseType string, to *trace.Message) {
	to.Type = trace.NewName("unknown")
	if slices.Contains(answeredTypes, baseType) || informationalTypes[baseType] || baseType == endOfCallReport {
		to.Type = trace.NewName(baseType)
	}
	to.ProviderAt = m.Identity().Timestamp
	if state := m.Text("status"); slices.Contains(messageStates, state) {
		to.State = trace.NewName(state)
	}
	if role := m.Text("role"); slices.Contains(messageRoles, role) {
		to.Role = trace.NewName(role)
	}
	if baseType == "status-update" {
		to.Reason = trace.NewName(m.Text("endedReason"))
	}
}

// recordEnd writes the record of a message. A provider that waits for the answer does not wait for the record.
func recordEnd(ctx context.Context, record *trace.Recorder, message trace.Message, response Response, err error) {
	switch {
	case err != nil: // the record has its code; package web decides its status
	case response.Created:
		message.Status = http.StatusCreated
	default:
		message.Status = http.StatusOK
	}
	wait := err == nil && !slices.Contains(answeredTypes, message.Type.String())
	r, ok := record.Finish(ctx, wait, func(r *trace.Record) {
		if r.Code.IsZero() {
			r.Code = trace.CodeOf(err)
		}
		*r.Message = message
	})
	if ok {
		slog.InfoContext(ctx, "message answered", "event", "message.answered", "type", message.Type.String(), "status", message.Status, "ms", r.Ms, "trace", r)
	}
}
