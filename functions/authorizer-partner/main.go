// Command authorizer-partner decides who may use the routes of the partner policy.
package main

import (
	"context"
	"os"
	"time"

	"aurora/shared/access"
	"aurora/shared/boot"
	"aurora/shared/secret"
)

func main() {
	s := boot.NewSettings(os.LookupEnv)
	keys := &access.Ring{
		Secrets:  secret.New(boot.AWS, time.Now),
		Names:    map[access.Kind]string{access.Internal: s.Required("INTERNAL_KEYS_SECRET"), access.External: s.Required("EXTERNAL_KEYS_SECRET")},
		Unusable: func(ctx context.Context) { boot.Count(ctx, "KeysUnusable") },
	}
	boot.Start(s, serve(keys))
}
