package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
)

// serve is the function: one address, behind REST and behind its own URL.
func serve(endpoint *completions.Handler, keys auth.KeySource) *web.Function {
	return &web.Function{
		Policy:  auth.BearerPolicy,
		Keys:    keys,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/v1/openai/chat/completions", Handler: endpoint.ServeGeneral}},
		MaxBody: web.MaxCallBody,
		Stream:  true,
	}
}
