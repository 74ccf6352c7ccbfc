// Package chatwiring puts together what the chat functions are made of.
package chatwiring

import (
	"context"
	"crypto/rand"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
	"example.com/aurora/shared/transport/toolwiring"
	"example.com/aurora/shared/usecase/chat"
)

// Settings is what a chat endpoint is made of.
type Settings struct {
	tools           toolwiring.Settings
	models          modelwiring.Settings
	assistantsTable string
	apiKeysSecret   string
	defaultModels   []string // asked in order
	allowedModels   []string // * is every one
}

// ReadSettings reads the settings of a chat endpoint, those of its tools among them.
func ReadSettings(s *lambdaapp.Settings) Settings {
	tools := toolwiring.ReadSettings(s)
	return Settings{
		tools:           tools,
		models:          modelwiring.ReadSettingsWith(s, tools.SecretPrefix, tools.Secrets),
		assistantsTable: s.Required("ASSISTANTS_TABLE"),
		apiKeysSecret:   s.Required("API_KEYS_SECRET"),
		defaultModels:   modelwiring.SplitList(s.Required("DEFAULT_MODEL")),
		allowedModels:   modelwiring.SplitList(s.Optional("ALLOWED_MODELS", "*")),
	}
}

// Keys are the live API keys, for a function URL.
func (p Settings) Keys() auth.KeySource {
	return &auth.KeyStore{
		Secrets:      p.tools.Secrets,
		SecretNames:  map[auth.KeyKind]string{auth.KindAPI: p.apiKeysSecret},
		OnInvalidKey: func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
}

// NewHandler is the chat endpoints with everything behind them.
func (p Settings) NewHandler(m modelwiring.Timing) *completions.Handler {
	return &completions.Handler{
		Service: &chat.Service{
			Assistants:    dynamo.NewAssistants(lambdaapp.AWSConfig, p.assistantsTable, time.Now),
			Chain:         p.models.Chain(m),
			DefaultModels: p.defaultModels,
			AllowedModels: p.allowedModels,
			Tools:         p.tools.NewKit(),
			DoNotCallList: dynamo.NewLedger(lambdaapp.AWSConfig, p.tools.LedgerTable, time.Now),
			Outbound:      dynamo.NewOutbound(lambdaapp.AWSConfig, p.tools.LedgerTable, time.Now),
			Sessions:      dynamo.NewSessions(lambdaapp.AWSConfig, p.tools.LedgerTable, time.Now),
			Now:           time.Now,
		},
		Now:   time.Now,
		NewID: func() string { return "chatcmpl-" + rand.Text() },
	}
}
