// Package toolwiring builds the tools of assistants from a function's settings, for the chat functions and for the webhook.
package toolwiring

import (
	"context"
	"crypto/rand"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/adapter/ses"
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
)

// Settings holds what tools need.
type Settings struct {
	Secrets      *secretsmanager.Store
	LedgerTable  string
	SecretPrefix string // of the names of tools' and models' secrets

	callsTable, twilioSecret       string
	mailFrom, mailConfigurationSet string
	twilioBaseURL, privateHosts    string // set on a developer's machine only
}

// ReadSettings reads the settings of a function whose assistants use tools.
func ReadSettings(s *lambdaapp.Settings) Settings {
	return Settings{
		Secrets:              secretsmanager.New(lambdaapp.AWSConfig, time.Now),
		LedgerTable:          s.Required("LEDGER_TABLE"),
		SecretPrefix:         s.Required("TOOL_SECRETS"),
		callsTable:           s.Required("CALLS_TABLE"),
		twilioSecret:         s.Required("TWILIO_SECRET"),
		mailFrom:             s.Optional("MAIL_FROM", ""),
		mailConfigurationSet: s.Optional("MAIL_CONFIGURATION_SET", ""),
		twilioBaseURL:        s.Optional("TWILIO_BASE_URL", ""),
		privateHosts:         s.Optional("TOOL_PRIVATE_HOSTS", ""),
	}
}

// NewKit returns the kit that builds an assistant's tools.
func (s Settings) NewKit() *tools.Kit {
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, s.LedgerTable, time.Now)
	phone := twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return s.Secrets.Secret(ctx, s.twilioSecret) },
		BaseURL:     s.twilioBaseURL,
	})
	return &tools.Kit{
		SMS:              phone,
		Control:          phone,
		Mail:             ses.New(lambdaapp.AWSConfig, s.mailFrom, s.mailConfigurationSet, time.Now),
		History:          dynamo.NewCalls(lambdaapp.AWSConfig, s.callsTable, 0),
		DoNotCall:        ledger,
		OutboundCalls:    dynamo.NewOutbound(lambdaapp.AWSConfig, s.LedgerTable, time.Now),
		Idempotency:      idempotency.NewEffects(ledger, time.Now, rand.Text),
		BriefIdempotency: idempotency.NewBriefEffects(ledger, time.Now, rand.Text),
		Secrets:          s.Secrets,
		Count:            lambdaapp.Count,
		SecretPrefix:     s.SecretPrefix,
		PrivateHosts:     modelwiring.SplitList(s.privateHosts),
		Now:              time.Now,
	}
}
