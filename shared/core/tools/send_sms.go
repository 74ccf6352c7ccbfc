package tools

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
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
		return ok && s.Caller != "" && !s.CallerIsClaimed && k.SMS != nil && k.Contacts != nil && k.Idempotency != nil
	},
	run: func(ctx context.Context, k *Kit, s Scope, in agent.Invocation) (string, error) {
		var args struct{ Message string }
		if err := json.Unmarshal(in.Arguments, &args); err != nil {
			return "", fmt.Errorf("read arguments: %w", err)
		}
		from, _ := aurora.ParsePhone(string(s.Assistant.TextFromNumber))
		message := contact.Text{From: s.Assistant, CallID: s.CallID, Key: s.KeyShare, To: s.Caller, Body: text.Printable(args.Message)}
		err := k.Contacts.SendText(ctx, message, func(ctx context.Context) error {
			sid, err := k.SMS.SendSMS(ctx, from, message.To, message.Body)
			if err == nil {
				slog.InfoContext(ctx, "text message sent", "event", "sms.sent", "messageSid", sid, "to", message.To)
			}
			return err
		})
		if err != nil {
			return "", fmt.Errorf("send SMS: %w", err)
		}
		return "The text message was sent to the caller.", nil
	},
}
