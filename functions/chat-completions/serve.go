package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
)

// serve returns the function. Its routes are those of the REST API and of the function URL.
func serve(handler *completions.Handler, keys auth.KeySource) *web.Function {
	return &web.Function{
		Policy: auth.BearerPolicy,
		Keys:   keys,
		Routes: []web.Route{
			{Method: http.MethodPost, Path: "/api/v1/openai/chat/completions", Handler: handler.ServeGeneral},
			{Method: http.MethodGet, Path: "/api/v1/openai/models", Handler: handler.ServeModels},
			{Method: http.MethodGet, Path: "/api/v1/openai/models/{id}", Handler: handler.ServeModels},
		},
		MaxBody: web.MaxCallBody,
		Stream:  true,
	}
}
