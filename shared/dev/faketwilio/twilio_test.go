package faketwilio_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"example.com/aurora/shared/dev/faketwilio"
)

const (
	account = "AC00000000000000000000000000000001"
	token   = "0123456789abcdef0123456789abcdef"
	sid     = "CA00000000000000000000000000000001"
)

func serve(t *testing.T) (*faketwilio.Server, string) {
	s := faketwilio.New(faketwilio.Options{AccountSID: account, AuthToken: token, Now: func() time.Time { return time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC) }})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(s.Close)
	return s, server.URL
}

// redirectTransport sends requests of Twilio's library to the fake.
type redirectTransport string

func (e redirectTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	u, err := url.Parse(string(e))
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host = u.Scheme, u.Host
	return (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
}

func newClient(at, password string) *api.ApiService {
	c := &client.Client{Credentials: client.NewCredentials(account, password), HTTPClient: &http.Client{Transport: redirectTransport(at)}}
	c.SetAccountSid(account)
	return api.NewApiServiceWithClient(c)
}

func TestMessages(t *testing.T) {
	s, at := serve(t)
	c := newClient(at, token)
	made, err := c.CreateMessage((&api.CreateMessageParams{}).SetFrom("+15551230101").SetTo("+14155550123").SetBody("Nine to five, <b>Monday</b> to Friday."))
	if err != nil || !strings.HasPrefix(*made.Sid, "SM") || len(*made.Sid) != 34 || *made.Status != "queued" || *made.NumSegments != "1" {
		t.Fatalf("sent %+v, error %v; want a queued message with a sid and one segment", made, err)
	}
	if got := s.Messages(); len(got) != 1 || got[0].To != "+14155550123" || got[0].From != "+15551230101" || got[0].SID != *made.Sid {
		t.Errorf("messages %+v; want the one that was sent", got)
	}
	listed, err := c.ListMessage((&api.ListMessageParams{}).SetTo("+14155550123"))
	if err != nil || len(listed) != 1 || *listed[0].Body != "Nine to five, <b>Monday</b> to Friday." || *listed[0].Status != "delivered" {
		t.Errorf("listed %+v, error %v; want one delivered message", listed, err)
	}
	if none, err := c.ListMessage((&api.ListMessageParams{}).SetTo("+14155550199")); err != nil || len(none) != 0 {
		t.Errorf("messages to another number: %+v, error %v; want none", none, err)
	}
	one, err := c.FetchMessage(*made.Sid, nil)
	if err != nil || *one.To != "+14155550123" {
		t.Errorf("fetched %+v, error %v; want the message", one, err)
	}
	response, err := http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if page, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(page), "&lt;b&gt;Monday") || strings.Contains(string(page), "<b>") {
		t.Errorf("page %s, error %v; want the text escaped", page, err)
	}
}

func TestSegments(t *testing.T) {
	_, at := serve(t)
	for body, want := range map[string]string{
		strings.Repeat("a", 160): "1", strings.Repeat("a", 161): "2", strings.Repeat("a", 306): "2", strings.Repeat("a", 307): "3",
		strings.Repeat("€", 80): "1", strings.Repeat("€", 81): "2",
		strings.Repeat("ł", 70): "1", strings.Repeat("ł", 71): "2", strings.Repeat("😀", 35): "1", strings.Repeat("😀", 36): "2",
	} {
		made, err := newClient(at, token).CreateMessage((&api.CreateMessageParams{}).SetFrom("+15551230101").SetTo("+14155550123").SetBody(body))
		if err != nil || *made.NumSegments != want {
			t.Errorf("%d characters of %q: %+v, error %v; want %s segments", len([]rune(body)), []rune(body)[0], made, err, want)
		}
	}
}

