package twilio_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func TestSendSMS(t *testing.T) {
	f, c := newFakeTwilio(t, respond(201, `{"sid":"SM1","status":"queued"}`))
	body := "Straße & <b>50%</b>\n+1"
	if sid, err := c.SendSMS(t.Context(), from, to, body); sid != "SM1" || err != nil {
		t.Errorf("sid %q, %v; want SM1", sid, err)
	}
	want := "POST /2010-04-01/Accounts/" + account + "/Messages.json?" + url.Values{"From": {string(from)}, "To": {string(to)}, "Body": {body}}.Encode()
	if got := f.sentRequests(); !slices.Equal(got, []string{want}) {
		t.Errorf("Twilio got %v, want %s", got, want)
	}
	if f.auth[0] != account+":"+token {
		t.Errorf("the credentials are %s, want those of the account", f.auth[0])
	}
	if _, err := c.SendSMS(t.Context(), from, to, strings.Repeat("ä", 1600)); err != nil {
		t.Errorf("1600 characters: %v", err)
	}
	f.expectRequests(t, 2)
}

func TestSendSMSRejectsInvalidMessages(t *testing.T) {
	f, c := newFakeTwilio(t, respond(201, `{"sid":"SM1"}`))
	for name, m := range map[string]struct {
		from, to aurora.Phone
		body     string
	}{
		"an empty body":   {from, to, ""},
		"1601 characters": {from, to, strings.Repeat("ä", 1601)},
		"no sender":       {"", to, "a"},
		"no recipient":    {from, "", "a"},
	} {
		if _, err := c.SendSMS(t.Context(), m.from, m.to, m.body); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want fault.Invalid", name, err)
		}
	}
	f.expectRequests(t, 0)
}

// A message that Twilio may have accepted is sent once.
func TestSendSMSErrors(t *testing.T) {
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		kind  fault.Kind
		code  string
	}{
		"21211 not a number":             {respondError(400, 21211), fault.Invalid, "twilio_21211"},
		"21610 unsubscribed":             {respondError(400, 21610), fault.Forbidden, "twilio_21610"},
		"21408 country":                  {respondError(403, 21408), fault.Forbidden, "twilio_21408"},
		"21220 the call is over":         {respondError(400, 21220), fault.Conflict, "twilio_21220"},
		"20404 no such call":             {respondError(404, 20404), fault.NotFound, "twilio_20404"},
		"30001 an unknown code":          {respondError(400, 30001), fault.Upstream, "twilio_30001"},
		"20429 busy":                     {respondError(429, 20429), fault.RateLimited, "twilio_20429"},
		"20003 a wrong token":            {respondError(401, 20003), fault.Unavailable, "telephone_auth"},
		"fault 46: 500":                  {respondError(500, 20500), fault.Timeout, "state_unknown"},
		"fault 46: 503 with HTML":        {respond(503, "<html>"), fault.Timeout, "state_unknown"},
		"fault 46: the response is lost": {dropConnection, fault.Timeout, "state_unknown"},
		"fault 48: 201 without a sid":    {respond(201, `{}`), fault.Timeout, "state_unknown"},
		"fault 48: 201 that is not JSON": {respond(201, `<html>`), fault.Timeout, "state_unknown"},
		"a redirect":                     {redirect, fault.Timeout, "state_unknown"},
		"a response of more than 1 MB":   {respond(201, strings.Repeat(" ", 10<<20)+`{"sid":"SM1"}`), fault.Timeout, "state_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			f, client := newFakeTwilio(t, c.serve)
			_, err := client.SendSMS(t.Context(), from, to, "hello-canary")
			expectFault(t, err, c.kind, c.code)
			f.expectRequests(t, 1)
		})
	}
}

func TestFault47SendSMSWithoutConnection(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	client := twilio.New(twilio.Options{BaseURL: closed.URL, Credentials: testCredentials})
	_, err := client.SendSMS(t.Context(), from, to, "hello-canary")
	expectFault(t, err, fault.Unavailable, "telephone_unreachable")
}

// The caller gives up after the request was sent: the message may have been sent too.
func TestSendSMSCanceled(t *testing.T) {
	release, received := make(chan struct{}), make(chan struct{}, 1)
	f, c := newFakeTwilio(t, func(_ http.ResponseWriter, r *http.Request) {
		received <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-received
		cancel()
	}()
	if _, err := c.SendSMS(ctx, from, to, "a"); !fault.Is(err, fault.Timeout) {
		t.Errorf("%v, want fault.Timeout", err)
	}
	f.expectRequests(t, 1)
}

func TestCredentials(t *testing.T) {
	for name, credentials := range map[string]string{
		"no JSON":    token,
		"no token":   `{"accountSid":"` + account + `"}`,
		"no account": `{"authToken":"` + token + `"}`,
		"nothing":    "",
	} {
		f, _ := newFakeTwilio(t, respond(201, `{"sid":"SM1"}`))
		client := twilio.New(twilio.Options{BaseURL: f.URL, Credentials: func(context.Context) (string, error) { return credentials, nil }})
		_, err := client.SendSMS(t.Context(), from, to, "a")
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("credentials with %s: %v, want fault.Unavailable", name, err)
		}
		checkNoSecrets(t, err)
		f.expectRequests(t, 0)
	}
	client := twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) { return "", context.DeadlineExceeded }})
	if _, err := client.SendSMS(t.Context(), from, to, "a"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("credentials that cannot be read: %v, want fault.Unavailable", err)
	}
	client = twilio.New(twilio.Options{BaseURL: "://", Credentials: testCredentials})
	if _, err := client.SendSMS(t.Context(), from, to, "a"); err == nil {
		t.Error("an invalid base URL: no error")
	}
}
