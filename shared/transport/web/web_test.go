package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
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
	return &auth.KeyStore{Now: time.Now, Secrets: s, SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}}
}

var liveKeys = newKeyStore(testkit.EverySecret(`["` + apiKey + `"]`))

// response is what a caller received, from the REST API or a function URL.
type response struct {
	status int
	header map[string]string
	body   string
	err    error // of reading a stream
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
		t.Errorf("not the documented form of an error: %s", a.body)
	}
	return v.Error.Code
}

// wantError checks the status and the code of an error response.
func (a response) wantError(t *testing.T, name string, status int, code string) {
	t.Helper()
	if a.status != status {
		t.Errorf("%s: status %d, want %d: %s", name, a.status, status, a.body)
		return
	}
	if got := a.errorCode(t); got != code {
		t.Errorf("%s: code %q, want %q", name, got, code)
	}
}

// restRequest returns an event of the REST API whose authorizer has accepted the key.
func restRequest(method, path, body string, h map[string][]string) json.RawMessage {
	return mustJSON(map[string]any{"httpMethod": method, "path": path, "resource": path, "multiValueHeaders": h, "body": body,
		"requestContext": map[string]any{"authorizer": map[string]any{"keyId": "k1"}}})
}

// urlRequest returns an event of a function URL.
func urlRequest(method, path, body string, h map[string]string) json.RawMessage {
	return mustJSON(map[string]any{"version": "2.0", "rawPath": path, "headers": h, "body": body,
		"requestContext": map[string]any{"http": map[string]any{"method": method, "path": path}}})
}

func mustJSON(v any) json.RawMessage { b, _ := json.Marshal(v); return b }

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

// forEachEventSource runs a test with events of the REST API and of a function URL, buffered and streamed.
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
			t.Errorf("got %+v, want 201 with the body, the content type and the request id", a)
		}
		for _, path := range []string{"/", "//p", "/p/", "/P", "/p%2f", "/x", "/%70"} {
			invoke(t, f, at("POST", path, `{}`)).wantError(t, path, 404, "unknown_route")
		}
		for _, method := range []string{"GET", "PUT", "OPTIONS", "DELETE"} {
			a := invoke(t, f, at(method, "/p", ``))
			a.wantError(t, method, 405, "method_not_allowed")
			if a.header["Allow"] != "POST" {
				t.Errorf("%s: Allow = %q, want POST", method, a.header["Allow"])
			}
		}
		if a := invoke(t, f, at("POST", "/p", strings.Repeat("1", 1000))); a.status != 201 {
			t.Errorf("a body of the largest size: %+v, want 201", a)
		}
		invoke(t, f, at("POST", "/p", strings.Repeat("1", 1001))).wantError(t, "a body over the limit", 413, "body_too_large")
		invoke(t, f, at("POST", "/p", " \n")).wantError(t, "an empty body", 400, "invalid_json")
	})
}

func TestFunctionURLAuthentication(t *testing.T) {
	called := false
	f := newFunction(true, func(w http.ResponseWriter, r *http.Request) error { called = true; return echo(w, r) })
	for name, h := range map[string]map[string]string{"none": {}, "empty": {"authorization": ""}, "wrong": {"authorization": "Bearer " + strings.Repeat("w", 40)},
		"other header": {"flask-api-key": apiKey}} {
		invoke(t, f, urlRequest("POST", "/p", strings.Repeat("1", 5000), h)).wantError(t, name, 401, "invalid_api_key")
	}
	f.Keys = newKeyStore(&testkit.Secrets{Err: errors.New("arn:aws:secretsmanager:away")})
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)); a.status != 503 || a.header["Retry-After"] != "1" || strings.Contains(a.body, "arn:") {
		t.Errorf("the keys cannot be read: %+v, want 503 with Retry-After 1 and without the cause", a)
	}
	for _, broken := range []string{"null", "{}", apiKey} {
		t.Run("fault 73: a new process with the secret "+broken[:2], func(t *testing.T) {
			f.Keys = newKeyStore(testkit.EverySecret(broken))
			invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)).wantError(t, "the secret is no list", 503, "keys_unavailable")
		})
	}
	f.Keys = nil
	invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)).wantError(t, "a function without a function URL", 401, "invalid_api_key")
	if called {
		t.Error("the handler was called")
	}
}

