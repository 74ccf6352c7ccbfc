package main

import (
	"context"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/authorizer"
)

// serve returns the handler of the partner policy.
func serve(keys auth.KeySource) func(context.Context, authorizer.Request) (authorizer.Response, error) {
	return authorizer.New(auth.PartnerPolicy, keys)
}
