// Package toolbox puts together what tools are made of, for chats and for a provider's own model.
package toolbox

import (
	"context"
	"time"

	"aurora/shared/assemble"
	"aurora/shared/boot"
	"aurora/shared/dynamo"
	"aurora/shared/mail"
	"aurora/shared/secret"
	"aurora/shared/tools"
	"aurora/shared/twilio"
)

// Tools is what tools are made of.
type Tools struct {
	Secrets *secret.Store
	Ledger  string // the ledger's table
	Prefix  string // stands before the name of a tool's secret

	callsTable, twilioSecret       string
	mailFrom, mailConfigurationSet string
	twilioBaseURL, privateHosts    string // on a developer's machine alone
}

// Read reads the settings of a function whose assistants use tools.
func Read(s *boot.Settings) Tools {
	return Tools{
		Secrets:              secret.New(boot.AWS, time.Now),
		Ledger:               s.Required("LEDGER_TABLE"),
		Prefix:               s.Required("TOOL_SECRETS"),
		callsTable:           s.Required("CALLS_TABLE"),
		twilioSecret:         s.Required("TWILIO_SECRET"),
		mailFrom:             s.Optional("MAIL_FROM", ""),
		mailConfigurationSet: s.Optional("MAIL_CONFIGURATION_SET", ""),
		twilioBaseURL:        s.Optional("TWILIO_BASE_URL", ""),
		privateHosts:         s.Optional("TOOL_PRIVATE_HOSTS", ""),
	}
}

// Kit is what tools may use.
func (p Tools) Kit() *tools.Kit {
	ledger := dynamo.NewLedger(boot.AWS, p.Ledger, time.Now)
	phone := twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return p.Secrets.Secret(ctx, p.twilioSecret) },
		BaseURL:     p.twilioBaseURL,
	})
	return &tools.Kit{
		SMS:          phone,
		Control:      phone,
		Mail:         mail.New(boot.AWS, p.mailFrom, p.mailConfigurationSet, time.Now),
		History:      dynamo.NewCalls(boot.AWS, p.callsTable, 0),
		DoNotCall:    ledger,
		Once:         ledger,
		Secrets:      p.Secrets,
		SecretPrefix: p.Prefix,
		PrivateHosts: assemble.List(p.privateHosts),
		Now:          time.Now,
	}
}
