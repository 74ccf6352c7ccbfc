// Package chatwiring builds the chat use case and the handler of the chat functions from their settings.
package chatwiring

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
	"example.com/aurora/shared/transport/toolwiring"
	"example.com/aurora/shared/transport/tracewiring"
	"example.com/aurora/shared/usecase/chat"
)

// ServiceSettings holds what a function needs that takes turns of conversations.
type ServiceSettings struct {
	tools          toolwiring.Settings
	models         modelwiring.Settings
	defaultModels  []string // in the order in which they are asked
	traces         *trace.Writer
	turnsPerMinute int // of a key whose entry does not say otherwise
	tokensPerDay   int
}

// ReadServiceSettings reads the settings of a function that takes turns, including those of its tools and models.
func ReadServiceSettings(s *lambdaapp.Settings) ServiceSettings {
	tools := toolwiring.ReadSettings(s)
	return ServiceSettings{
		tools:          tools,
		models:         modelwiring.ReadSettingsWith(s, tools.SecretPrefix, tools.Secrets),
		defaultModels:  modelwiring.SplitList(s.Required("DEFAULT_MODEL")),
		traces:         tracewiring.ReadWriter(s),
		turnsPerMinute: s.PositiveInt("LIMIT_CHAT_TURNS_PER_MINUTE", 6000),
		tokensPerDay:   s.PositiveInt("LIMIT_CHAT_TOKENS_PER_DAY", 200_000_000),
	}
}

// Tools returns the settings of the tools.
func (s ServiceSettings) Tools() toolwiring.Settings { return s.tools }

// NewService returns the chat use case, and the connections that its first turn needs: those to the secrets, the tables and the
// deployment's own model server. It reads the named secrets beside those of the models.
func (s ServiceSettings) NewService(t modelwiring.Timing, secrets ...string) (*chat.Service, []lambdaapp.Connection) {
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, s.tools.LedgerTable, time.Now)
	models := s.models.NewPool(t)
	connections := append(s.tools.Connections(append(secrets, s.models.KeySecret())...), models.Open)
	return &chat.Service{
		Assistants:    s.tools.Assistants,
		Chain:         models.Chain,
		DefaultModels: s.defaultModels,
		Tools:         s.tools.NewKit(),
		Count:         lambdaapp.Count,
		DoNotCallList: ledger,
		Outbound:      dynamo.NewOutbound(lambdaapp.AWSConfig, s.tools.LedgerTable, time.Now),
		Sessions:      dynamo.NewSessions(lambdaapp.AWSConfig, s.tools.LedgerTable, time.Now),
		Limits: &chat.KeyLimits{
			Store:          ledger,
			TurnsPerMinute: int64(s.turnsPerMinute),
			TokensPerDay:   int64(s.tokensPerDay),
			Now:            time.Now,
		},
		Traces: s.traces,
		Now:    time.Now,
	}, connections
}

// Settings holds what a chat function needs.
type Settings struct {
	ServiceSettings
	apiKeysSecret  string
	allowedModels  []string // "*" allows every model
	allowedOptions []string // "*" allows every parameter of the model
}

// ReadSettings reads the settings of a chat function, including those of its tools and models.
func ReadSettings(s *lambdaapp.Settings) Settings {
	allowedOptions := modelwiring.SplitList(s.Optional("ALLOWED_MODEL_OPTIONS", ""))
	s.Reject("ALLOWED_MODEL_OPTIONS", completions.CheckAllowedOptions(allowedOptions))
	return Settings{
		ServiceSettings: ReadServiceSettings(s),
		apiKeysSecret:   s.Required("API_KEYS_SECRET"),
		allowedModels:   modelwiring.SplitList(s.Optional("ALLOWED_MODELS", "*")),
		allowedOptions:  allowedOptions,
	}
}

// Keys returns the API keys, which the function checks at its function URL.
func (s Settings) Keys() auth.KeySource {
	return &auth.KeyStore{
		Secrets:     s.tools.Secrets,
		Now:         time.Now,
		SecretNames: map[auth.KeyKind]string{auth.KindAPI: s.apiKeysSecret},
		OnUnusable:  func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
}

// namedModels returns the models that a request may name, each once and the default one first. Where every model is allowed,
// only the deployment's own are named.
func (s Settings) namedModels() []string {
	var names []string
	for _, name := range slices.Concat(s.defaultModels, s.allowedModels) {
		if name != "*" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// NewHandler returns the handler of the chat routes, and the connections that its first turn needs: those to the secrets, the tables
// and the deployment's own model server.
func (s Settings) NewHandler(t modelwiring.Timing) (*completions.Handler, []lambdaapp.Connection) {
	service, connections := s.NewService(t, s.apiKeysSecret)
	service.AllowedModels = s.allowedModels
	return &completions.Handler{
		Service: service,
		Now:     time.Now,
		NewID:   func() string { return "chatcmpl-" + rand.Text() },
		Models:  s.namedModels(),

		AllowedOptions: s.allowedOptions,
	}, connections
}
