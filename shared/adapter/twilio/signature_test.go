package twilio_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // Twilio signs with it
	"encoding/base64"
	"io"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/fault"
)

// sign makes a signature as Twilio documents it: HMAC-SHA1 over the address and the form's fields in order.
func sign(token, address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	_, _ = io.WriteString(mac, address)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		_, _ = io.WriteString(mac, name+form.Get(name))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func TestVerifySignature(t *testing.T) {
	_, c := newFakeTwilio(t, respond(200, `{}`))
	form := url.Values{"AccountSid": {account}, "CallSid": {callSID}, "CallStatus": {"ringing"}, "To": {string(to)}}
	signature := sign(token, statusURL, form)
	if err := c.VerifySignature(t.Context(), statusURL, form, signature); err != nil {
		t.Fatal(err)
	}
	with := func(name string, values ...string) url.Values {
		changed := maps.Clone(form)
		changed[name] = values
		return changed
	}
	otherAccount := with("AccountSid", "AC00000000000000000000000000000000")
	for name, request := range map[string]struct {
		address   string
		form      url.Values
		signature string
	}{
		"no signature":        {statusURL, form, ""},
		"another token":       {statusURL, form, sign("another", statusURL, form)},
		"another record":      {strings.Replace(statusURL, "oc_1", "oc_2", 1), form, signature},
		"another status":      {statusURL, with("CallStatus", "completed"), signature},
		"one more field":      {statusURL, with("AnsweredBy", "human"), signature},
		"a field twice":       {statusURL, with("CallStatus", "ringing", "completed"), signature},
		"another account":     {statusURL, otherAccount, sign(token, statusURL, otherAccount)},
		"part of a signature": {statusURL, form, signature[:10]},
	} {
		if err := c.VerifySignature(t.Context(), request.address, request.form, request.signature); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %v, want fault.Unauthorized", name, err)
		}
	}
	broken := twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) { return "", io.ErrUnexpectedEOF }})
	if err := broken.VerifySignature(t.Context(), statusURL, form, signature); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without the token: %v, want fault.Unavailable", err)
	}
}

func TestVerifyHandshake(t *testing.T) {
	_, c := newFakeTwilio(t, respond(200, `{}`))
	const address = "wss://relay.example.com/live"
	for name, request := range map[string]struct {
		address, signature, signed string
	}{
		"the address":                    {address, sign(token, address, nil), address},
		"with a slash behind it":         {address, sign(token, address+"/", nil), address + "/"},
		"without its slash":              {address + "/", sign(token, address, nil), address},
		"with two slashes":               {address, sign(token, address+"//", nil), ""},
		"https":                          {address, sign(token, "https://relay.example.com/live", nil), ""},
		"with a query":                   {address, sign(token, address+"?a=1", nil), ""},
		"another host":                   {address, sign(token, "wss://relay.example.org/live", nil), ""},
		"another token":                  {address, sign("another", address, nil), ""},
		"no signature":                   {address, "", ""},
		"a signature that is no base64":  {address, "%%%", ""},
		"a form's signature":             {address, sign(token, address, url.Values{"AccountSid": {account}}), ""},
		"no address, and its signature":  {"", sign(token, "", nil), ""},
		"a slash, and no address before": {"", sign(token, "/", nil), ""},
	} {
		signed, err := c.VerifyHandshake(t.Context(), request.address, request.signature)
		if signed != request.signed || (err == nil) != (request.signed != "") || err != nil && !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %q, %v; want %q", name, signed, err, request.signed)
		}
	}
	broken := twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) { return "", io.ErrUnexpectedEOF }})
	if _, err := broken.VerifyHandshake(t.Context(), address, sign(token, address, nil)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without the token: %v, want fault.Unavailable", err)
	}
	if sid, err := c.AccountSID(t.Context()); sid != account || err != nil {
		t.Errorf("account %s, %v; want %s", sid, err, account)
	}
}
