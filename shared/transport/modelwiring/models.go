package modelwiring

import (
	"context"
	"strings"
	"time"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/transport/lambdaapp"
)

// Settings are what a function asks its models with.
type Settings struct {
	openAISecret, toolSecrets string // toolSecrets stands before the name of a model's own secret
	openAIBaseURL             string // on a developer's machine alone
	secrets                   *secretsmanager.Store
}

// ReadSettings reads the settings of a function that asks models and has no tools.
func ReadSettings(s *lambdaapp.Settings) Settings {
	return ReadSettingsWith(s, s.Required("TOOL_SECRETS"), secretsmanager.New(lambdaapp.AWSConfig, time.Now))
}

// ReadSettingsWith is Read where the function's tools know already what stands before the name of a secret, and the secrets.
func ReadSettingsWith(s *lambdaapp.Settings, toolSecrets string, secrets *secretsmanager.Store) Settings {
	return Settings{
		openAISecret:  s.Required("OPENAI_SECRET"),
		openAIBaseURL: s.Optional("OPENAI_BASE_URL", ""),
		toolSecrets:   toolSecrets,
		secrets:       secrets,
	}
}

// Timing are the times a function gives its models.
type Timing struct {
	openai.Limits
	// Patience is how long a model may leave its first word open before the next one is asked; 0 waits.
	FirstWordTimeout time.Duration
}

// VoiceTiming are the times on the phone, where silence ends a call.
var VoiceTiming = Timing{Limits: openai.Limits{Idle: 5 * time.Second}, FirstWordTimeout: 2500 * time.Millisecond}

// WorkerTiming are the times where nobody waits for the answer: two failures of this length end before a worker does.
var WorkerTiming = Timing{Limits: openai.Limits{FirstByte: 30 * time.Second}}

// Chain makes models that are asked in order until one answers. Their connections and circuit breakers are kept from one
// chain to the next.
func (p Settings) Chain(m Timing) func([]aurora.ModelRef) agent.Model {
	pool := &openai.Pool{
		Options: openai.Options{
			BaseURL: p.openAIBaseURL,
			Key:     func(ctx context.Context) (string, error) { return p.secrets.Secret(ctx, p.openAISecret) },
			Limits:  m.Limits,
			Count:   lambdaapp.Count,
		},
		Key: func(ctx context.Context, name string) (string, error) {
			return p.secrets.Secret(ctx, p.toolSecrets+name)
		},
		FirstWordTimeout: m.FirstWordTimeout,
	}
	return func(refs []aurora.ModelRef) agent.Model { return pool.Chain(refsOf(refs)) }
}

func refsOf(refs []aurora.ModelRef) []openai.Ref {
	out := make([]openai.Ref, len(refs))
	for i, r := range refs {
		out[i] = openai.Ref{Model: r.Model, BaseURL: r.BaseURL, Secret: r.Secret}
	}
	return out
}

// SplitList reads a comma-separated setting, such as the models that are asked in order.
func SplitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}
