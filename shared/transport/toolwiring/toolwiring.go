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
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/transport/contactwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
)

// Settings holds what tools need.
type Settings struct {
	Assistants   *dynamo.Assistants
	Secrets      *secretsmanager.Store
	LedgerTable  string
	SecretPrefix string // of the names of tools' and models' secrets

	callsTable, twilioSecret       string
	mailFrom, mailConfigurationSet string
	contacts                       *contact.Guard // nil if its settings are invalid
	twilioBaseURL, privateHosts    string         // set on a developer's machine only
}

// ReadSettings reads the settings of a function whose assistants use tools.
func ReadSettings(s *lambdaapp.Settings) Settings {
	assistants := dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now)
	ledger := s.Required("LEDGER_TABLE")
	return Settings{
		Assistants:           assistants,
		Secrets:              secretsmanager.New(lambdaapp.AWSConfig, time.Now),
		LedgerTable:          ledger,
		SecretPrefix:         s.Required("TOOL_SECRETS"),
		callsTable:           s.Required("CALLS_TABLE"),
		contacts:             contactwiring.ReadGuard(s, assistants, dynamo.NewOutbound(lambdaapp.AWSConfig, ledger, time.Now)),
		twilioSecret:         s.Required("TWILIO_SECRET"),
		mailFrom:             s.Optional("MAIL_FROM", ""),
		mailConfigurationSet: s.Optional("MAIL_CONFIGURATION_SET", ""),
		twilioBaseURL:        s.Optional("TWILIO_BASE_URL", ""),
		privateHosts:         s.Optional("TOOL_PRIVATE_HOSTS", ""),
	}
}

// Connections returns the connections to the tables of assistants and of the ledger, and to Secrets Manager, which reads these
// secrets.
func (s Settings) Connections(secrets ...string) []lambdaapp.Connection {
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, s.LedgerTable, time.Now)
	return []lambdaapp.Connection{s.Secrets.Open(secrets...), s.Assistants.Open, ledger.Open}
}

// Contacts returns the guard of everything that reaches a person, nil if its settings are invalid.
func (s Settings) Contacts() *contact.Guard { return s.contacts }

// Twilio returns a client of Twilio, and the name of the secret that it reads.
func (s Settings) Twilio() (client *twilio.Client, secret string) {
	return twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return s.Secrets.Secret(ctx, s.twilioSecret) },
		BaseURL:     s.twilioBaseURL,
	}), s.twilioSecret
}

// NewKit returns the kit that builds an assistant's tools.
func (s Settings) NewKit() *tools.Kit {
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, s.LedgerTable, time.Now)
	phone, _ := s.Twilio()
	kit := &tools.Kit{
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
	if s.contacts != nil { // a nil pointer in the interface would not be a nil interface
		kit.Contacts = s.contacts
	}
	return kit
}
