// Command chat-completions answers /api/v1/openai/chat/completions.
package main

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"time"

	"aurora/shared/access"
	"aurora/shared/boot"
	"aurora/shared/chat"
	"aurora/shared/completions"
	"aurora/shared/dynamo"
	"aurora/shared/openai"
	"aurora/shared/secret"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	secrets := secret.New(boot.AWS, time.Now)
	openAISecret := s.Required("OPENAI_SECRET")
	endpoint := &completions.Endpoint{
		Service: &chat.Service{
			Assistants: dynamo.NewAssistants(boot.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
			Model: openai.New(openai.Options{
				BaseURL: s.Optional("OPENAI_BASE_URL", ""),
				Key:     func(ctx context.Context) (string, error) { return secrets.Secret(ctx, openAISecret) },
				Count:   boot.Count,
			}),
			DefaultModel:  s.Required("DEFAULT_MODEL"),
			AllowedModels: strings.Split(s.Optional("ALLOWED_MODELS", "*"), ","),
			Now:           time.Now,
		},
		Now:   time.Now,
		NewID: func() string { return "chatcmpl-" + rand.Text() },
	}
	keys := &access.Ring{
		Secrets:  secrets,
		Names:    map[access.Kind]string{access.API: s.Required("API_KEYS_SECRET")},
		Unusable: func(ctx context.Context) { boot.Count(ctx, "KeysUnusable") },
	}
	boot.Start(s, serve(endpoint, keys).Invoke)
}
