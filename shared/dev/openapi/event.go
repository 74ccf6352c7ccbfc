package openapi

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"strings"
	"testing"

	"example.com/aurora/shared/transport/web"
)

// CheckEvent is Check for a request in an event of API Gateway or of a function URL.
func CheckEvent(t testing.TB, event json.RawMessage, status int, header http.Header, answer []byte) {
	t.Helper()
	var e struct {
		HTTPMethod, Path, RawPath string
		Headers                   map[string]string
		Body                      string
		IsBase64Encoded           bool
		RequestContext            struct{ HTTP struct{ Method string } }
	}
	if err := json.Unmarshal(event, &e); err != nil {
		t.Fatal(err)
	}
	body := []byte(e.Body)
	if e.IsBase64Encoded {
		body, _ = base64.StdEncoding.DecodeString(e.Body) // what cannot be decoded was refused
	}
	body = web.TrimBOM(body)
	r, err := http.NewRequest(e.HTTPMethod+e.RequestContext.HTTP.Method, "https://aurora.example.com"+e.Path+e.RawPath, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range e.Headers {
		r.Header.Set(k, v)
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && strings.HasSuffix(kind, "+json") {
		r.Header.Set("Content-Type", "application/json") // the functions accept every type with this suffix, which OpenAPI cannot say
	}
	if len(body) > 0 && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/json") // what the functions take an unnamed body for
	}
	Check(t, r, body, status, header, answer)
}
