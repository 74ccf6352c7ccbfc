package webhook

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
)

// answerAssistantRequest answers an assistant-request. The API document's callers get the configuration or an error. Vapi
// gets the assistant's vapi object, else the configuration, and a sentence to speak instead of an error.
func (r *Receiver) answerAssistantRequest(ctx context.Context, p auth.Principal, m providermsg.Message) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	vapi := !m.Has("session") && (m.Has("call") || m.Has("chat") || m.Has("phoneNumber"))
	a, err := r.findAssistant(ctx, p, m)
	switch {
	case err != nil && vapi:
		slog.WarnContext(ctx, "assistant-request answered with a spoken error", "event", "assistant_request.failed", "callId", text.Clip(m.CallID(), 64),
			"assistantId", text.Clip(m.AssistantID(), 64), "error", err)
		return spokenError(ctx, spokenMessage(err), err), nil
	case err != nil:
		return Response{}, fault.From(err).WithParam("message.session")
	case vapi && isJSONObject(a.Vapi):
		return Response{Body: a.Vapi}, nil
	default:
		return Response{Created: true, Body: configurationResponse{a.Configuration, r.findOutboundContext(ctx, a, m)}}, nil
	}
}

// findAssistant returns the stored assistant that a message is about, if the principal may reach it.
func (r *Receiver) findAssistant(ctx context.Context, p auth.Principal, m providermsg.Message) (aurora.Assistant, error) {
	a, err := r.findNamedAssistant(ctx, m)
	aurora.LogAssistant(ctx, a)
	if err == nil || fault.Is(err, fault.NotFound) {
		if denied := p.CheckAssistant(a.ID()); denied != nil {
			return aurora.Assistant{}, denied
		}
	}
	return a, err
}

// findNamedAssistant returns the stored assistant that a message names: by its id if the message has one, else by the number
// that was called.
func (r *Receiver) findNamedAssistant(ctx context.Context, m providermsg.Message) (aurora.Assistant, error) {
	bare := ""
	if !m.IsObject("session") {
		bare = m.Text("session") // an assistant's id or number
	}
	number, isNumber := aurora.ParsePhone(bare)
	id := bare
	if isNumber || bare == "" {
		id = m.AssistantID()
	}
	if id != "" {
		return r.Assistants.ByID(ctx, id)
	}
	if !isNumber {
		number, isNumber = m.AssistantNumber()
	}
	if !isNumber {
		return aurora.Assistant{}, fault.New(fault.NotFound, "The message names no assistant, neither by id nor by a number such as +14155550100.").
			WithCode("assistant_not_found")
	}
	return r.Assistants.ByNumber(ctx, number)
}

// spokenMessage returns the sentence that a caller on the telephone hears instead of an error.
func spokenMessage(err error) string {
	if fault.Is(err, fault.NotFound) {
		return "I'm sorry, this number is not in service yet. Goodbye."
	}
	return "I'm sorry, I can't take your call right now. Please try again in a few minutes."
}
