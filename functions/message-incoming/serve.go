package main

import (
	"net/http"

	"example.com/aurora/shared/transport/textapi"
	"example.com/aurora/shared/transport/web"
)

// serve returns the function. It has no authorizer: the routes verify Twilio's signature.
func serve(messages, status web.HandlerFunc) *web.Function {
	return &web.Function{
		NoAuth: true,
		Routes: []web.Route{
			{Method: http.MethodPost, Path: textapi.MessagesPath, Handler: messages},
			{Method: http.MethodPost, Path: textapi.StatusPath, Handler: status},
		},
		MaxBody: web.MaxCallBody,
	}
}
