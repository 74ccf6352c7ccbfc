package callapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/transport/twilioapi"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/outbound"
)

// CallbackReceiver applies what the provider reports. It is an *outbound.Service except in tests.
type CallbackReceiver interface {
	HandleCallback(ctx context.Context, cb outbound.Callback) error
}

// CallbackHandler returns the handler of the provider's callbacks. publicURL is the setting PUBLIC_URL: the provider
// signs the address that it was given, so a callback is verified for that address.
func CallbackHandler(v twilioapi.Verifier, calls CallbackReceiver, publicURL string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		logfields.Set(r.Context(), logfields.RecordID, r.URL.Query().Get("record"))
		form, err := twilioapi.ReadForm(r, v, publicURL)
		if err != nil {
			return err
		}
		cb, err := decodeCallback(r.URL.Query().Get("record"), form)
		if err != nil {
			return err
		}
		if err := calls.HandleCallback(r.Context(), cb); err != nil {
			return err
		}
		return web.WriteJSON(w, http.StatusOK, struct{}{})
	}
}

const maxAnsweredBy = 40 // bytes; Twilio's values are shorter than 20

// decodeCallback reads a callback's form, which Twilio documents at
// https://www.twilio.com/docs/voice/api/call-resource#statuscallback. recordID comes from the address; it may be empty.
// Values that only add detail are left out if they cannot be read.
func decodeCallback(recordID string, form url.Values) (outbound.Callback, error) {
	cb := outbound.Callback{RecordID: recordID, SID: form.Get("CallSid"), Status: aurora.CallStatus(form.Get("CallStatus")), AnsweredBy: form.Get("AnsweredBy")}
	if recordID != "" && !aurora.IsSafeID(recordID) {
		return cb, fault.New(fault.Invalid, "record must name a call's record.").WithParam("record")
	}
	if !aurora.IsCallSID(cb.SID) {
		return cb, fault.New(fault.Invalid, "CallSid must be a call's sid.").WithParam("CallSid")
	}
	if len(cb.AnsweredBy) > maxAnsweredBy {
		cb.AnsweredBy = ""
	}
	if cb.Status.Rank() < 0 {
		cb.Status = "" // a status that this version does not know
	}
	if at, err := time.Parse(time.RFC1123Z, form.Get("Timestamp")); err == nil {
		cb.At = at.UTC()
	}
	cb.Seconds = twilioapi.Seconds(form.Get("CallDuration"))
	return cb, nil
}
