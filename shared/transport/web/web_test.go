package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/web"
)

const apiKey = "aur_api_0123456789abcdef0123456789abcdef"

func newKeyStore(s *testkit.Secrets) auth.KeySource {
	return &auth.KeyStore{Secrets: s, SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}}
}

var liveKeys = newKeyStore(testkit.EverySecret(`["` + apiKey + `"]`))

// response is what a caller saw, whichever door it used.
type response struct {
	status int
	header map[string]string
	body   string
	err    error // of a stream
}

func (a response) errorCode(t *testing.T) string {
	t.Helper()
	var v struct {
		Status, Message, RequestID string
		Error                      struct{ Message, Type, Code string }
	}
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	if v.Status != "error" || v.Message == "" || v.Message != v.Error.Message || v.Error.Type == "" || v.RequestID != "req-1" {
		t.Errorf("not the contract's shape: %s", a.body)
	}
	return v.Error.Code
}

// restRequest and url are a request at each door.
func restRequest(method, path, body string, h map[string][]string) json.RawMessage {
	return event(map[string]any{"httpMethod": method, "path": path, "resource": path, "multiValueHeaders": h, "body": body,
		"requestContext": map[string]any{"authorizer": map[string]any{"keyId": "k1"}}})
}

func urlRequest(method, path, body string, h map[string]string) json.RawMessage {
	return event(map[string]any{"version": "2.0", "rawPath": path, "headers": h, "body": body,
		"requestContext": map[string]any{"http": map[string]any{"method": method, "path": path}}})
}

func event(v any) json.RawMessage { b, _ := json.Marshal(v); return b }

var bearerHeader = map[string]string{"authorization": "Bearer " + apiKey, "content-type": "application/json"}

func invoke(t *testing.T, f *web.Function, e json.RawMessage) response {
	t.Helper()
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	return invokeWithContext(ctx, t, f, e)
}

func invokeWithContext(ctx context.Context, t *testing.T, f *web.Function, e json.RawMessage) response {
	t.Helper()
	v, err := f.Invoke(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	switch v := v.(type) {
	case events.APIGatewayProxyResponse:
		return response{v.StatusCode, flattenHeader(v.MultiValueHeaders), v.Body, nil}
	case events.APIGatewayV2HTTPResponse:
		return response{v.StatusCode, v.Headers, v.Body, nil}
	case *events.APIGatewayProxyStreamingResponse:
		b, err := io.ReadAll(v.Body)
		return response{v.StatusCode, flattenHeader(v.MultiValueHeaders), string(b), err}
	case *events.LambdaFunctionURLStreamingResponse:
		b, err := io.ReadAll(v.Body)
		return response{v.StatusCode, v.Headers, string(b), err}
	}
	t.Fatalf("answered with %T", v)
	return response{}
}

func flattenHeader(m map[string][]string) map[string]string {
	out := map[string]string{}
	for k, v := range m {
		out[k] = strings.Join(v, ",")
	}
	return out
}

func echo(w http.ResponseWriter, r *http.Request) error {
	b, err := web.ReadBody(r)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, map[string]string{"got": string(b)})
}

func newFunction(stream bool, h web.HandlerFunc) *web.Function {
	return &web.Function{Policy: auth.BearerPolicy, Keys: liveKeys, MaxBody: 1000, Stream: stream,
		Routes: []web.Route{{Method: "POST", Path: "/p", Handler: h}}}
}

// forEachEventSource runs a test at every way in.
func forEachEventSource(t *testing.T, h web.HandlerFunc, run func(t *testing.T, f *web.Function, at func(method, path, body string) json.RawMessage)) {
	jsonType := map[string][]string{"Content-Type": {"application/json"}}
	for _, stream := range []bool{false, true} {
		f := newFunction(stream, h)
		t.Run(fmt.Sprintf("rest stream=%v", stream), func(t *testing.T) {
			run(t, f, func(m, p, b string) json.RawMessage { return restRequest(m, p, b, jsonType) })
		})
		t.Run(fmt.Sprintf("url stream=%v", stream), func(t *testing.T) {
			run(t, f, func(m, p, b string) json.RawMessage { return urlRequest(m, p, b, bearerHeader) })
		})
	}
}

