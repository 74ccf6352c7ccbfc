package main

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/outbound"
)

const path = "/api/outbound-call-status"

// callbackHandler moves a call's record on, and tells the index of a call that is over.
type callbackHandler struct {
	verifier interface {
		VerifySignature(ctx context.Context, address string, form url.Values, signature string) error
	}
	calls interface {
		Status(ctx context.Context, cb outbound.Callback) (outbound.Progress, error)
	}
	index interface {
		Upsert(ctx context.Context, names []string, c aurora.Call) (stored aurora.Call, err error)
	}
	publicURL string
}

// serve is the function: it has no authorizer, because Twilio's signature says who calls.
func serve(s *callbackHandler) *web.Function {
	return &web.Function{
		NoAuth:  true,
		Routes:  []web.Route{{Method: http.MethodPost, Path: path, Handler: s.receive}},
		MaxBody: web.MaxCallBody,
	}
}

func (s *callbackHandler) receive(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fault.New(fault.Invalid, "The body could not be read.").Because(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return fault.New(fault.Invalid, "The body must be a form.").WithCode("invalid_body").Because(err)
	}
	address := web.PublicURL(r, s.publicURL) + path
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	if err := s.verifier.VerifySignature(r.Context(), address, form, r.Header.Get("X-Twilio-Signature")); err != nil {
		return err
	}
	callback, err := outbound.ParseCallback(r.URL.Query().Get("record"), form)
	if err != nil {
		return err
	}
	progress, err := s.calls.Status(r.Context(), callback)
	if err != nil {
		return err
	}
	if len(progress.Names) > 0 {
		if _, err := s.index.Upsert(r.Context(), progress.Names, progress.Call); err != nil {
			return fault.New(fault.Unavailable, "The call cannot be indexed now.").Because(err)
		}
	}
	return web.WriteJSON(w, http.StatusOK, struct{}{})
}
