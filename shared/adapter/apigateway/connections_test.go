package apigateway_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/adapter/apigateway"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

func TestSend(t *testing.T) {
	var requests []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests = append(requests, r.Method+" "+r.RequestURI+" "+string(body))
		if !strings.Contains(r.Header.Get("Authorization"), "/us-east-1/execute-api/aws4_request") {
			t.Errorf("Authorization is %q, want a signature for execute-api", r.Header.Get("Authorization"))
		}
	}))
	defer server.Close()
	c := apigateway.New(testkit.AWSConfig("http://127.0.0.1:1", nil), server.URL+"/dev")
	if err := c.Send(t.Context(), "L0SM9cOFvHcCIhw=", []byte(`{"type":"text"}`)); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context(), "L0SM9cOFvHcCIhw="); err != nil {
		t.Fatal(err)
	}
	want := []string{`POST /dev/@connections/L0SM9cOFvHcCIhw%3D {"type":"text"}`, `DELETE /dev/@connections/L0SM9cOFvHcCIhw%3D `}
	for i := range requests { // "@" may be escaped in a path
		requests[i] = strings.Replace(requests[i], "%40", "@", 1)
	}
	if !slices.Equal(requests, want) {
		t.Errorf("the requests are %q, want %q", requests, want)
	}
}

func TestSendFailures(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		code, body string
		kind       fault.Kind
		faultCode  string
	}{
		"the client has gone":       {410, "GoneException", "{}", fault.NotFound, apigateway.CodeGone},
		"too large":                 {413, "PayloadTooLargeException", "{}", fault.TooLarge, ""},
		"not allowed":               {403, "ForbiddenException", `{"message":"Forbidden"}`, fault.Forbidden, apigateway.CodeForbidden},
		"gone, from a proxy":        {410, "", "<html>", fault.NotFound, apigateway.CodeGone},
		"an answer that is unknown": {400, "", "{}", fault.Unavailable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var requests atomic.Int32
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				if c.code != "" {
					w.Header().Set("X-Amzn-ErrorType", c.code)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			err := apigateway.New(testkit.AWSConfig("", nil), server.URL+"/dev").Send(t.Context(), "id", []byte("x"))
			if f := fault.From(err); f.Kind != c.kind || f.Code != c.faultCode || requests.Load() != 1 {
				t.Errorf("%v with code %q after %d requests, want %v with code %q after one", f.Kind, f.Code, requests.Load(), c.kind, c.faultCode)
			}
		})
	}
	t.Run("above the limit", func(t *testing.T) {
		err := apigateway.New(testkit.AWSConfig("", nil), "http://127.0.0.1:1/dev").Send(t.Context(), "id", make([]byte, apigateway.MaxMessage+1))
		if !fault.Is(err, fault.TooLarge) {
			t.Errorf("%v, want TooLarge without a request", err)
		}
	})
	t.Run("closing a connection that has gone", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
		defer server.Close()
		if err := apigateway.New(testkit.AWSConfig("", nil), server.URL+"/dev").Close(t.Context(), "id"); err != nil {
			t.Errorf("%v, want no error", err)
		}
	})
}

// answers is an HTTP transport that gives one answer after the other, the last one again and again.
type answers struct {
	statuses []int // 0 is a broken connection, and -1 no answer
	at       []time.Time
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	status := a.statuses[min(len(a.at), len(a.statuses)-1)]
	a.at = append(a.at, time.Now())
	switch status {
	case 0:
		return nil, errors.New("read: connection reset by peer")
	case -1:
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

func TestFault93Retries(t *testing.T) {
	testkit.DiscardLog(t)
	for name, c := range map[string]struct {
		statuses []int
		delays   []time.Duration
		kind     fault.Kind // Internal: no error
	}{
		"the client's buffer is full for a moment": {[]int{429, 429, 200}, []time.Duration{50 * time.Millisecond, 100 * time.Millisecond}, fault.Internal},
		"the client's buffer stays full":           {[]int{429}, []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}, fault.RateLimited},
		"the gateway fails once":                   {[]int{500, 200}, []time.Duration{50 * time.Millisecond}, fault.Internal},
		"the kept connection is broken":            {[]int{0, 200}, []time.Duration{50 * time.Millisecond}, fault.Internal},
		"the gateway stays away":                   {[]int{503}, []time.Duration{50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond}, fault.Unavailable},
		"the gateway does not answer":              {[]int{-1}, nil, fault.Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{statuses: c.statuses}
				err := apigateway.New(testkit.AWSConfig("", a), "https://example.com/dev").Send(t.Context(), "id", []byte("x"))
				if (err == nil) != (c.kind == fault.Internal) || err != nil && !fault.Is(err, c.kind) {
					t.Errorf("%v, want %v", err, c.kind)
				}
				var delays []time.Duration
				for i := 1; i < len(a.at); i++ {
					delays = append(delays, a.at[i].Sub(a.at[i-1]))
				}
				if !slices.Equal(delays, c.delays) {
					t.Errorf("the delays before the retries are %v, want %v", delays, c.delays)
				}
			})
		})
	}
	t.Run("the sender gives up", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			err := apigateway.New(testkit.AWSConfig("", &answers{statuses: []int{-1}}), "https://example.com/dev").Send(ctx, "id", []byte("x"))
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%v, want the cancelled context", err)
			}
		})
	})
}
