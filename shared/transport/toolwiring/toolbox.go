// Package toolwiring puts together what tools are made of, for chats and for a provider's own model.
package toolwiring

import (
	"context"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/adapter/ses"
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
)

// Tools is what tools are made of.
type Tools struct {
	Secrets *secretsmanager.Store
	Ledger  string // the ledger's table
	Prefix  string // stands before the name of a tool's secret

	callsTable, twilioSecret       string
	mailFrom, mailConfigurationSet string
	twilioBaseURL, privateHosts    string // on a developer's machine alone
}

// Read reads the settings of a function whose assistants use tools.
func Read(s *lambdaapp.Settings) Tools {
	return Tools{
		Secrets:              secretsmanager.New(lambdaapp.AWS, time.Now),
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
	ledger := dynamo.NewLedger(lambdaapp.AWS, p.Ledger, time.Now)
	phone := twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return p.Secrets.Secret(ctx, p.twilioSecret) },
		BaseURL:     p.twilioBaseURL,
	})
	return &tools.Kit{
		SMS:          phone,
		Control:      phone,
		Mail:         ses.New(lambdaapp.AWS, p.mailFrom, p.mailConfigurationSet, time.Now),
		History:      dynamo.NewCalls(lambdaapp.AWS, p.callsTable, 0),
		DoNotCall:    ledger,
		Once:         ledger,
		Secrets:      p.Secrets,
		SecretPrefix: p.Prefix,
		PrivateHosts: modelwiring.List(p.privateHosts),
		Now:          time.Now,
	}
}
