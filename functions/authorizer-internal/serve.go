package main

import (
	"context"

	"aurora/shared/access"
)

// serve answers API Gateway with the internal policy's decision.
func serve(keys access.Keys) func(context.Context, access.Request) (access.Response, error) {
	return access.Reports.Authorizer(keys)
}