func TestHeadersHaveALimit(t *testing.T) {
	f := newFunction(true, echo)
	with := func(value string) map[string]string {
		return map[string]string{"authorization": bearerHeader["authorization"], "x-note": value}
	}
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, with(strings.Repeat("x", 16<<10)))); a.status != 201 {
		t.Errorf("16 KB of headers: status %d, want 201", a.status)
	}
	invoke(t, f, urlRequest("POST", "/p", `{}`, with(strings.Repeat("x", 40<<10)))).wantError(t, "40 KB of headers", 413, "headers_too_large")
	many := map[string]string{"authorization": bearerHeader["authorization"]}
	for i := range 4000 {
		many["x-"+strings.Repeat("n", 10)+strconv.Itoa(i)] = ""
	}
	invoke(t, f, urlRequest("POST", "/p", `{}`, many)).wantError(t, "4000 headers", 413, "headers_too_large")
}

func TestRESTRequiresAnAuthorizerResult(t *testing.T) {
	f := newFunction(false, echo)
	direct := mustJSON(map[string]any{"httpMethod": "POST", "path": "/p", "headers": bearerHeader, "body": `{}`})
	invoke(t, f, direct).wantError(t, "no result of an authorizer", 401, "invalid_api_key")
	two := map[string][]string{"Authorization": {"Bearer a", "Bearer b"}}
	invoke(t, f, restRequest("POST", "/p", `{}`, two)).wantError(t, "two keys; API Gateway caches the authorizer's result for the first", 401, "invalid_api_key")
}

func TestFault68Base64(t *testing.T) {
	f := newFunction(false, echo)
	send := func(body string) response {
		return invoke(t, f, mustJSON(map[string]any{"version": "2.0", "rawPath": "/p", "headers": bearerHeader, "body": body, "isBase64Encoded": true,
			"requestContext": map[string]any{"http": map[string]any{"method": "POST"}}}))
	}
	if a := send(base64.StdEncoding.EncodeToString([]byte(`{"a":1}`))); a.status != 201 || a.body != `{"got":"{\"a\":1}"}` {
		t.Errorf("valid base64: %+v, want the decoded body", a)
	}
	send("%%%").wantError(t, "invalid base64", 400, "invalid_body")
	if a := send(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("1", 1000)))); a.status != 201 {
		t.Errorf("a decoded body of the largest size: %+v, want 201", a)
	}
	send(base64.StdEncoding.EncodeToString([]byte(strings.Repeat("1", 1001)))).wantError(t, "a decoded body over the limit", 413, "body_too_large")
}

func TestContentType(t *testing.T) {
	f := newFunction(false, echo)
	for ct, want := range map[string]int{"application/json": 201, "Application/JSON; charset=UTF-8": 201, "": 201, "application/vnd.x+json": 201,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "multipart/form-data; boundary=x": 415, "application/json; charset=utf-16": 415, ";": 415} {
		if a := invoke(t, f, restRequest("POST", "/p", `{}`, map[string][]string{"Content-Type": {ct}})); a.status != want {
			t.Errorf("Content-Type %q: status %d, want %d", ct, a.status, want)
		}
	}
	invoke(t, f, restRequest("POST", "/p", `{}`, map[string][]string{"Content-Encoding": {"gzip"}})).wantError(t, "a compressed body", 415, "unsupported_media_type")
}

func TestErrorStatuses(t *testing.T) {
	for kind, want := range map[fault.Kind]int{fault.Internal: 500, fault.Invalid: 400, fault.Unauthorized: 401, fault.Forbidden: 403, fault.NotFound: 404,
		fault.MethodNotAllowed: 405, fault.Conflict: 409, fault.TooLarge: 413, fault.UnsupportedMediaType: 415, fault.RateLimited: 429, fault.Upstream: 502, fault.Unavailable: 503, fault.Timeout: 504} {
		f := newFunction(false, func(http.ResponseWriter, *http.Request) error {
			return fault.New(kind, "A sentence.").WithParam("field").Because(errors.New("table aurora-prod-assistants"))
		})
		a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader))
		if a.status != want || strings.Contains(a.body, "aurora-prod") || !strings.Contains(a.body, `"param":"field"`) {
			t.Errorf("%v: %+v, want status %d with the parameter and without the cause", kind, a, want)
		}
		_ = a.errorCode(t) // checks the form
		if wantHeader := want == 429 || want == 503; wantHeader != (a.header["Retry-After"] != "") {
			t.Errorf("%v: Retry-After = %q, want one: %v", kind, a.header["Retry-After"], wantHeader)
		}
	}
	f := newFunction(false, func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.RateLimited, "Slow down.").WithRetryAfter(1500 * time.Millisecond)
	})
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)); a.header["Retry-After"] != "2" {
		t.Errorf("Retry-After = %q, want it rounded up", a.header["Retry-After"])
	}
}

