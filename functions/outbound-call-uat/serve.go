package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/web"
)

// serve is the function: one address, behind REST and behind its own URL, for either of two kinds of key.
func serve(route web.HandlerFunc, keys auth.KeySource) *web.Function {
	return &web.Function{
		Policy:  auth.PartnerPolicy,
		Keys:    keys,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/outbound-call-uat", Handler: route}},
		MaxBody: web.MaxCallBody,
	}
}
