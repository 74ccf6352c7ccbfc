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
			{Method: http.MethodPost, Path: "/api/v1/openai/chat/completions/voice", Handler: endpoint.ServeVoice},
			{Method: http.MethodPost, Path: "/api/v1/openai/voice/chat/completions", Handler: endpoint.ServeVoice},
		},
		MaxBody: web.MaxCallBody,
		Stream:  true,
	}
}
