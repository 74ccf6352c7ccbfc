package twilioapi

import (
	"context"
	"io"
	"mime"
	"net/http"
	"net/url"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
)

// Verifier checks that Twilio signed a form for an address. Its errors are fault.Unauthorized, and fault.Unavailable if the
// account's token cannot be read.
type Verifier interface {
	VerifySignature(ctx context.Context, address string, form url.Values, signature string) error
}

// MaxForm is the largest form that is read, in bytes. Those of Twilio have a few kilobytes.
const MaxForm = 64 << 10

// ReadForm reads the form of a request and verifies that Twilio signed it. publicURL is the setting PUBLIC_URL. The form is
// also returned when it is not signed.
func ReadForm(r *http.Request, v Verifier, publicURL string) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The body could not be read.").Because(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, fault.New(fault.Invalid, "The body must be a form.").WithCode("invalid_body").Because(err)
	}
	aurora.LogCall(r.Context(), form.Get("CallSid"))
	return form, v.VerifySignature(r.Context(), publicAddress(r, publicURL), form, r.Header.Get("X-Twilio-Signature"))
}

// ReadClearForm is ReadForm with errors that say why a form cannot have been signed: it is no form, or has a field twice.
func ReadClearForm(r *http.Request, v Verifier, publicURL string) (url.Values, error) {
	form, err := ReadForm(r, v, publicURL)
	if !fault.Is(err, fault.Unauthorized) {
		return form, err
	}
	if media, _, mediaErr := mime.ParseMediaType(r.Header.Get("Content-Type")); mediaErr != nil || media != "application/x-www-form-urlencoded" {
		return form, fault.New(fault.UnsupportedMediaType, "The body must be application/x-www-form-urlencoded.").WithParam("Content-Type").Because(err)
	}
	for _, values := range form {
		if len(values) > 1 {
			return form, fault.New(fault.Invalid, "A field of the form was sent twice.").WithCode("duplicate_field").Because(err)
		}
	}
	return form, err
}

// publicAddress returns the address of a request as Twilio was given it.
func publicAddress(r *http.Request, publicURL string) string {
	address := web.PublicURL(r, publicURL) + r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		address += "?" + r.URL.RawQuery
	}
	return address
}
