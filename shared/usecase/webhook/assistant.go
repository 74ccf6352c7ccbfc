package webhook

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
)

// answerAssistantRequest answers an assistant-request: the document's callers with the configuration or an error, Vapi with its own
// object, the configuration, or a sentence to speak.
func (r *Receiver) answerAssistantRequest(ctx context.Context, m providermsg.Message) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	vapi := !m.Has("session") && (m.Has("call") || m.Has("phoneNumber"))
	a, err := r.findAssistant(ctx, m)
	switch {
	case err != nil && vapi:
		slog.WarnContext(ctx, "assistant-request answered with a sentence", "error", err)
		return spokenError(spokenMessage(err)), nil
	case err != nil:
		return Response{}, fault.From(err).WithParam("message.session")
	case vapi && isJSONObject(a.Vapi):
		return Response{Body: a.Vapi}, nil
	default:
		return Response{Created: true, Body: configurationResponse{a.Configuration, r.findOutboundContext(ctx, m)}}, nil
	}
}

// findAssistant is the stored assistant that a message is about: by its id where it names one, else by our number.
func (r *Receiver) findAssistant(ctx context.Context, m providermsg.Message) (aurora.Assistant, error) {
	bare := ""
	if !m.IsObject("session") {
		bare = m.Text("session") // an id or a number
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

// spokenMessage is what a caller on the telephone hears of an error.
func spokenMessage(err error) string {
	if fault.Is(err, fault.NotFound) {
		return "I'm sorry, this number is not in service yet. Goodbye."
	}
	return "I'm sorry, I can't take your call right now. Please try again in a few minutes."
}
