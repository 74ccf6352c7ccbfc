package main

import (
	"net/http"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/transport/twilioapi"
	"example.com/aurora/shared/transport/web"
)

// serve returns the function. It has no authorizer: each route verifies Twilio's signature.
func serve(voice twilioapi.Voice) *web.Function {
	return &web.Function{
		NoAuth: true,
		Routes: []web.Route{
			{Method: http.MethodPost, Path: aurora.VoiceAfterPath, Handler: voice.ServeAfter},
			{Method: http.MethodPost, Path: aurora.VoiceStatusPath, Handler: voice.ServeStatus},
		},
		MaxBody: twilioapi.MaxForm,
	}
}
