package tools

import (
	"context"
	_ "embed"
	"log/slog"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/optout"
)

//go:embed add_to_do_not_call.md
var addToDoNotCallPrompt string

var addToDoNotCall = builtin{
	name: "add_to_do_not_call", description: addToDoNotCallPrompt, parameters: fixedSchema(noParameters), hasEffect: always,
	isAvailable: func(k *Kit, s Scope) bool { return k.DoNotCall != nil && k.Idempotency != nil && !s.CallerIsClaimed },
	run: func(ctx context.Context, k *Kit, s Scope, _ agent.Invocation) (string, error) {
		if s.Caller == "" { // said, not left out: nobody must believe that they are on the list
			slog.ErrorContext(ctx, "an opt-out was not recorded: the caller's number is withheld or cannot be read", "event", "optout.not_recorded",
				"callId", s.CallID, "assistantId", s.Assistant.ID())
			k.Count(ctx, optout.MetricNotRecorded)
			return "", fault.New(fault.Invalid, "The caller's number is withheld, so nothing was recorded. Ask for the number, and tell the caller that somebody must add it by hand.").WithCode("number_withheld")
		}
		if err := k.DoNotCall.AddDoNotCall(ctx, s.Caller, "assistant "+s.Assistant.ID()); err != nil {
			return "", fault.New(fault.Unavailable, "The do-not-call list cannot be written now; the number was not added.").Because(err)
		}
		slog.InfoContext(ctx, "an opt-out was recorded", "event", "optout.recorded", "number", s.Caller)
		return "The caller's number is on the do-not-call list: nobody calls or texts it any more.", nil
	},
}
