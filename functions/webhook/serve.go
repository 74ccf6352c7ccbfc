package main

import (
	"net/http"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/webhook"
)

// function is the webhook as Lambda calls it.
func function(r *webhook.Receiver) *web.Function {
	return &web.Function{
		Policy:  auth.Webhook,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/webhook", Handler: serve(r)}},
		MaxBody: web.EventBody,
	}
}

func serve(receiver *webhook.Receiver) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		body, err := web.Body(r)
		if err != nil {
			return err
		}
		answer, err := receiver.Receive(r.Context(), body)
		if err != nil {
			return err
		}
		status := http.StatusOK
		if answer.Created {
			status = http.StatusCreated
		}
		return web.JSON(w, status, answer.Body)
	}
}
