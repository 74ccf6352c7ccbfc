package twilio_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	call    = "CA00000000000000000000000000000001"

	from aurora.Phone = "+15551230100"
	to   aurora.Phone = "+14155550100"
)

// fakeTwilio is Twilio as far as a request goes. It counts.
type fakeTwilio struct {
	*httptest.Server
	mu       sync.Mutex
	requests []string // path and form
	auth     []string
}

func newFakeTwilio(t *testing.T, serve http.HandlerFunc) (*fakeTwilio, *twilio.Client) {
	t.Helper()
	d := &fakeTwilio{}
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		user, password, _ := r.BasicAuth()
		d.mu.Lock()
		d.requests = append(d.requests, r.Method+" "+r.URL.Path+"?"+r.PostForm.Encode())
		d.auth = append(d.auth, user+":"+password)
		d.mu.Unlock()
		serve(w, r)
	}))
	t.Cleanup(d.Close)
	return d, twilio.New(twilio.Options{BaseURL: d.URL + "/", Credentials: testCredentials})
}

// sentRequests is what was posted so far.
func (d *fakeTwilio) sentRequests() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.requests)
}

func (d *fakeTwilio) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = nil
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

func TestSendSMS(t *testing.T) {
	d, c := newFakeTwilio(t, respond(201, `{"sid":"SM1","status":"queued"}`))
	body := "Straße & <b>50%</b>\n+1"
	sid, err := c.SendSMS(t.Context(), from, to, body)
	if sid != "SM1" || err != nil {
		t.Errorf("%q %v", sid, err)
	}
	want := "POST /2010-04-01/Accounts/" + account + "/Messages.json?" + url.Values{"From": {string(from)}, "To": {string(to)}, "Body": {body}}.Encode()
	if len(d.sentRequests()) != 1 || d.sentRequests()[0] != want || d.auth[0] != account+":"+token {
		t.Errorf("%v", d.sentRequests())
	}
	for name, bad := range map[string][3]string{"empty": {string(from), string(to), ""}, "long": {string(from), string(to), strings.Repeat("ä", 1601)}, "no sender": {"", string(to), "a"}, "no receiver": {string(from), "", "a"}} {
		if _, err := c.SendSMS(t.Context(), aurora.Phone(bad[0]), aurora.Phone(bad[1]), bad[2]); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := c.SendSMS(t.Context(), from, to, strings.Repeat("ä", 1600)); err != nil || len(d.sentRequests()) != 2 {
		t.Errorf("%v, %d posts", err, len(d.sentRequests()))
	}
}

// Rows 44 to 48 as far as messages and live calls go: what Twilio may have taken is asked once.
func TestSendSMSErrors(t *testing.T) {
	says := func(status, code int) http.HandlerFunc {
		return respond(status, fmt.Sprintf(`{"code":%d,"message":"To %s of account %s","more_info":"x","status":%d,"details":{"to":"%s"}}`, code, to, account, status, to))
	}
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		kind  fault.Kind
		code  string
	}{
		"21211 no number":     {says(400, 21211), fault.Invalid, "twilio_21211"},
		"21610 unsubscribed":  {says(400, 21610), fault.Forbidden, "twilio_21610"},
		"21408 country":       {says(403, 21408), fault.Forbidden, "twilio_21408"},
		"21220 call is over":  {says(400, 21220), fault.Conflict, "twilio_21220"},
		"20404 no such call":  {says(404, 20404), fault.NotFound, "twilio_20404"},
		"30001 another":       {says(400, 30001), fault.Upstream, "twilio_30001"},
		"20429 busy":          {says(429, 20429), fault.RateLimited, "twilio_20429"},
		"20003 a wrong token": {says(401, 20003), fault.Unavailable, "telephone_auth"},
		"46: 500":             {says(500, 20500), fault.Timeout, "state_unknown"},
		"46: 503 with HTML":   {respond(503, "<html>"), fault.Timeout, "state_unknown"},
		"46: the answer lost": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Timeout, "state_unknown"},
		"48: 201 without sid": {respond(201, `{}`), fault.Timeout, "state_unknown"},
		"201 that is no JSON": {respond(201, `<html>`), fault.Timeout, "state_unknown"},
		"a redirect elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, fault.Timeout, "state_unknown"},
		"10 MB": {respond(201, strings.Repeat(" ", 10<<20)+`{"sid":"SM1"}`), fault.Timeout, "state_unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			d, client := newFakeTwilio(t, c.serve)
			_, err := client.SendSMS(t.Context(), from, to, "hello-canary")
			f := fault.From(err)
			if err == nil || f.Kind != c.kind || f.Code != c.code || len(d.sentRequests()) != 1 {
				t.Errorf("%v %q, %d posts", err, f.Code, len(d.sentRequests()))
			}
			checkNoSecrets(t, err)
		})
	}
	closed := httptest.NewServer(nil)
	closed.Close()
	client := twilio.New(twilio.Options{BaseURL: closed.URL, Credentials: testCredentials})
	_, err := client.SendSMS(t.Context(), from, to, "hello-canary")
	if !fault.Is(err, fault.Unavailable) || fault.From(err).Code != "telephone_unreachable" {
		t.Errorf("47: %v", err)
	}
	checkNoSecrets(t, err)
}