func TestOneHandlerServesEveryEventSource(t *testing.T) {
	forEachEventSource(t, echo, func(t *testing.T, f *web.Function, at func(m, p, b string) json.RawMessage) {
		a := invoke(t, f, at("POST", "/p", `{"a":1}`))
		if a.status != 201 || a.body != `{"got":"{\"a\":1}"}` || a.header["Content-Type"] != "application/json" || a.header["X-Request-Id"] != "req-1" {
			t.Errorf("answer = %+v", a)
		}
		for _, path := range []string{"/", "//p", "/p/", "/P", "/p%2f", "/x", "/%70"} {
			if a := invoke(t, f, at("POST", path, `{}`)); a.status != 404 || a.errorCode(t) != "unknown_route" {
				t.Errorf("%s: %+v", path, a)
			}
		}
		for _, method := range []string{"GET", "PUT", "OPTIONS", "DELETE"} {
			if a := invoke(t, f, at(method, "/p", ``)); a.status != 405 || a.header["Allow"] != "POST" || a.errorCode(t) != "method_not_allowed" {
				t.Errorf("%s: %+v", method, a)
			}
		}
		if a := invoke(t, f, at("POST", "/p", strings.Repeat("1", 1000))); a.status != 201 {
			t.Errorf("a body of the limit: %+v", a)
		}
		if a := invoke(t, f, at("POST", "/p", strings.Repeat("1", 1001))); a.status != 413 || a.errorCode(t) != "body_too_large" {
			t.Errorf("a body over the limit: %+v", a)
		}
		if a := invoke(t, f, at("POST", "/p", " \n")); a.status != 400 {
			t.Errorf("an empty body: %+v", a)
		}
	})
}

func TestFunctionURLAuthentication(t *testing.T) {
	called := false
	f := newFunction(true, func(w http.ResponseWriter, r *http.Request) error { called = true; return echo(w, r) })
	for name, h := range map[string]map[string]string{"none": {}, "empty": {"authorization": ""}, "wrong": {"authorization": "Bearer " + strings.Repeat("w", 40)},
		"other header": {"flask-api-key": apiKey}} {
		a := invoke(t, f, urlRequest("POST", "/p", strings.Repeat("1", 5000), h))
		if a.status != 401 || a.errorCode(t) != "invalid_api_key" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	f.Keys = newKeyStore(&testkit.Secrets{Err: errors.New("arn:aws:secretsmanager:away")})
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)); a.status != 503 || a.header["Retry-After"] != "1" || strings.Contains(a.body, "arn:") {
		t.Errorf("store away: %+v", a)
	}
	f.Keys = nil
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)); a.status != 401 {
		t.Errorf("a function without a URL of its own: %+v", a)
	}
	if called {
		t.Error("the handler was called")
	}
}

func TestRESTRequiresAnAuthorizerResult(t *testing.T) {
	f := newFunction(false, echo)
	direct := event(map[string]any{"httpMethod": "POST", "path": "/p", "headers": bearerHeader, "body": `{}`})
	if a := invoke(t, f, direct); a.status != 401 {
		t.Errorf("without an authorizer: %+v", a)
	}
	two := map[string][]string{"Authorization": {"Bearer a", "Bearer b"}}
	if a := invoke(t, f, restRequest("POST", "/p", `{}`, two)); a.status != 401 {
		t.Errorf("two values behind a cached authorizer: %+v", a)
	}
}

