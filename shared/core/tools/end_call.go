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
	name: "end_call", description: endCallPrompt, parameters: fixed(nothing), anybody: true, effect: carriesOut,
	offered: func(_ *Kit, s Session) bool { return !s.theirs("endCall", "end_call") },
	call: func(ctx context.Context, k *Kit, s Session, _ agent.Call) (string, error) {
		if !carriesOut(k, s) {
			return "The call ends once you have said goodbye in one short sentence.", nil
		}
		if err := k.Control.Hangup(ctx, s.CallSID); err != nil {
			return "", fmt.Errorf("end call: %w", err)
		}
		return "The call is being ended now.", nil
	},
	outcome: func(k *Kit, s Session, in agent.Call, content string) agent.Outcome {
		return agent.Outcome{Content: content, Action: &aurora.Action{Type: aurora.EndCall, ToolCallID: in.ID, CarriedOut: carriesOut(k, s)}}
	},
}
