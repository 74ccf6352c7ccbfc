package web_test

import (
	"net/http"
	"strings"
	"testing"

	"example.com/aurora/shared/transport/web"
)

func TestReadStrictObject(t *testing.T) {
	f := newFunction(false, func(w http.ResponseWriter, r *http.Request) error {
		var v map[string]any
		if err := web.ReadStrictObject(r, &v); err != nil {
			return err
		}
		return web.WriteJSON(w, 200, v)
	})
	for body, want := range map[string]string{
		`{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}],"d":"a"}`: "",
		`{"a":"b","c":"b"}`:                      "",
		`{"a":1,"a":1}`:                          "duplicate_key",
		`{"a":1,"A":2}`:                          "duplicate_key",
		`{"phoneNumber":1,"PHONENUMBER":2}`:      "duplicate_key",
		`{"pho\u006eeNumber":1,"phoneNumber":2}`: "duplicate_key",
		`{"link":1,"lin\u212a":2}`:               "duplicate_key", // the Kelvin sign
		`{"x":[{"a":1,"a":1}]}`:                  "duplicate_key",
		`{"a":1}{"a":1}`:                         "invalid_json",
		`{"a":1`:                                 "invalid_json",
		`[]`:                                     "invalid_json",
		`{"a":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`: "invalid_json",
	} {
		a := invoke(t, f, urlRequest("POST", "/p", body, bearerHeader))
		if want == "" && a.status != 200 {
			t.Errorf("%s: %+v, want 200", body, a)
		}
		if want != "" {
			a.wantError(t, body[:min(len(body), 60)], 400, want)
		}
	}
}