func TestFault68Base64(t *testing.T) {
	f := newFunction(false, echo)
	send := func(body string) response {
		return invoke(t, f, event(map[string]any{"version": "2.0", "rawPath": "/p", "headers": bearerHeader, "body": body, "isBase64Encoded": true,
			"requestContext": map[string]any{"http": map[string]any{"method": "POST"}}}))
	}
	if a := send(base64.StdEncoding.EncodeToString([]byte(`{"a":1}`))); a.status != 201 || a.body != `{"got":"{\"a\":1}"}` {
		t.Errorf("valid: %+v", a)
	}
	if a := send("%%%"); a.status != 400 || a.errorCode(t) != "invalid_body" {
		t.Errorf("invalid: %+v", a)
	}
	if a := send(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("1", 1000)))); a.status != 201 {
		t.Errorf("limit: %+v", a)
	}
	if a := send(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("1", 1001)))); a.status != 413 {
		t.Errorf("over the limit: %+v", a)
	}
}

func TestContentType(t *testing.T) {
	f := newFunction(false, echo)
	for ct, want := range map[string]int{"application/json": 201, "Application/JSON; charset=UTF-8": 201, "": 201, "application/vnd.x+json": 201,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "application/json; charset=utf-16": 415, ";": 415} {
		if a := invoke(t, f, restRequest("POST", "/p", `{}`, map[string][]string{"Content-Type": {ct}})); a.status != want {
			t.Errorf("%q: %d, want %d", ct, a.status, want)
		}
	}
	if a := invoke(t, f, restRequest("POST", "/p", `{}`, map[string][]string{"Content-Encoding": {"gzip"}})); a.status != 415 {
		t.Errorf("gzip: %d", a.status)
	}
}

func TestErrorStatuses(t *testing.T) {
	for kind, want := range map[fault.Kind]int{fault.Internal: 500, fault.Invalid: 400, fault.Unauthorized: 401, fault.Forbidden: 403, fault.NotFound: 404,
		fault.MethodNotAllowed: 405, fault.Conflict: 409, fault.TooLarge: 413, fault.UnsupportedMediaType: 415, fault.RateLimited: 429, fault.Upstream: 502, fault.Unavailable: 503, fault.Timeout: 504} {
		f := newFunction(false, func(http.ResponseWriter, *http.Request) error {
			return fault.New(kind, "A sentence.").WithParam("field").Because(errors.New("table aurora-prod-assistants"))
		})
		a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader))
		if a.status != want || strings.Contains(a.body, "aurora-prod") || !strings.Contains(a.body, `"param":"field"`) {
			t.Errorf("%v: %+v", kind, a)
		}
		_ = a.errorCode(t)
		if needs := want == 429 || want == 503; needs != (a.header["Retry-After"] != "") {
			t.Errorf("%v: Retry-After = %q", kind, a.header["Retry-After"])
		}
	}
	f := newFunction(false, func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.RateLimited, "Slow down.").WithRetryAfter(1500 * time.Millisecond)
	})
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)); a.header["Retry-After"] != "2" {
		t.Errorf("Retry-After = %q, want it rounded up", a.header["Retry-After"])
	}
}

// Rows 30 and 31 of the fault table.
func TestFault30And31Panics(t *testing.T) {
	forEachEventSource(t, func(http.ResponseWriter, *http.Request) error { panic("secret detail") }, func(t *testing.T, f *web.Function, at func(m, p, b string) json.RawMessage) {
		for range 2 { // the process lives
			if a := invoke(t, f, at("POST", "/p", `{}`)); a.status != 500 || a.errorCode(t) != "internal_error" || strings.Contains(a.body, "secret detail") {
				t.Errorf("30 panic before the first byte: %+v", a)
			}
		}
	})
	f := newFunction(true, func(w http.ResponseWriter, r *http.Request) error {
		web.StartSSE(w)
		_ = web.WriteEvent(w, []byte(`{"n":1}`))
		panic("secret detail")
	})
	a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader))
	want := "data: {\"n\":1}\n\ndata: {\"error\":{\"message\":\"Something went wrong on our side.\",\"type\":\"server_error\",\"param\":null,\"code\":\"internal_error\"}}\n\n"
	if a.status != 200 || a.body != want || a.err != nil {
		t.Errorf("31 panic in mid-stream: %+v", a)
	}
}

