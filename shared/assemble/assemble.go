package assemble

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	"aurora/shared/access"
	"aurora/shared/boot"
	"aurora/shared/chat"
	"aurora/shared/completions"
	"aurora/shared/dynamo"
	"aurora/shared/mail"
	"aurora/shared/secret"
	"aurora/shared/tools"
	"aurora/shared/twilio"
)

// Tools is what tools are made of.
type Tools struct {
	callsTable, ledgerTable        string
	twilioSecret, toolSecrets      string // toolSecrets stands before the name of a tool's secret
	mailFrom, mailConfigurationSet string
	twilioBaseURL, privateHosts    string // on a developer's machine alone
	secrets                        *secret.Store
}

// ReadTools reads the settings of a function whose assistants use tools.
func ReadTools(s *boot.Settings) Tools {
	return Tools{
		callsTable:           s.Required("CALLS_TABLE"),
		ledgerTable:          s.Required("LEDGER_TABLE"),
		twilioSecret:         s.Required("TWILIO_SECRET"),
		toolSecrets:          s.Required("TOOL_SECRETS"),
		mailFrom:             s.Optional("MAIL_FROM", ""),
		mailConfigurationSet: s.Optional("MAIL_CONFIGURATION_SET", ""),
		twilioBaseURL:        s.Optional("TWILIO_BASE_URL", ""),
		privateHosts:         s.Optional("TOOL_PRIVATE_HOSTS", ""),
		secrets:              secret.New(boot.AWS, time.Now),
	}
}

// Chat is what a chat endpoint is made of.
type Chat struct {
	tools           Tools
	models          ModelServers
	assistantsTable string
	apiKeysSecret   string
	defaultModels   []string // asked in order
	allowedModels   []string // * is every one
}

// ReadChat reads the settings of a chat endpoint, those of its tools apart.
func ReadChat(s *boot.Settings, tools Tools) Chat {
	return Chat{
		tools:           tools,
		models:          readModels(s, tools.toolSecrets, tools.secrets),
		assistantsTable: s.Required("ASSISTANTS_TABLE"),
		apiKeysSecret:   s.Required("API_KEYS_SECRET"),
		defaultModels:   List(s.Required("DEFAULT_MODEL")),
		allowedModels:   List(s.Optional("ALLOWED_MODELS", "*")),
	}
}

// Kit is what tools may use.
func (p Tools) Kit() *tools.Kit {
	ledger := dynamo.NewLedger(boot.AWS, p.ledgerTable, time.Now)
	phone := twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return p.secrets.Secret(ctx, p.twilioSecret) },
		BaseURL:     p.twilioBaseURL,
	})
	return &tools.Kit{
		SMS:          phone,
		Control:      phone,
		Mail:         mail.New(boot.AWS, p.mailFrom, p.mailConfigurationSet, time.Now),
		History:      dynamo.NewCalls(boot.AWS, p.callsTable, 0),
		DoNotCall:    ledger,
		Once:         ledger,
		Secrets:      p.secrets,
		SecretPrefix: p.toolSecrets,
		PrivateHosts: List(p.privateHosts),
		Now:          time.Now,
	}
}

// Keys are the live API keys, for a function URL.
func (p Chat) Keys() access.Keys {
	return &access.Ring{
		Secrets:  p.tools.secrets,
		Names:    map[access.Kind]string{access.API: p.apiKeysSecret},
		Unusable: func(ctx context.Context) { boot.Count(ctx, "KeysUnusable") },
	}
}

// Endpoint is the chat endpoints with everything behind them.
func (p Chat) Endpoint(m Models) *completions.Endpoint {
	return &completions.Endpoint{
		Service: &chat.Service{
			Assistants:    dynamo.NewAssistants(boot.AWS, p.assistantsTable, time.Now),
			Chain:         p.models.Chain(m),
			DefaultModels: p.defaultModels,
			AllowedModels: p.allowedModels,
			Tools:         p.tools.Kit(),
			Refusals:      dynamo.NewLedger(boot.AWS, p.tools.ledgerTable, time.Now),
			Outbound:      dynamo.NewOutbound(boot.AWS, p.tools.ledgerTable, time.Now),
			Sessions:      dynamo.NewSessions[chat.Kept](boot.AWS, p.tools.ledgerTable, time.Now),
			Now:           time.Now,
		},
		Now:   time.Now,
		NewID: func() string { return "chatcmpl-" + rand.Text() },
	}
}

// List reads a comma-separated setting, such as the models that are asked in order.
func List(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
