package twilio_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	account = "AC0123456789abcdef0123456789abcdef"
	token   = "0123456789abcdef0123456789abcdef"
	callSID = "CA00000000000000000000000000000001"

	from aurora.Phone = "+15551230100"
	to   aurora.Phone = "+14155550100"
)

// fakeTwilio is a server that answers every request in one way, and remembers the requests.
type fakeTwilio struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // method, path, "?" and the form
	auth     []string // user and password of each request
}

// newFakeTwilio starts a server, and returns it with a client.
func newFakeTwilio(t *testing.T, serve http.HandlerFunc) (*fakeTwilio, *twilio.Client) {
	t.Helper()
	f := &fakeTwilio{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		user, password, _ := r.BasicAuth()
		f.mu.Lock()
		f.requests = append(f.requests, r.Method+" "+r.URL.Path+"?"+r.PostForm.Encode())
		f.auth = append(f.auth, user+":"+password)
		f.mu.Unlock()
		serve(w, r)
	}))
	t.Cleanup(f.Close)
	return f, twilio.New(twilio.Options{BaseURL: f.URL + "/", Credentials: testCredentials})
}

// sentRequests returns the requests so far.
func (f *fakeTwilio) sentRequests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// expectRequests fails the test unless the server got this many requests.
func (f *fakeTwilio) expectRequests(t *testing.T, want int) {
	t.Helper()
	if got := f.sentRequests(); len(got) != want {
		t.Errorf("Twilio got %d requests, want %d: %v", len(got), want, got)
	}
}

func (f *fakeTwilio) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = nil
}

func testCredentials(context.Context) (string, error) {
	return `{"accountSid":"` + account + `","authToken":"` + token + `"}`, nil
}

func respond(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// respondError answers with an error of Twilio's. Its text holds private data, as Twilio's texts do.
func respondError(status, code int) http.HandlerFunc {
	return respond(status, fmt.Sprintf(`{"code":%d,"message":"To %s of account %s","more_info":"x","status":%d,"details":{"to":"%s"}}`, code, to, account, status, to))
}

// dropConnection ends the connection without a response.
func dropConnection(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

func redirect(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
}

// expectFault checks an error's kind and code, and that it holds no private data.
func expectFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if f := fault.From(err); err == nil || f.Kind != kind || f.Code != code {
		t.Errorf("%v, want kind %s and code %q", err, kind, code)
	}
	checkNoSecrets(t, err)
}

// checkNoSecrets looks for private data in an error: in its text, in the sentence for callers, and in a log line.
func checkNoSecrets(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "error", err)
	for _, text := range []string{err.Error(), fault.From(err).Message, log.String()} {
		for _, secret := range []string{account, token, string(to), string(from), "hello-canary", "127.0.0.1"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %q", secret, text)
			}
		}
	}
}
