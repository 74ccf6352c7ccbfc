package callwiring

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/outbound"
)

// Placer places calls; it is *outbound.Service but in tests.
type Placer interface {
	Place(ctx context.Context, r outbound.Request) (outbound.PlacedCall, error)
}

// PlaceHandler serves one of the routes that place calls. assistant is the deployment's, where the route's callers name none;
// public is PUBLIC_URL, or empty for the address that the request came to.
func PlaceHandler(p Placer, route, assistant, public string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		var body json.RawMessage
		if err := web.ReadStrictObject(r, &body); err != nil {
			return err
		}
		request, err := outbound.ReadRequest(route, body, assistant)
		if err != nil {
			return err
		}
		holder := web.PrincipalOf(r)
		request.APIKey = outbound.APIKey{Name: holder.Name, Kind: string(holder.Kind), Assistants: holder.Assistants}
		if holder.Name == holder.ID { // an entry without a name goes by its kind
			request.APIKey.Name = ""
		}
		request.PublicURL = web.PublicURL(r, public)
		if request.IdempotencyKey, err = readIdempotencyKey(r); err != nil {
			return err
		}
		answer, err := p.Place(r.Context(), request)
		if err != nil {
			return err
		}
		if answer.Replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		return web.WriteJSON(w, http.StatusOK, answer.Body())
	}
}

func readIdempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	for _, v := range values {
		if v != values[0] {
			return "", fault.New(fault.Invalid, "Idempotency-Key must stand there once.").WithParam("Idempotency-Key").
				Because(errors.New("two different values"))
		}
	}
	if len(values) == 0 {
		return "", nil
	}
	return values[0], nil
}
