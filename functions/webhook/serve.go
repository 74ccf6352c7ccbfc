package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/webhook"
)

// newFunction returns the webhook as a Lambda function.
func newFunction(r *webhook.Receiver, keys auth.KeySource) *web.Function {
	return &web.Function{
		Policy:  auth.WebhookPolicy,
		Keys:    keys,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/webhook", Handler: serve(r)}},
		MaxBody: web.MaxEventBody,
	}
}

// serve hands the body of a request to the receiver.
func serve(receiver *webhook.Receiver) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		body, err := web.ReadBody(r)
		if err != nil {
			return err
		}
		response, err := receiver.Receive(r.Context(), web.PrincipalOf(r), body)
		if err != nil {
			return err
		}
		status := http.StatusOK
		if response.Created {
			status = http.StatusCreated
		}
		if response.Audio != nil {
			w.Header().Set("Content-Type", "application/octet-stream")
			_, err := w.Write(response.Audio)
			return err
		}
		return web.WriteJSON(w, status, response.Body)
	}
}
