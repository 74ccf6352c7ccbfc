package main

import (
	"context"
	"net/http"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
)

// redirectLifetime is how long the address lives that a link leads to: for a page to load, not to be passed on.
const redirectLifetime = 5 * time.Minute

type opener interface {
	Verify(ctx context.Context, token string) (key string, err error)
}

type presigner interface {
	Presign(ctx context.Context, key string, lifetime time.Duration) (string, error)
}

// serve is the function: it has no authorizer, because the token is signed.
func serve(links opener, objects presigner) *web.Function {
	return &web.Function{
		NoAuth:  true,
		MaxBody: web.MaxCallBody,
		Routes: []web.Route{{Method: http.MethodGet, Path: "/api/reports/view/{token}", Handler: func(w http.ResponseWriter, r *http.Request) error {
			// Whatever the answer is: the address in it, and the token in this one, are for this reader alone.
			w.Header().Set("Cache-Control", "no-store")
			w.Header().Set("Referrer-Policy", "no-referrer")
			key, err := links.Verify(r.Context(), r.PathValue("token"))
			if err != nil {
				return err
			}
			address, err := objects.Presign(r.Context(), key, redirectLifetime)
			switch {
			case fault.Is(err, fault.NotFound):
				return fault.New(fault.NotFound, "This report is not kept any more.").WithCode("report_not_found").Because(err)
			case err != nil:
				return fault.New(fault.Unavailable, "The report cannot be opened now.").WithCode("store_unavailable").WithRetryAfter(time.Second).Because(err)
			}
			w.Header().Set("Location", address)
			w.WriteHeader(http.StatusFound)
			return nil
		}}},
	}
}
