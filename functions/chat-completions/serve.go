package main

import (
	"net/http"

	"aurora/shared/access"
	"aurora/shared/completions"
	"aurora/shared/web"
)

// serve is the function: one address, behind REST and behind its own URL.
func serve(endpoint *completions.Endpoint, keys access.Keys) *web.Function {
	return &web.Function{
		Policy:  access.Bearer,
		Keys:    keys,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/v1/openai/chat/completions", Handler: endpoint.General}},
		MaxBody: web.CallBody,
		Stream:  true,
	}
}
