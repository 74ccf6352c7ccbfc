package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
)

const (
	// redirectLifetime is how long the address in the redirect works: long enough for a page to load, too short to be shared.
	redirectLifetime = 5 * time.Minute
	maxForm          = 16 << 10 // bytes of the form with the token
)

// verifier returns the object key of a signed link.
type verifier interface {
	Verify(ctx context.Context, token string) (key string, err error)
}

// presigner returns an address at which an object can be read for some time.
type presigner interface {
	Presign(ctx context.Context, key string, lifetime time.Duration) (string, error)
}

// openPage sends the token that follows the number sign of its own address in a form. Without JavaScript, or where a mail
// client cut the link, a person pastes the link into the form.
//
//go:embed open.html
var openPage []byte

// pagePolicy allows the page's own script and style and nothing else. form-action is left out: browsers apply it to the
// redirect to the bucket as well (https://www.w3.org/TR/CSP3/#directive-form-action).
var pagePolicy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'; script-src " + hashOf("script") + "; style-src " + hashOf("style")

// hashOf returns the source expression that allows the element of openPage with this name.
func hashOf(element string) string {
	_, content, _ := bytes.Cut(openPage, []byte("<"+element+">"))
	content, _, _ = bytes.Cut(content, []byte("</"+element+">"))
	sum := sha256.Sum256(content)
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// serve returns the function as Lambda calls it. It has no authorizer, because the token is signed.
func serve(links verifier, objects presigner) *web.Function {
	// Nothing here may be cached or sent on: the answer's address gives access, and so does the path of an older link.
	private := func(h web.HandlerFunc) web.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Referrer-Policy", "no-referrer")
			return h(w, r)
		}
	}
	redirect := func(w http.ResponseWriter, r *http.Request, token string, status int) error {
		key, err := links.Verify(r.Context(), token)
		if err != nil {
			return err
		}
		address, err := objects.Presign(r.Context(), key, redirectLifetime)
		switch {
		case fault.Is(err, fault.NotFound):
			return fault.New(fault.NotFound, "This report is no longer stored.").WithCode("report_not_found").Because(err)
		case err != nil:
			return fault.New(fault.Unavailable, "The report cannot be opened now.").WithCode("store_unavailable").WithRetryAfter(time.Second).Because(err)
		}
		w.Header().Set("Location", address)
		w.WriteHeader(status)
		return nil
	}
	return &web.Function{
		NoAuth:  true,
		MaxBody: maxForm,
		Routes: []web.Route{
			{Method: http.MethodGet, Path: "/api/reports/view", Handler: private(func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				w.Header().Set("Content-Security-Policy", pagePolicy)
				_, err := w.Write(openPage)
				return err
			})},
			{Method: http.MethodPost, Path: "/api/reports/view", Handler: private(func(w http.ResponseWriter, r *http.Request) error {
				return redirect(w, r, auth.TokenIn(r.PostFormValue("token")), http.StatusSeeOther)
			})},
			// Links of mails that were sent before the token moved behind the number sign. They end 30 days after the mail.
			{Method: http.MethodGet, Path: "/api/reports/view/{token}", Handler: private(func(w http.ResponseWriter, r *http.Request) error {
				return redirect(w, r, r.PathValue("token"), http.StatusFound)
			})},
		},
	}
}
