package main

import (
	"context"
	"net/http"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
)

// redirectLifetime is how long the address in the redirect works: long enough for a page to load, too short to be shared.
const redirectLifetime = 5 * time.Minute

// verifier returns the object key of a signed link.
type verifier interface {
	Verify(ctx context.Context, token string) (key string, err error)
}

// presigner returns an address at which an object can be read for some time.
type presigner interface {
	Presign(ctx context.Context, key string, lifetime time.Duration) (string, error)
}

// serve returns the function as Lambda calls it. It has no authorizer, because the token in the path is signed.
func serve(links verifier, objects presigner) *web.Function {
	return &web.Function{
		NoAuth:  true,
		MaxBody: web.MaxCallBody,
		Routes: []web.Route{{Method: http.MethodGet, Path: "/api/reports/view/{token}", Handler: func(w http.ResponseWriter, r *http.Request) error {
			// The addresses of the request and of the answer both give access, so they must not be cached or sent on.
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Referrer-Policy", "no-referrer")
			key, err := links.Verify(r.Context(), r.PathValue("token"))
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
			w.WriteHeader(http.StatusFound)
			return nil
		}}},
	}
}