func TestErrorAfterPartialBodyAbortsTheResponse(t *testing.T) {
	f := newFunction(true, func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.WriteString(w, "half")
		return errors.New("the rest is gone")
	})
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)); a.body != "half" || a.err == nil {
		t.Errorf("answer = %+v, want an error after half of it", a)
	}
}

func TestNonHTTPEventsAreErrors(t *testing.T) {
	for _, raw := range []string{`{}`, `[]`, `null`, `{"Records":[]}`, `{"version":"2.0","headers":[]}`} {
		if v, err := newFunction(false, echo).Invoke(context.Background(), json.RawMessage(raw)); err == nil {
			t.Errorf("%s was answered with %v", raw, v)
		}
	}
}

func TestReadObject(t *testing.T) {
	f := newFunction(false, func(w http.ResponseWriter, r *http.Request) error {
		var v struct {
			N int `json:"n"`
		}
		if err := web.ReadObject(r, &v); err != nil {
			return err
		}
		return web.WriteJSON(w, 200, v)
	})
	f.MaxBody = 1 << 20
	nest := func(n int) string {
		return `{"a":` + strings.Repeat("[", n-1) + strings.Repeat("]", n-1) + `}`
	}
	for body, want := range map[string]int{`{"n":1}`: 200, `{"n":1,"x":"]]]"}`: 200, " {} \n": 200, nest(64): 200, nest(65): 400, nest(10001): 400,
		`null`: 400, `[]`: 400, `""`: 400, `0`: 400, `{`: 400, `{}}`: 400, `{}{}`: 400, "\ufeff{}": 400, `{"n":"x"}`: 400, `{"n":1e400}`: 400, `{'n':1}`: 400,
		`{"n":1,}`: 400, `{"n":01}`: 400, `{"n":NaN}`: 400, "{\"a\":\"\x01\"}": 400, `{"a":"\"[[["}`: 200} {
		a := invoke(t, f, urlRequest("POST", "/p", body, bearerHeader))
		if a.status != want {
			t.Errorf("%.40q: %d, want %d (%s)", body, a.status, want, a.body)
		}
		if want == 400 {
			_ = a.errorCode(t)
		}
	}
}

// A last segment in braces stands for any one segment, and for nothing else.
func TestPathValue(t *testing.T) {
	f := &web.Function{Policy: auth.BearerPolicy, Keys: liveKeys, MaxBody: 100, Routes: []web.Route{
		{Method: "POST", Path: "/api/reports/{period}", Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.WriteJSON(w, http.StatusOK, r.PathValue("period"))
		}},
		{Method: "POST", Path: "/api/exact", Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.WriteJSON(w, http.StatusOK, "exact"+r.PathValue("period"))
		}},
	}}
	for path, want := range map[string]string{
		"/api/reports/weekly": `"weekly"`, "/api/reports/we%20ek": `"we ek"`, "/api/reports/%7Bperiod%7D": `"{period}"`, "/api/exact": `"exact"`,
		"/api/reports/": "unknown_route", "/api/reports": "unknown_route", "/api/reports/weekly/": "unknown_route", "/api/reports/a/b": "unknown_route",
		"/api/reports/a%2Fb": `"a/b"`, "/api/reportsweekly": "unknown_route", "/api/exact/": "unknown_route", "/v1/api/reports/weekly": "unknown_route"} {
		got := invoke(t, f, urlRequest("POST", path, "", bearerHeader))
		if got.body != want && (got.status != 404 || got.errorCode(t) != want) {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	if got := invoke(t, f, urlRequest("GET", "/api/reports/weekly", "", bearerHeader)); got.status != 405 || got.header["Allow"] != "POST" {
		t.Errorf("another method: %d %v", got.status, got.header)
	}
}