// Faults 30 and 31: a panic before the first byte, and one in mid-stream.
func TestFault30And31Panics(t *testing.T) {
	forEachEventSource(t, func(http.ResponseWriter, *http.Request) error { panic("secret detail") }, func(t *testing.T, f *web.Function, at func(m, p, b string) json.RawMessage) {
		for range 2 { // the process goes on
			a := invoke(t, f, at("POST", "/p", `{}`))
			a.wantError(t, "a panic before the first byte", 500, "internal_error")
			if strings.Contains(a.body, "secret detail") {
				t.Errorf("the response shows the panic: %s", a.body)
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
		t.Errorf("a panic in mid-stream: %+v, want 200 with %q", a, want)
	}
}

func TestErrorAfterPartialBodyAbortsTheResponse(t *testing.T) {
	f := newFunction(true, func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.WriteString(w, "half")
		return errors.New("the rest is gone")
	})
	if a := invoke(t, f, urlRequest("POST", "/p", `{}`, bearerHeader)); a.body != "half" || a.err == nil {
		t.Errorf("got %+v, want half a body and an error of reading it", a)
	}
}

func TestNonHTTPEventsAreErrors(t *testing.T) {
	for _, raw := range []string{`{}`, `[]`, `null`, `{"Records":[]}`, `{"version":"2.0","headers":[]}`} {
		if v, err := newFunction(false, echo).Invoke(context.Background(), json.RawMessage(raw)); err == nil {
			t.Errorf("event %s: got %v, want an error", raw, v)
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
		`null`: 400, `[]`: 400, `""`: 400, `0`: 400, `{`: 400, `{}}`: 400, `{}{}`: 400, "\ufeff{}": 200, " \ufeff{}": 400, "\ufeff": 400, `{"n":"x"}`: 400, `{"n":1e400}`: 400, `{'n':1}`: 400,
		`{"n":1,}`: 400, `{"n":01}`: 400, `{"n":NaN}`: 400, "{\"a\":\"\x01\"}": 400, `{"a":"\"[[["}`: 200} {
		a := invoke(t, f, urlRequest("POST", "/p", body, bearerHeader))
		if a.status != want {
			t.Errorf("body %.40q: status %d, want %d (%s)", body, a.status, want, a.body)
		}
		if want == 400 {
			_ = a.errorCode(t) // checks the form
		}
	}
}

// A last segment in braces matches exactly one segment.
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
			t.Errorf("%s: status %d, body %s; want %s", path, got.status, got.body, want)
		}
	}
	invoke(t, f, urlRequest("GET", "/api/reports/weekly", "", bearerHeader)).wantError(t, "another method", 405, "method_not_allowed")
}

// TestNestedPaths has paths with values between literal segments, of which several match one request.
func TestNestedPaths(t *testing.T) {
	route := func(method, path string) web.Route {
		return web.Route{Method: method, Path: path, Handler: func(w http.ResponseWriter, r *http.Request) error {
			return web.WriteJSON(w, http.StatusOK, path+" "+r.PathValue("id")+" "+r.PathValue("n"))
		}}
	}
	f := &web.Function{Policy: auth.BearerPolicy, Keys: liveKeys, MaxBody: 100, Routes: []web.Route{
		route("GET", "/calls/{id}"), route("POST", "/calls/search"), route("GET", "/{id}/versions/latest"), route("GET", "/{id}/versions/{n}"), route("PUT", "/{id}/versions"),
	}}
	for request, want := range map[string]string{
		"GET /calls/c1": `"/calls/{id} c1 "`, "POST /calls/search": `"/calls/search  "`, "GET /calls/search": "method_not_allowed", "POST /calls/c1": "method_not_allowed",
		"GET /a/versions/7": `"/{id}/versions/{n} a 7"`, "GET /a%2Fb/versions/7": `"/{id}/versions/{n} a/b 7"`, "GET /a/versions/latest": `"/{id}/versions/latest a "`,
		"GET /a/versions/": "unknown_route", "GET //versions/7": "unknown_route", "GET /a/versions/7/x": "unknown_route", "GET /a/Versions/7": "unknown_route",
		"GET /a/versions": "method_not_allowed", "PUT /a/versions": `"/{id}/versions a "`,
	} {
		method, path, _ := strings.Cut(request, " ")
		got := invoke(t, f, urlRequest(method, path, "", bearerHeader))
		if got.body != want && (got.status < 400 || got.errorCode(t) != want) {
			t.Errorf("%s: status %d, body %s; want %s", request, got.status, got.body, want)
		}
	}
}
