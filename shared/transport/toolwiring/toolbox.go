// Package toolwiring puts together what tools are made of, for chats and for a provider's own model.
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

// Settings is what tools are made of.
type Settings struct {
	Secrets      *secretsmanager.Store
	LedgerTable  string // the ledger's table
	SecretPrefix string // stands before the name of a tool's secret

	callsTable, twilioSecret       string
	mailFrom, mailConfigurationSet string
	twilioBaseURL, privateHosts    string // on a developer's machine alone
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

// NewKit is what tools may use.
func (p Settings) NewKit() *tools.Kit {
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, p.LedgerTable, time.Now)
	phone := twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return p.Secrets.Secret(ctx, p.twilioSecret) },
		BaseURL:     p.twilioBaseURL,
	})
	return &tools.Kit{
		SMS:          phone,
		Control:      phone,
		Mail:         ses.New(lambdaapp.AWSConfig, p.mailFrom, p.mailConfigurationSet, time.Now),
		History:      dynamo.NewCalls(lambdaapp.AWSConfig, p.callsTable, 0),
		DoNotCall:    ledger,
		Idempotency:  idempotency.NewEffects(ledger, time.Now, rand.Text),
		Secrets:      p.Secrets,
		SecretPrefix: p.SecretPrefix,
		PrivateHosts: modelwiring.SplitList(p.privateHosts),
		Now:          time.Now,
	}
}
