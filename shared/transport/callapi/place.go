package callapi

import (
	"context"
	"errors"
	"net/http"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/outbound"
)

// Placer places calls. It is an *outbound.Service except in tests.
type Placer interface {
	Place(ctx context.Context, r outbound.Request) (outbound.PlacedCall, error)
}

// PlaceHandler returns the handler of a route that places calls. assistantID is the deployment's assistant, for the route
// whose callers name none. publicURL is the setting PUBLIC_URL; if it is empty, callbacks go to the address that the
// request was sent to.
func PlaceHandler(p Placer, route, assistantID, publicURL string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		var fields object
		if err := web.ReadStrictObject(r, &fields); err != nil {
			return err
		}
		request, err := decodeRequest(route, fields, assistantID)
		if err != nil {
			return err
		}
		if request.IdempotencyKey, err = readIdempotencyKey(r); err != nil {
			return err
		}
		request.Principal, request.PublicURL = web.PrincipalOf(r), web.PublicURL(r, publicURL)
		call, err := p.Place(r.Context(), request)
		if err != nil {
			if fault.From(err).Code == "call_state_unknown" {
				w.Header().Set("X-Should-Retry", "false") // another request may be another call
			}
			return err
		}
		if call.Replayed {
			w.Header().Set("Idempotent-Replayed", "true")
		}
		return web.WriteJSON(w, http.StatusOK, newPlaceResponse(call))
	}
}

// readIdempotencyKey returns the value of the header Idempotency-Key, or "" if it was not sent. A header that was sent
// twice with one value is one key: a proxy may have copied it.
func readIdempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	for _, v := range values {
		if v != values[0] {
			return "", fault.New(fault.Invalid, "Idempotency-Key must be sent once.").WithParam("Idempotency-Key").
				Because(errors.New("two different values"))
		}
	}
	if len(values) == 0 {
		return "", nil
	}
	return values[0], nil
}

// placeResponse is the body of the answer to a call that was placed.
type placeResponse struct {
	Data   string `json:"data"`
	Status string `json:"status"`
}

// newPlaceResponse writes the documented sentence, with the spelling of the API document.
func newPlaceResponse(c outbound.PlacedCall) placeResponse {
	return placeResponse{Status: "success", Data: "Call initiated from assistaintPhoneNumber = " + c.AssistantNumber + " to " + c.Name +
		" at " + c.Number + ". Call sid = " + c.SID}
}
