package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
)

// serve is the function: its address and the alias for clients that append /chat/completions to a base URL.
func serve(endpoint *completions.Handler, keys auth.KeySource) *web.Function {
	return &web.Function{
		Policy: auth.BearerPolicy,
		Keys:   keys,
		Routes: []web.Route{
			{Method: http.MethodPost, Path: "/api/v1/openai/chat/completions/chat", Handler: endpoint.ServeChat},
			{Method: http.MethodPost, Path: "/api/v1/openai/chat/chat/completions", Handler: endpoint.ServeChat},
		},
		MaxBody: web.MaxCallBody,
		Stream:  false,
	}
}
