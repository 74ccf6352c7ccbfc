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

// status moves a call's record on, and tells the index of a call that is over.
type status struct {
	signed interface {
		Signed(ctx context.Context, address string, form url.Values, signature string) error
	}
	calls interface {
		Status(ctx context.Context, cb outbound.Callback) (outbound.Progress, error)
	}
	index interface {
		Add(ctx context.Context, names []string, c aurora.Call) error
	}
	public string
}

// serve is the function: it has no authorizer, because Twilio's signature says who calls.
func serve(s *status) *web.Function {
	return &web.Function{
		Open:    true,
		Routes:  []web.Route{{Method: http.MethodPost, Path: path, Handler: s.receive}},
		MaxBody: web.CallBody,
	}
}

func (s *status) receive(w http.ResponseWriter, r *http.Request) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return fault.New(fault.Invalid, "The body could not be read.").Because(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return fault.New(fault.Invalid, "The body must be a form.").Coded("invalid_body").Because(err)
	}
	address := web.PublicURL(r, s.public) + path
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	if err := s.signed.Signed(r.Context(), address, form, r.Header.Get("X-Twilio-Signature")); err != nil {
		return err
	}
	callback, err := outbound.ReadCallback(r.URL.Query().Get("record"), form)
	if err != nil {
		return err
	}
	progress, err := s.calls.Status(r.Context(), callback)
	if err != nil {
		return err
	}
	if len(progress.Names) > 0 {
		if err := s.index.Add(r.Context(), progress.Names, progress.Call); err != nil {
			return fault.New(fault.Unavailable, "The call cannot be indexed now.").Because(err)
		}
	}
	return web.JSON(w, http.StatusOK, struct{}{})
}
