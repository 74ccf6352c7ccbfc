package tools

import (
	"context"
	_ "embed"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

//go:embed add_to_do_not_call.md
var addToDoNotCallPrompt string

var addToDoNotCall = builtin{
	name: "add_to_do_not_call", description: addToDoNotCallPrompt, parameters: fixedSchema(noParameters), hasEffect: always,
	isAvailable: func(k *Kit, s Scope) bool { return s.Caller != "" && k.DoNotCall != nil && k.Idempotency != nil },
	run: func(ctx context.Context, k *Kit, s Scope, _ agent.Invocation) (string, error) {
		if err := k.DoNotCall.AddDoNotCall(ctx, s.Caller, "assistant "+s.Assistant.ID()); err != nil {
			return "", fault.New(fault.Unavailable, "The do-not-call list cannot be written now; the number was not added.").Because(err)
		}
		return "The caller's number is on the do-not-call list: nobody calls or texts it any more.", nil
	},
}
