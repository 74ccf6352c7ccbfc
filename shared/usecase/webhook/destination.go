package webhook

import (
	"context"
	"log/slog"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
)

// Where a message may name the destination that the model asked for.
var allDestinationPaths = func() (paths []string) {
	for _, arguments := range []string{"functionCall.parameters.", "functionCall.arguments.", "toolCall.function.arguments.", "toolCall.parameters.",
		"toolCall.arguments.", "parameters.", ""} {
		for _, name := range []string{"destination", "destination.name", "destination.number", "destination.sipUri", "destination.assistantId",
			"destination.assistantName", "destinationName", "assistantId", "assistantName", "department"} {
			paths = append(paths, arguments+name)
		}
	}
	return paths
}()

const transferFailedMessage = "I'm sorry, I can't transfer you right now."

// answerTransfer answers where a call may go: the destination that the message names, or the first. It never leads anywhere
// that is not in the stored assistant's list, whatever the message says.
func (r *Receiver) answerTransfer(ctx context.Context, m providermsg.Message) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	a, err := r.findAssistant(ctx, m)
	if err != nil {
		slog.WarnContext(ctx, "no transfer: the assistant is unknown", "error", err)
		return spokenError(transferFailedMessage), nil
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
	slog.WarnContext(ctx, "no transfer: no such destination", "assistant", a.ID(), "named", wanted != "", "destinations", len(a.TransferDestinations))
	return spokenError(transferFailedMessage), nil
}

// An assistant's own id under these names says who asks, not where to go.
var destinationPaths = func() (paths []string) {
	for _, p := range allDestinationPaths {
		if p != "assistantId" && p != "assistantName" {
			paths = append(paths, p)
		}
	}
	return paths
}()

// matchesDestination reports whether a destination is what the message asked for.
func matchesDestination(d aurora.Destination, wanted string) bool {
	if strings.EqualFold(d.Name, wanted) || d.SIPURI != "" && d.SIPURI == wanted {
		return true
	}
	asked, ok := aurora.ParsePhone(wanted)
	own, known := aurora.ParsePhone(d.Number)
	return ok && known && asked == own
}

// vapiDestination is a destination as Vapi reads it (https://docs.vapi.ai/calls/call-dynamic-transfers); nil for one without an
// address.
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

const maxHandoffs = 20 // looked up to find one by its name

// answerHandoff answers which assistant takes over: the one that the message names, by id or name, or the first of the list.
func (r *Receiver) answerHandoff(ctx context.Context, m providermsg.Message) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	a, err := r.findAssistant(ctx, m)
	if err != nil {
		slog.WarnContext(ctx, "no handoff: the assistant is unknown", "error", err)
		return spokenError(transferFailedMessage), nil
	}
	wanted := m.Text(destinationPaths...)
	for i, id := range a.Handoffs {
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
	slog.WarnContext(ctx, "no handoff: no such assistant", "assistant", a.ID(), "named", wanted != "", "handoffs", len(a.Handoffs))
	return spokenError(transferFailedMessage), nil
}
