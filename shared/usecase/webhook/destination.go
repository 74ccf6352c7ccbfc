package webhook

import (
	"context"
	"log/slog"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
)

// destinationPaths may hold the destination that the model asked for. The names assistantId and assistantName at the top of
// a message are left out: there they say which assistant asks.
var destinationPaths = func() (paths []string) {
	for _, arguments := range []string{"functionCall.parameters.", "functionCall.arguments.", "toolCall.function.arguments.", "toolCall.parameters.",
		"toolCall.arguments.", "parameters.", ""} {
		for _, name := range []string{"destination", "destination.name", "destination.number", "destination.sipUri", "destination.assistantId",
			"destination.assistantName", "destinationName", "assistantId", "assistantName", "department"} {
			if path := arguments + name; path != "assistantId" && path != "assistantName" {
				paths = append(paths, path)
			}
		}
	}
	return paths
}()

const transferFailedMessage = "I'm sorry, I can't transfer you right now."

var errNoDestination = fault.New(fault.NotFound, transferFailedMessage).WithCode("destination_not_found")

// answerTransfer answers with the destination that the message names, else with the first one. Only destinations in the
// stored assistant's list are possible, whatever the message says.
func (r *Receiver) answerTransfer(ctx context.Context, p auth.Principal, m providermsg.Message) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	a, err := r.findAssistant(ctx, p, m)
	if err != nil {
		slog.WarnContext(ctx, "transfer not possible: the assistant was not found", "event", "transfer.assistant_missing", "callId", text.Clip(m.CallID(), 64), "error", err)
		return spokenError(ctx, transferFailedMessage, err), nil
	}
	wanted := m.Text(destinationPaths...)
	for _, d := range a.TransferDestinations {
		if wanted != "" && !matchesDestination(d, wanted) {
			continue
		}
		if to := vapiDestination(d); to != nil {
			return Response{Body: map[string]any{"destination": to}}, nil
		}
	}
	slog.WarnContext(ctx, "transfer not possible: the assistant has no such destination", "event", "transfer.destination_missing", "callId", text.Clip(m.CallID(), 64),
		"assistantId", a.ID(), "named", wanted != "", "destinations", len(a.TransferDestinations))
	return spokenError(ctx, transferFailedMessage, errNoDestination), nil
}

// matchesDestination reports whether the message asked for this destination, by name, number or SIP address.
func matchesDestination(d aurora.Destination, wanted string) bool {
	if strings.EqualFold(d.Name, wanted) || d.SIPURI != "" && d.SIPURI == wanted {
		return true
	}
	number, ok := aurora.ParsePhone(wanted)
	own, hasNumber := aurora.ParsePhone(d.Number)
	return ok && hasNumber && number == own
}

// vapiDestination returns a destination in Vapi's form (https://docs.vapi.ai/calls/call-dynamic-transfers); nil for one
// without an address.
func vapiDestination(d aurora.Destination) map[string]any {
	to := map[string]any{}
	number, ok := aurora.ParsePhone(d.Number)
	switch {
	case ok:
		to["type"], to["number"] = "number", number
		if d.Extension != "" {
			to["extension"] = d.Extension
		}
	case d.SIPURI != "":
		to["type"], to["sipUri"] = "sip", d.SIPURI
	default:
		return nil
	}
	if d.Message != "" {
		to["message"] = d.Message
	}
	if d.Description != "" {
		to["description"] = d.Description
	}
	return to
}

const maxHandoffs = 20 // assistants that are read to find one by its name

// answerHandoff answers with the assistant that takes over: the one that the message names by id or name, else the first of
// the stored assistant's list.
func (r *Receiver) answerHandoff(ctx context.Context, p auth.Principal, m providermsg.Message) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	a, err := r.findAssistant(ctx, p, m)
	if err != nil {
		slog.WarnContext(ctx, "handoff not possible: the assistant was not found", "event", "handoff.assistant_missing", "callId", text.Clip(m.CallID(), 64), "error", err)
		return spokenError(ctx, transferFailedMessage, err), nil
	}
	wanted := m.Text(destinationPaths...)
	for i, id := range a.Handoffs {
		if p.CheckAssistant(id) != nil {
			continue
		}
		if wanted != "" && !strings.EqualFold(id, wanted) {
			if i >= maxHandoffs {
				continue
			}
			next, err := r.Assistants.ByID(ctx, id)
			if err != nil || !strings.EqualFold(string(next.AssistantName), wanted) {
				continue
			}
		}
		return Response{Body: map[string]any{"destination": map[string]string{"type": "assistant", "assistantId": id}}}, nil
	}
	slog.WarnContext(ctx, "handoff not possible: no such assistant in the list", "event", "handoff.target_missing", "callId", text.Clip(m.CallID(), 64),
		"assistantId", a.ID(), "named", wanted != "", "handoffs", len(a.Handoffs))
	return spokenError(ctx, transferFailedMessage, errNoDestination), nil
}
