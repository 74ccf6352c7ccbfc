package main

import (
	"context"

	"example.com/aurora/shared/core/auth"
)

// serve answers API Gateway with the bearer policy's decision.
func serve(keys auth.KeySource) func(context.Context, auth.Request) (auth.Response, error) {
	return auth.BearerPolicy.Authorizer(keys)
}
