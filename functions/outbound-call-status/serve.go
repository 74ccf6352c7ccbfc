package main

import (
	"net/http"

	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/outbound"
)

// serve returns the function. It has no authorizer: the route verifies Twilio's signature.
func serve(route web.HandlerFunc) *web.Function {
	return &web.Function{
		NoAuth:  true,
		Routes:  []web.Route{{Method: http.MethodPost, Path: outbound.StatusPath, Handler: route}},
		MaxBody: web.MaxCallBody,
	}
}
