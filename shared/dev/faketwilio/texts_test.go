package faketwilio_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/dev/faketwilio"
)

// textReceiver is our side: it remembers the forms that Twilio posts.
type textReceiver struct {
	*httptest.Server
	mu     sync.Mutex
	forms  []url.Values
	tokens []string
	answer string
}

func newTextReceiver(t *testing.T) *textReceiver {
	t.Helper()
	r := &textReceiver{answer: `<Response></Response>`}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		_ = request.ParseForm() // a form that cannot be read has no fields
		r.mu.Lock()
		defer r.mu.Unlock()
		if want := faketwilio.Sign(token, r.URL+request.URL.Path, request.PostForm); request.Header.Get("X-Twilio-Signature") != want {
			t.Errorf("the signature of %s is wrong", request.URL.Path)
		}
		r.forms, r.tokens = append(r.forms, request.PostForm), append(r.tokens, request.Header.Get("I-Twilio-Idempotency-Token"))
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, r.answer)
	}))
	t.Cleanup(r.Close)
	return r
}

// newTextServer returns a fake whose time does not pass.
func newTextServer(t *testing.T, messageURL string) *faketwilio.Server {
	t.Helper()
	s := faketwilio.New(faketwilio.Options{AccountSID: account, AuthToken: token, MessageURL: messageURL,
		Wait: func(ctx context.Context, _ time.Duration) bool { return ctx.Err() == nil }})
	t.Cleanup(s.Close)
	return s
}

// send sends a text message by the API, and returns the status.
func send(t *testing.T, s *faketwilio.Server, form url.Values) int {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/2010-04-01/Accounts/"+account+"/Messages.json", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(account, token)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

func TestInboundTexts(t *testing.T) {
	us := newTextReceiver(t)
	s := newTextServer(t, us.URL+"/messages")
	const person, own = "+14155550123", "+15551230100"
	message := url.Values{"From": {own}, "To": {person}, "Body": {"Hi"}}
	for _, step := range []struct {
		body  string
		reply string // the beginning of Twilio's own
		sends int    // the status of a message to the person afterwards
	}{
		{"Hello", "", 201}, {"stop by at 5", "", 201}, {"yes", "", 201}, {" Stop ", "You have successfully been unsubscribed", 400}, {"HELP", "", 400},
		{"yes", "You have successfully been re-subscribed", 201}, {"HELP", "Reply STOP", 201}, {"REVOKE", "You have successfully been unsubscribed", 400}, {"START", "You have successfully been re-subscribed", 201},
	} {
		before := len(s.Messages())
		sid, answer := s.ReceiveText(faketwilio.InboundText{From: person, To: own, Body: step.body})
		if sid == "" || answer.Status != http.StatusOK {
			t.Errorf("%q: sid %q, answered %+v", step.body, sid, answer)
		}
		reply := ""
		for _, m := range s.Messages()[before:] {
			if m.Direction == "outbound-reply" {
				reply = m.Body
			}
		}
		if !strings.HasPrefix(reply, step.reply) || (reply == "") != (step.reply == "") {
			t.Errorf("%q: Twilio replies %q, want %q", step.body, reply, step.reply)
		}
		if got := send(t, s, message); got != step.sends {
			t.Errorf("after %q a message is answered %d, want %d", step.body, got, step.sends)
		}
	}
	if _, answer := s.ReceiveText(faketwilio.InboundText{From: "whatsapp:" + person, To: "whatsapp:" + own, Body: "STOP"}); answer.Status != 200 {
		t.Errorf("on WhatsApp: %+v", answer)
	}
	if got := send(t, s, url.Values{"From": {"whatsapp:" + own}, "To": {"whatsapp:" + person}, "Body": {"Hi"}}); got != 201 {
		t.Errorf("a message on WhatsApp after STOP: %d, want 201: Twilio does not act on the word there", got)
	}
}

func TestTextsWithoutConnection(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	s := newTextServer(t, closed.URL)
	if _, answer := s.ReceiveText(faketwilio.InboundText{From: "+14155550123", To: "+15551230100", Body: "Hi"}); answer.Err == nil {
		t.Errorf("answered %+v without a server", answer)
	}
	requests := s.Callbacks()
	if len(requests) != 2 || requests[0].Token == "" || requests[0].Token != requests[1].Token {
		t.Errorf("%d requests with tokens, want two with one token: %+v", len(requests), requests)
	}
}

func TestReportsOfTexts(t *testing.T) {
	for to, want := range map[string]string{
		"+14155550124": "queued sent delivered", "+14155550131": "queued sent undelivered", "+14155550132": "delivered sent queued delivered sent queued",
	} {
		us := newTextReceiver(t)
		s := newTextServer(t, "")
		if got := send(t, s, url.Values{"From": {"+15551230100"}, "To": {to}, "Body": {"Hi"}, "StatusCallback": {us.URL + "/status"}}); got != 201 {
			t.Fatalf("%s: %d", to, got)
		}
		for len(s.Callbacks()) < len(strings.Fields(want)) { // no time passes, so this ends at once
		}
		s.Close()
		var got []string
		for _, form := range us.forms {
			got = append(got, form.Get("MessageStatus"))
		}
		if strings.Join(got, " ") != want || slices.ContainsFunc(us.forms, func(f url.Values) bool {
			return (f.Get("ErrorCode") != "") != (f.Get("MessageStatus") == "undelivered")
		}) {
			t.Errorf("%s: reported %v, want %s", to, us.forms, want)
		}
	}
}

func TestTextPage(t *testing.T) {
	us := newTextReceiver(t)
	us.answer = `<Response><Message>By TwiML &lt;3</Message></Response>`
	s := newTextServer(t, us.URL+"/messages")
	post := func(form url.Values) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/inbound-messages", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	if w := post(url.Values{"From": {"+14155550123"}, "To": {"+15551230100"}, "Body": {"<b>Hi"}, "NumMedia": {"1"}, "Wait": {"1"}}); w.Code != 201 || !strings.Contains(w.Body.String(), `"answers":["By TwiML`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if us.forms[0].Get("NumMedia") != "1" || us.forms[0].Has("Wait") {
		t.Errorf("posted %v", us.forms[0])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/texts", nil))
	if page := w.Body.String(); !strings.Contains(page, "&lt;b&gt;Hi") || !strings.Contains(page, "By TwiML &lt;3") || strings.Contains(page, "<b>Hi") {
		t.Errorf("the page is %s", page)
	}
	if w := post(url.Values{"From": {"+14155550123"}}); w.Code != 400 {
		t.Errorf("without To: %d", w.Code)
	}
}
