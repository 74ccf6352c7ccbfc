package twilioapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"example.com/aurora/shared/core/fault"
)

// fakeVerifier has one answer, and remembers the address.
type fakeVerifier struct {
	err     error
	address string
	form    url.Values
}

func (f *fakeVerifier) VerifySignature(_ context.Context, address string, form url.Values, _ string) error {
	f.address, f.form = address, form
	return f.err
}

func newForm(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/twilio/voice?a=1&b=%2F", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	return r
}

func TestReadForm(t *testing.T) {
	v := &fakeVerifier{}
	form, err := ReadForm(newForm("CallSid=CA1&From=%2B1"), v, "https://aurora.example.com/v1/")
	if err != nil || form.Get("From") != "+1" {
		t.Errorf("%v, %v", form, err)
	}
	if want := "https://aurora.example.com/v1/twilio/voice?a=1&b=%2F"; v.address != want {
		t.Errorf("verified for %s, want %s", v.address, want)
	}
	if _, err := ReadForm(newForm("a=%zz"), v, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("a body that is no form: %v", err)
	}
}

func TestReadClearForm(t *testing.T) {
	unsigned := &fakeVerifier{err: fault.New(fault.Unauthorized, "Not signed.").WithCode("invalid_signature")}
	withType := func(r *http.Request, media string) *http.Request {
		r.Header.Set("Content-Type", media)
		return r
	}
	for name, c := range map[string]struct {
		r    *http.Request
		kind fault.Kind
	}{
		"not signed":      {newForm("CallSid=CA1"), fault.Unauthorized},
		"JSON":            {withType(newForm(`{"CallSid":"CA1"}`), "application/json"), fault.UnsupportedMediaType},
		"no content type": {withType(newForm("CallSid=CA1"), ""), fault.UnsupportedMediaType},
		"a field twice":   {newForm("CallSid=CA1&To=a&To=b"), fault.Invalid},
		"nothing":         {newForm(""), fault.Unauthorized},
	} {
		if _, err := ReadClearForm(c.r, unsigned, ""); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v, want kind %v", name, err, c.kind)
		}
	}
	down := &fakeVerifier{err: fault.New(fault.Unavailable, "No token.")}
	if _, err := ReadClearForm(newForm("CallSid=CA1"), down, ""); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without the token: %v", err)
	}
}
