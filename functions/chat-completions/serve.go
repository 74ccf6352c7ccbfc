package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
)

// serve returns the function: one route, of the REST API and of the function URL.
func serve(handler *completions.Handler, keys auth.KeySource) *web.Function {
	return &web.Function{
		Policy:  auth.BearerPolicy,
		Keys:    keys,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/v1/openai/chat/completions", Handler: handler.ServeGeneral}},
		MaxBody: web.MaxCallBody,
		Stream:  true,
	}
}