func TestMessageErrors(t *testing.T) {
	s, at := serve(t)
	messages := "/2010-04-01/Accounts/" + account + "/Messages.json"
	call := "/2010-04-01/Accounts/" + account + "/Calls/" + sid + ".json"
	form := func(pairs ...string) url.Values {
		v := url.Values{"From": {"+15551230101"}, "To": {"+14155550123"}, "Body": {"Hi"}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for name, c := range map[string]struct {
		path, user, password string
		form                 url.Values
		status, code         int
	}{
		"no key":                {messages, "", "", form(), 401, 20003},
		"wrong token":           {messages, account, token + "0", form(), 401, 20003},
		"wrong account":         {messages, "AC00000000000000000000000000000002", token, form(), 401, 20003},
		"another's messages":    {strings.Replace(messages, "0001", "0002", 1), account, token, form(), 404, 20404},
		"no account in path":    {"/2010-04-01/Accounts//Messages.json", account, token, form(), 404, 20404},
		"elsewhere":             {"/2010-04-01/Accounts/" + account + "/Faxes.json", account, token, form(), 404, 20404},
		"no recipient":          {messages, account, token, form("To", ""), 400, 21604},
		"no sender":             {messages, account, token, form("From", ""), 400, 21603},
		"no text":               {messages, account, token, form("Body", ""), 400, 21602},
		"too long":              {messages, account, token, form("Body", strings.Repeat("x", 1601)), 400, 21617},
		"no number":             {messages, account, token, form("To", "Dana"), 400, 21211},
		"invalid":               {messages, account, token, form("To", "+15005550001"), 400, 21211},
		"unreachable":           {messages, account, token, form("To", "+15005550002"), 400, 21612},
		"country":               {messages, account, token, form("To", "+15005550003"), 400, 21408},
		"unsubscribed":          {messages, account, token, form("To", "+15005550004"), 400, 21610},
		"landline":              {messages, account, token, form("To", "+15005550009"), 400, 21614},
		"sender invalid":        {messages, account, token, form("From", "+15005550001"), 400, 21212},
		"sender another's":      {messages, account, token, form("From", "+15005550007"), 400, 21606},
		"sender busy":           {messages, account, token, form("From", "+15005550008"), 429, 21611},
		"to itself":             {messages, account, token, form("From", "+14155550123"), 400, 21266},
		"call of a bad sid":     {strings.Replace(call, sid, "CA1", 1), account, token, url.Values{"Status": {"completed"}}, 404, 20404},
		"call, nothing to do":   {call, account, token, url.Values{}, 400, 21205},
		"call, unknown status":  {call, account, token, url.Values{"Status": {"paused"}}, 400, 20001},
		"call, no TwiML":        {call, account, token, url.Values{"Twiml": {"<Say>Hi</Say>"}}, 400, 12100},
		"call, broken TwiML":    {call, account, token, url.Values{"Twiml": {"<Response><Say>"}}, 400, 12100},
		"call, too much TwiML":  {call, account, token, url.Values{"Twiml": {"<Response>" + strings.Repeat(" ", 4000) + "</Response>"}}, 400, 20001},
		"call, without the key": {call, account, "", url.Values{"Status": {"completed"}}, 401, 20003},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, at+c.path, strings.NewReader(c.form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(c.user, c.password)
			response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			var body struct {
				Code, Status int
				Message      string
			}
			raw, err := io.ReadAll(response.Body)
			if err == nil {
				err = json.Unmarshal(raw, &body)
			}
			if err != nil || response.StatusCode != c.status || body.Status != c.status || body.Code != c.code || !strings.Contains(string(raw), fmt.Sprintf("errors/%d", c.code)) {
				t.Errorf("%s %s, error %v; want status %d and code %d", response.Status, raw, err, c.status, c.code)
			}
		})
	}
	if len(s.Messages())+len(s.Updates()) != 0 {
		t.Errorf("rejected requests were stored: %+v %+v", s.Messages(), s.Updates())
	}
}

func TestUnknownCalls(t *testing.T) {
	s, at := serve(t)
	c := newClient(at, token)
	transfer := "<?xml version=\"1.0\"?><Response><Dial><Number>+15551230911</Number></Dial></Response>"
	if call, err := c.UpdateCall(sid, (&api.UpdateCallParams{}).SetTwiml(transfer)); err != nil || *call.Status != "in-progress" {
		t.Errorf("after new TwiML the call is %+v, error %v; want in-progress", call, err)
	}
	if call, err := c.UpdateCall(sid, (&api.UpdateCallParams{}).SetStatus("completed")); err != nil || *call.Status != "completed" {
		t.Errorf("after the end the call is %+v, error %v; want completed", call, err)
	}
	if _, err := c.UpdateCall(sid, (&api.UpdateCallParams{}).SetTwiml(transfer)); err == nil || !strings.Contains(err.Error(), "21220") {
		t.Errorf("changing an ended call: error %v, want 21220", err)
	}
	if got := s.Updates(); len(got) != 2 || got[0].Twiml != transfer || got[1].Status != "completed" || got[1].SID != sid {
		t.Errorf("updates %+v; want the TwiML and the end", got)
	}
	if call, err := c.FetchCall(sid, nil); err != nil || *call.Status != "completed" {
		t.Errorf("the call is %+v, error %v; want completed", call, err)
	}
}
