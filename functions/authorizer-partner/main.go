// Command authorizer-partner is the Lambda authorizer of the partner policy.
package main

import (
	"context"
	"os"
	"time"

	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/lambdaapp"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	secrets := secretsmanager.New(lambdaapp.AWSConfig, time.Now)
	keys := &auth.KeyStore{
		Secrets:     secrets,
		Now:         time.Now,
		SecretNames: map[auth.KeyKind]string{auth.KindInternal: s.Required("INTERNAL_KEYS_SECRET"), auth.KindExternal: s.Required("EXTERNAL_KEYS_SECRET")},
		OnUnusable:  func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
	lambdaapp.Start(s, serve(keys), secrets.Open(keys.SecretNames[auth.KindInternal], keys.SecretNames[auth.KindExternal]))
}
