package openai

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/fault"
)

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the clock starts at 2000-01-01 00:00:00
		for header, want := range map[string]struct {
			tries      int
			wait       time.Duration
			retryAfter time.Duration
		}{
			"":                              {tries: 3},
			"0":                             {tries: 3, wait: time.Millisecond},
			"1":                             {tries: 3, wait: time.Second, retryAfter: time.Second},
			"5":                             {tries: 3, wait: 5 * time.Second, retryAfter: 5 * time.Second},
			"6":                             {retryAfter: 6 * time.Second},
			"600":                           {retryAfter: 10 * time.Minute},
			"9223372036854775807":           {retryAfter: 24 * time.Hour},
			"99999999999999999999":          {},
			"-1":                            {},
			"1.5":                           {},
			"soon":                          {},
			"Sat, 01 Jan 2000 00:01:00 GMT": {retryAfter: time.Minute},
			"Fri, 31 Dec 1999 23:59:59 GMT": {retryAfter: time.Second},
			"Fri, 31 Dec 9999 23:59:59 GMT": {retryAfter: 24 * time.Hour},
		} {
			f := rateLimitFailure(header, errors.New("cause"))
			if f.tries != want.tries || f.wait != want.wait || f.fault.RetryAfter != want.retryAfter || f.fault.Kind != fault.RateLimited {
				t.Errorf("%q: %d tries, wait %v, Retry-After %v; want %+v", header, f.tries, f.wait, f.fault.RetryAfter, want)
			}
		}
	})
}

// The waits between two tries, and that the time for the first word limits all of them together.
func TestRetryWaits(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		header  []string
		limits  Limits
		tries   int
		atLeast time.Duration
		atMost  time.Duration
	}{
		"Retry-After 2 is waited for":                 {429, []string{"Retry-After", "2"}, Limits{}, 3, 4 * time.Second, 4 * time.Second},
		"waits end with the time for the first word":  {429, []string{"Retry-After", "5"}, Limits{FirstByte: 9 * time.Second}, 2, 5 * time.Second, 5 * time.Second},
		"a wait that takes all the time is not begun": {429, []string{"Retry-After", "5"}, Limits{FirstByte: 5 * time.Second}, 1, 0, 0},
		"500 backs off":                   {500, nil, Limits{}, 3, 300 * time.Millisecond, 900 * time.Millisecond},
		"the backoff is jittered by half": {503, nil, Limits{Backoff: time.Second}, 3, 1500 * time.Millisecond, 4500 * time.Millisecond},
		"400 is not tried again":          {400, nil, Limits{}, 1, 0, 0},
		"a redirect is not followed":      {302, []string{"Location", "http://elsewhere.invalid"}, Limits{}, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeTransport{answer: func(int, *http.Request) *http.Response { return response(c.status, http.NoBody, c.header...) }}
				start := time.Now()
				_, err := collectWithContext(t.Context(), w.newModel(c.limits), helloRequest)
				if took := time.Since(start); err == nil || len(w.at) != c.tries || took < c.atLeast || took > c.atMost {
					t.Errorf("%d tries in %v, error %v; want an error after %d tries in %v to %v", len(w.at), took, err, c.tries, c.atLeast, c.atMost)
				}
				for i := range w.bodies {
					if string(w.bodies[i]) != string(w.bodies[0]) {
						t.Errorf("try %d sent %q, want the same body as the first: %q", i+1, w.bodies[i], w.bodies[0])
					}
				}
			})
		})
	}
}

