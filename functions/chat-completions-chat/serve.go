package main

import (
	"net/http"

	"aurora/shared/access"
	"aurora/shared/completions"
	"aurora/shared/web"
)

// serve is the function: its address and the alias for clients that append /chat/completions to a base URL.
func serve(endpoint *completions.Endpoint, keys access.Keys) *web.Function {
	return &web.Function{
		Policy: access.Bearer,
		Keys:   keys,
		Routes: []web.Route{
			{Method: http.MethodPost, Path: "/api/v1/openai/chat/completions/chat", Handler: endpoint.Chat},
			{Method: http.MethodPost, Path: "/api/v1/openai/chat/chat/completions", Handler: endpoint.Chat},
		},
		MaxBody: web.CallBody,
		Stream:  false,
	}
}
