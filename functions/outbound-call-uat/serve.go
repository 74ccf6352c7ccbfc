package main

import (
	"net/http"

	"aurora/shared/access"
	"aurora/shared/web"
)

// serve is the function: one address, behind REST and behind its own URL, for either of two kinds of key.
func serve(route web.HandlerFunc, keys access.Keys) *web.Function {
	return &web.Function{
		Policy:  access.Partner,
		Keys:    keys,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/outbound-call-uat", Handler: route}},
		MaxBody: web.CallBody,
	}
}