// The server's own text reaches neither the caller nor the log: it can name an account, and OpenAI repeats a wrong key.
func TestServerMessagesAreNotPassedOn(t *testing.T) {
	const canary = "org-CANARY sk-CANARY"
	bodies := []string{`{"error":{"message":"%[1]s","type":"%[1]s","param":"%[1]s","code":"%[1]s"}}`, `{"error":"%[1]s"}`, `<html>%[1]s`, `%[1]s`,
		`{"error":{"message":"%[1]s","code":429}}`, `{"error":{"code":"insufficient_quota","message":"%[1]s"}}`}
	for _, status := range []int{200, 301, 400, 401, 403, 404, 408, 413, 422, 429, 500, 502, 503, 504, 529} {
		for _, form := range bodies {
			body := fmt.Sprintf(form, canary)
			w := &fakeTransport{answer: func(int, *http.Request) *http.Response {
				return response(status, strings.NewReader(body), "Content-Type", canary, "Retry-After", canary)
			}}
			_, err := collect(w.newModel(Limits{Backoff: time.Nanosecond}), helloRequest)
			f, ok := errors.AsType[*fault.Error](err)
			if !ok {
				t.Fatalf("status %d with %s: %v, want a fault", status, body, err)
			}
			if strings.Contains(f.Message+f.Code+f.Param, "CANARY") {
				t.Errorf("status %d with %s: the caller would see %+v", status, body, f)
			}
			if status != 200 && strings.Contains(err.Error(), "CANARY") {
				t.Errorf("status %d with %s: the log would show %v", status, body, err)
			}
		}
	}
}

func TestStatusMapping(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		kind   fault.Kind
		code   string
		param  string
		tries  int
		metric string
	}{
		{400, `{"error":{"code":"context_length_exceeded","param":"messages"}}`, fault.Invalid, "context_length_exceeded", "messages", 1, ""},
		{400, `{"error":{"param":"messages.[0].content"}}`, fault.Invalid, "upstream_refused", "messages.[0].content", 1, ""},
		{404, `{"error":{"code":"model_not_found"}}`, fault.Invalid, "model_not_found", "", 1, ""},
		{401, `{}`, fault.Unavailable, "upstream_auth", "", 1, "UpstreamAuth"},
		{403, ``, fault.Unavailable, "upstream_auth", "", 1, "UpstreamAuth"},
		{429, `{"error":{"code":"insufficient_quota"}}`, fault.Unavailable, "upstream_quota", "", 1, "UpstreamQuota"},
		{429, `{"error":{"type":"insufficient_quota"}}`, fault.Unavailable, "upstream_quota", "", 1, "UpstreamQuota"},
		{402, `{"error":{"message":"Insufficient Balance","code":"invalid_request_error"}}`, fault.Unavailable, "upstream_quota", "", 1, "UpstreamQuota"},
		{402, `<html>`, fault.Unavailable, "upstream_quota", "", 1, "UpstreamQuota"},
		{403, `{"error":{"type":"billing_error"}}`, fault.Unavailable, "upstream_quota", "", 1, "UpstreamQuota"},
		{400, `{"error":"no tools here"}`, fault.Invalid, "upstream_refused", "", 1, ""},
		{400, `[{"error":{"code":400,"status":"INVALID_ARGUMENT","message":"x"}}]`, fault.Invalid, "upstream_refused", "", 1, ""},
		{422, `{"detail":[{"msg":"x"}]}`, fault.Invalid, "upstream_refused", "", 1, ""},
		{400, `{"object":"error","message":"x","code":"bad_history","param":"messages"}`, fault.Invalid, "bad_history", "messages", 1, ""},
		{429, `[]`, fault.RateLimited, "rate_limit_exceeded", "", 3, ""},
		{408, ``, fault.Timeout, "upstream_timeout", "", 3, ""},
		{500, `null`, fault.Upstream, "upstream_error", "", 3, ""},
		{529, ``, fault.Upstream, "upstream_error", "", 3, ""},
		{204, ``, fault.Upstream, "upstream_error", "", 1, ""},
	} {
		t.Run(fmt.Sprint(c.status, c.code), func(t *testing.T) {
			w := &fakeTransport{answer: func(int, *http.Request) *http.Response { return response(c.status, strings.NewReader(c.body)) }}
			metric := ""
			m := New(Options{BaseURL: "http://model.invalid", Transport: w, Limits: Limits{Backoff: time.Nanosecond},
				Key: func(context.Context) (string, error) { return "", nil }, Count: func(_ context.Context, name string) { metric = name }})
			_, err := collect(m, helloRequest)
			f := fault.From(err)
			if f.Kind != c.kind || f.Code != c.code || f.Param != c.param || len(w.at) != c.tries || metric != c.metric {
				t.Errorf("got %v, code %q, param %q after %d tries, counted %q; want %v, %q, %q, %d, %q", f.Kind, f.Code, f.Param, len(w.at), metric,
					c.kind, c.code, c.param, c.tries, c.metric)
			}
		})
	}
}
