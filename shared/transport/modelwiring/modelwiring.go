package modelwiring

import (
	"context"
	"strings"
	"time"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/lambdaapp"
)

// Settings holds what a function needs to call models.
type Settings struct {
	openAISecret  string // the name of the secret with the deployment's key
	modelSecrets  string // the prefix of the names of models' own secrets
	toolSecrets   string // the prefix of the names of tools' secrets, where a model's may be as well; may be empty
	openAIBaseURL string // set on a developer's machine only
	allowLoopback bool   // true on a developer's machine only
	secrets       *secretsmanager.Store
}

// ReadSettings reads the settings of a function that calls models and has no tools.
func ReadSettings(s *lambdaapp.Settings) Settings {
	return ReadSettingsWith(s, "", secretsmanager.New(lambdaapp.AWSConfig, time.Now))
}

// ReadSettingsWith is ReadSettings for a function with tools, which share the cache of secrets with its models.
func ReadSettingsWith(s *lambdaapp.Settings, toolSecrets string, secrets *secretsmanager.Store) Settings {
	return Settings{
		openAISecret:  s.Required("OPENAI_SECRET"),
		openAIBaseURL: s.Optional("OPENAI_BASE_URL", ""),
		allowLoopback: s.Optional("ALLOW_LOOPBACK_MODELS", "") == "true",
		modelSecrets:  s.Required("MODEL_SECRETS"),
		toolSecrets:   toolSecrets,
		secrets:       secrets,
	}
}

// Timing holds the time limits of a function's models.
type Timing struct {
	openai.Limits
	// FirstWordTimeout is how long a model may take to its first word before the next one is asked. 0 means no limit.
	FirstWordTimeout time.Duration
}

// VoiceTiming is for the phone, where people hang up after a few seconds of silence.
var VoiceTiming = Timing{Limits: openai.Limits{Idle: 5 * time.Second}, FirstWordTimeout: 2500 * time.Millisecond}

// WorkerTiming is for workers, whose answers nobody waits for. Two tries that take this long still fit into a worker's own
// time limit.
var WorkerTiming = Timing{Limits: openai.Limits{FirstByte: 30 * time.Second}}

// Chain returns a function that makes a chain of models, which are asked in order until one answers. All chains share their
// connections and circuit breakers.
func (s Settings) Chain(t Timing) func([]aurora.ModelRef) agent.Model { return s.NewPool(t).Chain }

// KeySecret returns the name of the secret with the deployment's key.
func (s Settings) KeySecret() string { return s.openAISecret }

// NewPool returns the models of Chain, for a function that opens their connection as well.
func (s Settings) NewPool(t Timing) *openai.Pool {
	return &openai.Pool{
		Options: openai.Options{
			BaseURL: s.openAIBaseURL,
			Key:     func(ctx context.Context) (string, error) { return s.secrets.Secret(ctx, s.openAISecret) },
			Limits:  t.Limits,
			Count:   lambdaapp.Count,
		},
		Key:              s.modelKey,
		FirstWordTimeout: t.FirstWordTimeout,
		AllowLoopback:    s.allowLoopback,
	}
}

// modelKey returns the key in a model's own secret. Functions with tools also find it among the secrets of tools, where it had
// its place before models had their own.
func (s Settings) modelKey(ctx context.Context, name string) (string, error) {
	key, err := s.secrets.Secret(ctx, s.modelSecrets+name)
	if s.toolSecrets != "" && fault.Is(err, fault.NotFound) {
		return s.secrets.Secret(ctx, s.toolSecrets+name)
	}
	return key, err
}

// SplitList splits a setting that is a comma-separated list, such as DEFAULT_MODEL.
func SplitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