func TestSendSMSCanceled(t *testing.T) {
	release, asked := make(chan struct{}), make(chan struct{}, 1)
	d, c := newFakeTwilio(t, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-release:
		}
	})
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := c.SendSMS(ctx, from, to, "a")
	if !fault.Is(err, fault.Timeout) || len(d.sentRequests()) != 1 {
		t.Errorf("%v, %d posts", err, len(d.sentRequests()))
	}
}

// checkNoSecrets looks for what no error may hold, in both of its voices and in a log.
func checkNoSecrets(t *testing.T, err error) {
	t.Helper()
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

func TestCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		err  error
	}{"none": {"", errors.New("no value")}, "no JSON": {token, nil}, "no token": {`{"accountSid":"` + account + `"}`, nil}, "no account": {`{"authToken":"` + token + `"}`, nil}} {
		d, _ := newFakeTwilio(t, respond(201, `{"sid":"SM1"}`))
		client := twilio.New(twilio.Options{BaseURL: d.URL, Credentials: func(context.Context) (string, error) { return c.text, c.err }})
		_, err := client.SendSMS(t.Context(), from, to, "a")
		if !fault.Is(err, fault.Unavailable) || len(d.sentRequests()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
		checkNoSecrets(t, err)
	}
	client := twilio.New(twilio.Options{BaseURL: "://", Credentials: testCredentials})
	if _, err := client.SendSMS(t.Context(), from, to, "a"); err == nil {
		t.Error("a base URL that is none was used")
	}
}

func TestTransferAndHangup(t *testing.T) {
	d, c := newFakeTwilio(t, respond(200, `{"sid":"`+call+`"}`))
	path := "POST /2010-04-01/Accounts/" + account + "/Calls/" + call + ".json?"
	document := func(inner string) string {
		return path + url.Values{"Twiml": {`<?xml version="1.0" encoding="UTF-8"?><Response>` + inner + `</Response>`}}.Encode()
	}
	for name, step := range map[string]struct {
		do   func() error
		want string
	}{
		"a number": {func() error { return c.Transfer(t.Context(), call, aurora.Destination{Number: "+1 (415) 555-0100"}) },
			document(`<Dial answerOnBridge="true"><Number>+14155550100</Number></Dial>`)},
		"F1: text is text": {func() error {
			return c.Transfer(t.Context(), call, aurora.Destination{Number: string(to), Message: ` Hi </Say><Hangup/> & "bye" `})
		}, document(`<Say>Hi &lt;/Say&gt;&lt;Hangup/&gt; &amp; &quot;bye&quot;</Say><Dial answerOnBridge="true"><Number>+14155550100</Number></Dial>`)},
		"SIP": {func() error { return c.Transfer(t.Context(), call, aurora.Destination{SIPURI: "sip:desk@example.com"}) },
			document(`<Dial answerOnBridge="true"><Sip>sip:desk@example.com</Sip></Dial>`)},
		"hangup": {func() error { return c.Hangup(t.Context(), call) }, path + "Status=completed"},
	} {
		d.reset()
		if err := step.do(); err != nil || len(d.sentRequests()) != 1 || d.sentRequests()[0] != step.want {
			t.Errorf("%s: %v\n got %v\nwant %s", name, err, d.sentRequests(), step.want)
		}
	}
	d.reset()
	if err := c.Transfer(t.Context(), call, aurora.Destination{Number: string(to), Extension: "42"}); err != nil || !strings.Contains(d.sentRequests()[0], url.QueryEscape(`sendDigits="wwww42"`)) {
		t.Errorf("%v %v", err, d.sentRequests())
	}
	form, _ := url.ParseQuery(strings.TrimPrefix(d.sentRequests()[0], path))
	if err := xml.Unmarshal([]byte(form.Get("Twiml")), new(struct{ XMLName xml.Name })); err != nil {
		t.Error(err)
	}
	d.reset()
	for _, bad := range []aurora.Destination{{}, {Number: "5550100"}, {Number: "+1415", SIPURI: "sip:a@example.com"}, {SIPURI: "sip:a b@example.com"}, {SIPURI: "http://example.com"},
		{SIPURI: "client:bob"}, {Number: string(to), Message: strings.Repeat("m", 4000)}} {
		if err := c.Transfer(t.Context(), call, bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	for _, bad := range []string{"", "CA1", "../" + call, call + "/x", "SM00000000000000000000000000000001", call + "\n"} {
		if err := c.Hangup(t.Context(), bad); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if len(d.sentRequests()) != 0 {
		t.Errorf("sent %v", d.sentRequests())
	}
}
