package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
)

// serve returns the function: its route, and a second path for clients that append /chat/completions to a base URL.
func serve(handler *completions.Handler, keys auth.KeySource) *web.Function {
	return &web.Function{
		Policy: auth.BearerPolicy,
		Keys:   keys,
		Routes: []web.Route{
			{Method: http.MethodPost, Path: "/api/v1/openai/chat/completions/chat", Handler: handler.ServeChat},
			{Method: http.MethodPost, Path: "/api/v1/openai/chat/chat/completions", Handler: handler.ServeChat},
		},
		MaxBody: web.MaxCallBody,
		Stream:  false,
	}
}
