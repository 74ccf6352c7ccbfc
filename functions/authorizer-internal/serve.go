package main

import (
	"context"

	"example.com/aurora/shared/core/auth"
)

// serve answers API Gateway with the internal policy's decision.
func serve(keys auth.Keys) func(context.Context, auth.Request) (auth.Response, error) {
	return auth.Reports.Authorizer(keys)
}
