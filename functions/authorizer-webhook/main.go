// Command authorizer-webhook decides who may use the routes of the webhook policy.
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
	keys := &auth.Ring{
		Secrets:  secretsmanager.New(lambdaapp.AWS, time.Now),
		Names:    map[auth.Kind]string{auth.API: s.Required("API_KEYS_SECRET")},
		Unusable: func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
	lambdaapp.Start(s, serve(keys))
}
