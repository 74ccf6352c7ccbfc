package tools

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/text"
)

//go:embed send_sms.md
var sendSMSPrompt string

// Twilio accepts at most 1,600 characters: https://www.twilio.com/docs/api/errors/21617
const sendSMSParameters = `{"type":"object","required":["message"],"additionalProperties":false,
"properties":{"message":{"type":"string","minLength":1,"maxLength":1600,"pattern":"\\S","description":"The whole text message, at most 1600 characters."}}}`

var sendSMS = builtin{
	name: "send_sms", description: sendSMSPrompt, parameters: fixedSchema(sendSMSParameters), hasEffect: always,
	isAvailable: func(k *Kit, s Scope) bool {
		_, ok := aurora.ParsePhone(string(s.Assistant.TextFromNumber))
		return ok && s.Caller != "" && !s.CallerIsClaimed && k.SMS != nil && k.DoNotCall != nil && k.Idempotency != nil
	},
	run: func(ctx context.Context, k *Kit, s Scope, in agent.Invocation) (string, error) {
		var args struct{ Message string }
		if err := json.Unmarshal(in.Arguments, &args); err != nil {
			return "", fmt.Errorf("read arguments: %w", err)
		}
		if err := k.checkDoNotCall(ctx, s.Caller); err != nil {
			return "", err
		}
		from, _ := aurora.ParsePhone(string(s.Assistant.TextFromNumber))
		if _, err := k.SMS.SendSMS(ctx, from, s.Caller, text.Printable(args.Message)); err != nil {
			return "", fmt.Errorf("send SMS: %w", err)
		}
		return "The text message was sent to the caller.", nil
	},
}

// checkDoNotCall returns an error for a number on the do-not-call list, and for every number if the list cannot be read.
func (k *Kit) checkDoNotCall(ctx context.Context, number aurora.Phone) error {
	listed, err := k.DoNotCall.IsDoNotCall(ctx, number)
	if err != nil {
		return fault.New(fault.Unavailable, "The do-not-call list cannot be read now, so nothing was sent.").Because(err)
	}
	if listed {
		return fault.New(fault.Forbidden, "This caller asked not to be contacted, so nothing was sent.").WithCode("do_not_call")
	}
	return nil
}
