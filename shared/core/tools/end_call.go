package tools

import (
	"context"
	_ "embed"
	"fmt"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

//go:embed end_call.md
var endCallPrompt string

var endCall = builtin{
	name: "end_call", description: endCallPrompt, parameters: fixedSchema(noParameters), allowUnstored: true, hasEffect: controlsCall,
	isAvailable: func(_ *Kit, s Scope) bool { return !callerHas(s, "endCall", "end_call") },
	run: func(ctx context.Context, k *Kit, s Scope, _ agent.Invocation) (string, error) {
		ours, err := mayControlCall(ctx, k, s)
		if err != nil {
			return "", fmt.Errorf("end call: %w", err)
		}
		if !ours {
			return "The call ends once you have said goodbye in one short sentence.", nil
		}
		if err := k.Control.Hangup(ctx, s.CallSID); err != nil {
			return "", fmt.Errorf("end call: %w", err)
		}
		return callIsEnding, nil
	},
	result: func(_ *Kit, _ Scope, in agent.Invocation, content string) agent.ToolResult {
		return agent.ToolResult{Content: content, Action: &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: in.ID, CarriedOut: content == callIsEnding}}
	},
}
