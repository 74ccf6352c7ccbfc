package tools

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

//go:embed transfer_call.md
var transferCallPrompt string

var transferCall = builtin{
	name: "transfer_call", description: transferCallPrompt, parameters: destinationSchema, hasEffect: controlsCall,
	isAvailable: func(_ *Kit, s Scope) bool {
		return len(s.Assistant.TransferDestinations) > 0 && !callerHas(s, "transferCall", "transfer_call")
	},
	run: func(ctx context.Context, k *Kit, s Scope, in agent.Invocation) (string, error) {
		to, err := findDestination(s, in)
		if err != nil {
			return "", err
		}
		ours, err := mayControlCall(ctx, k, s)
		if err != nil {
			return "", fmt.Errorf("transfer call: %w", err)
		}
		if !ours {
			return "The call is transferred once you have said goodbye in one short sentence.", nil
		}
		if err := k.Control.Transfer(ctx, s.CallSID, to); err != nil {
			return "", fmt.Errorf("transfer call: %w", err)
		}
		return callIsTransferring, nil
	},
	result: func(_ *Kit, s Scope, in agent.Invocation, content string) agent.ToolResult {
		to, err := findDestination(s, in)
		if err != nil {
			return agent.ToolResult{Content: content}
		}
		return agent.ToolResult{Content: content, Action: &aurora.Action{
			Type: aurora.ActionTransferCall, Destination: &to, ToolCallID: in.ID, CarriedOut: content == callIsTransferring}}
	},
}

// destinationName returns the name by which the model calls a destination. It is never the telephone number.
func destinationName(d aurora.Destination, i int) string {
	if name := strings.TrimSpace(d.Name); name != "" {
		return name
	}
	return fmt.Sprintf("destination %d", i+1)
}

// destinationSchema returns a schema that allows the names of the stored destinations only.
func destinationSchema(s Scope) json.RawMessage {
	var names, descriptions []string
	for i, d := range s.Assistant.TransferDestinations {
		name := destinationName(d, i)
		names = append(names, name)
		if d.Description != "" {
			descriptions = append(descriptions, name+": "+d.Description)
		}
	}
	b, err := json.Marshal(map[string]any{
		"type": "object", "required": []string{"destination"}, "additionalProperties": false,
		"properties": map[string]any{"destination": map[string]any{"type": "string", "enum": unique(names),
			"description": strings.TrimSpace("Where to transfer the call. " + strings.Join(descriptions, " "))}},
	})
	if err != nil {
		return json.RawMessage(`false`) // cannot happen: strings can always be marshalled
	}
	return b
}

// unique returns the names without repetitions, in their order.
func unique(names []string) []string {
	var all []string
	seen := map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			all = append(all, name)
		}
		seen[name] = true
	}
	return all
}

// findDestination returns the stored destination that the arguments name.
func findDestination(s Scope, in agent.Invocation) (aurora.Destination, error) {
	var args struct{ Destination string }
	if err := json.Unmarshal(in.Arguments, &args); err != nil {
		return aurora.Destination{}, fmt.Errorf("read arguments: %w", err)
	}
	for i, d := range s.Assistant.TransferDestinations {
		if destinationName(d, i) == args.Destination {
			return d, nil
		}
	}
	return aurora.Destination{}, fault.New(fault.Invalid, "There is no such destination.").WithParam("destination")
}
