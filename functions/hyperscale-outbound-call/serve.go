package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/web"
)

// serve returns the function. It has one route, behind the REST API and at a function URL, for internal and external API
// keys.
func serve(route web.HandlerFunc, keys auth.KeySource) *web.Function {
	return &web.Function{
		Policy:  auth.PartnerPolicy,
		Keys:    keys,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/hyperscale/outbound-call", Handler: route}},
		MaxBody: web.MaxCallBody,
	}
}
