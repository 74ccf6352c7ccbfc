package tools

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/text"
)

//go:embed send_email.md
var sendEmailPrompt string

const sendEmailParameters = `{"type":"object","required":["subject","body"],"additionalProperties":false,
"properties":{"subject":{"type":"string","minLength":1,"maxLength":200,"pattern":"^[^\\x00-\\x1f\\x7f]*\\S[^\\x00-\\x1f\\x7f]*$","description":"One line that says what it is about."},
"body":{"type":"string","minLength":1,"maxLength":10000,"pattern":"\\S","description":"The whole message as plain text."}}}`

var sendEmail = builtin{
	name: "send_email", description: sendEmailPrompt, parameters: fixedSchema(sendEmailParameters), hasEffect: always,
	isAvailable: func(k *Kit, s Scope) bool {
		return len(s.Assistant.Emails) > 0 && k.Mail != nil && canSend(k.Mail) && k.Contacts != nil && k.Idempotency != nil
	},
	run: func(ctx context.Context, k *Kit, s Scope, in agent.Invocation) (string, error) {
		var args struct{ Subject, Body string }
		if err := json.Unmarshal(in.Arguments, &args); err != nil {
			return "", fmt.Errorf("read arguments: %w", err)
		}
		m := aurora.Mail{To: s.Assistant.Emails, Subject: text.Printable(args.Subject), Text: text.Printable(args.Body) + signature(s)}
		err := k.Contacts.SendMail(ctx, contact.Mail{From: s.Assistant, CallID: s.CallID, To: m.To}, func(ctx context.Context) error {
			err := k.Mail.SendMail(ctx, m)
			if err == nil {
				slog.InfoContext(ctx, "mail sent", "event", "mail.sent", "recipients", len(m.To))
			}
			return err
		})
		if err != nil {
			return "", fmt.Errorf("send mail: %w", err)
		}
		return "The e-mail was sent to the team.", nil
	},
}

// canSend reports whether a sender is configured, as far as the mailer can say.
func canSend(mailer any) bool {
	r, ok := mailer.(interface{ Ready() bool })
	return !ok || r.Ready()
}

// signature returns the lines that name assistant, caller and call. The model cannot change them.
func signature(s Scope) string {
	lines := []string{"", "", "--", "Assistant: " + string(s.Assistant.AssistantName)}
	if s.Caller != "" {
		lines = append(lines, "Caller: "+string(s.Caller))
	}
	if s.CallID != "" {
		lines = append(lines, "Call: "+s.CallID)
	}
	return text.Printable(strings.Join(lines, "\n")) + "\n"
}
