package webhook

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// configure answers an assistant-request: the document's callers with the configuration or an error, Vapi with its own
// object, the configuration, or a sentence to speak.
func (r *Receiver) configure(ctx context.Context, m aurora.Message) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	vapi := !m.Has("session") && (m.Has("call") || m.Has("phoneNumber"))
	a, err := r.assistant(ctx, m)
	switch {
	case err != nil && vapi:
		slog.WarnContext(ctx, "assistant-request answered with a sentence", "error", err)
		return spoken(sentence(err)), nil
	case err != nil:
		return Answer{}, fault.From(err).In("message.session")
	case vapi && isObject(a.Vapi):
		return Answer{Body: a.Vapi}, nil
	default:
		return Answer{Created: true, Body: configured{a.Configuration, r.outboundCall(ctx, m)}}, nil
	}
}

// assistant is the stored assistant that a message is about: by its id where it names one, else by our number.
func (r *Receiver) assistant(ctx context.Context, m aurora.Message) (aurora.Assistant, error) {
	bare := ""
	if !m.IsObject("session") {
		bare = m.Text("session") // an id or a number
	}
	number, isNumber := aurora.ParsePhone(bare)
	id := bare
	if isNumber || bare == "" {
		id = m.Text("session.assistantId", "session.assistant_id", "session.assistant_config.assistantId",
			"call.assistantId", "assistantId", "assistant.id", "assistant.assistantId", "call.assistant.id", "phoneNumber.assistantId")
	}
	if id != "" {
		return r.Assistants.ByID(ctx, id)
	}
	if !isNumber {
		number, isNumber = m.OwnNumber()
	}
	if !isNumber {
		return aurora.Assistant{}, fault.New(fault.NotFound, "The message names no assistant, neither by id nor by a number such as +14155550100.").
			Coded("assistant_not_found")
	}
	return r.Assistants.ByNumber(ctx, number)
}

// sentence is what a caller on the telephone hears of an error.
func sentence(err error) string {
	if fault.Is(err, fault.NotFound) {
		return "I'm sorry, this number is not in service yet. Goodbye."
	}
	return "I'm sorry, I can't take your call right now. Please try again in a few minutes."
}
