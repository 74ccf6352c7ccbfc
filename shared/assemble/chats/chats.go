// Package chats puts together what the chat functions are made of.
package chats

import (
	"context"
	"crypto/rand"
	"time"

	"aurora/shared/access"
	"aurora/shared/assemble"
	"aurora/shared/assemble/toolbox"
	"aurora/shared/boot"
	"aurora/shared/chat"
	"aurora/shared/completions"
	"aurora/shared/dynamo"
)

// Chat is what a chat endpoint is made of.
type Chat struct {
	tools           toolbox.Tools
	models          assemble.ModelServers
	assistantsTable string
	apiKeysSecret   string
	defaultModels   []string // asked in order
	allowedModels   []string // * is every one
}

// Read reads the settings of a chat endpoint, those of its tools among them.
func Read(s *boot.Settings) Chat {
	tools := toolbox.Read(s)
	return Chat{
		tools:           tools,
		models:          assemble.ReadModels(s, tools.Prefix, tools.Secrets),
		assistantsTable: s.Required("ASSISTANTS_TABLE"),
		apiKeysSecret:   s.Required("API_KEYS_SECRET"),
		defaultModels:   assemble.List(s.Required("DEFAULT_MODEL")),
		allowedModels:   assemble.List(s.Optional("ALLOWED_MODELS", "*")),
	}
}

// Keys are the live API keys, for a function URL.
func (p Chat) Keys() access.Keys {
	return &access.Ring{
		Secrets:  p.tools.Secrets,
		Names:    map[access.Kind]string{access.API: p.apiKeysSecret},
		Unusable: func(ctx context.Context) { boot.Count(ctx, "KeysUnusable") },
	}
}

// Endpoint is the chat endpoints with everything behind them.
func (p Chat) Endpoint(m assemble.Models) *completions.Endpoint {
	return &completions.Endpoint{
		Service: &chat.Service{
			Assistants:    dynamo.NewAssistants(boot.AWS, p.assistantsTable, time.Now),
			Chain:         p.models.Chain(m),
			DefaultModels: p.defaultModels,
			AllowedModels: p.allowedModels,
			Tools:         p.tools.Kit(),
			Refusals:      dynamo.NewLedger(boot.AWS, p.tools.Ledger, time.Now),
			Outbound:      dynamo.NewOutbound(boot.AWS, p.tools.Ledger, time.Now),
			Sessions:      dynamo.NewSessions[chat.Kept](boot.AWS, p.tools.Ledger, time.Now),
			Now:           time.Now,
		},
		Now:   time.Now,
		NewID: func() string { return "chatcmpl-" + rand.Text() },
	}
}
