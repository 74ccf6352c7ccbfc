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

// Chat is what a chat endpoint is made of.
type Chat struct {
	tools           toolwiring.Tools
	models          modelwiring.ModelServers
	assistantsTable string
	apiKeysSecret   string
	defaultModels   []string // asked in order
	allowedModels   []string // * is every one
}

// Read reads the settings of a chat endpoint, those of its tools among them.
func Read(s *lambdaapp.Settings) Chat {
	tools := toolwiring.Read(s)
	return Chat{
		tools:           tools,
		models:          modelwiring.ReadModels(s, tools.Prefix, tools.Secrets),
		assistantsTable: s.Required("ASSISTANTS_TABLE"),
		apiKeysSecret:   s.Required("API_KEYS_SECRET"),
		defaultModels:   modelwiring.List(s.Required("DEFAULT_MODEL")),
		allowedModels:   modelwiring.List(s.Optional("ALLOWED_MODELS", "*")),
	}
}

// Keys are the live API keys, for a function URL.
func (p Chat) Keys() auth.Keys {
	return &auth.Ring{
		Secrets:  p.tools.Secrets,
		Names:    map[auth.Kind]string{auth.API: p.apiKeysSecret},
		Unusable: func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
}

// Endpoint is the chat endpoints with everything behind them.
func (p Chat) Endpoint(m modelwiring.Models) *completions.Endpoint {
	return &completions.Endpoint{
		Service: &chat.Service{
			Assistants:    dynamo.NewAssistants(lambdaapp.AWS, p.assistantsTable, time.Now),
			Chain:         p.models.Chain(m),
			DefaultModels: p.defaultModels,
			AllowedModels: p.allowedModels,
			Tools:         p.tools.Kit(),
			Refusals:      dynamo.NewLedger(lambdaapp.AWS, p.tools.Ledger, time.Now),
			Outbound:      dynamo.NewOutbound(lambdaapp.AWS, p.tools.Ledger, time.Now),
			Sessions:      dynamo.NewSessions[chat.Kept](lambdaapp.AWS, p.tools.Ledger, time.Now),
			Now:           time.Now,
		},
		Now:   time.Now,
		NewID: func() string { return "chatcmpl-" + rand.Text() },
	}
}
