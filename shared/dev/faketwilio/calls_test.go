package faketwilio_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"
	"go.uber.org/goleak"

	"example.com/aurora/shared/dev/faketwilio"
)

const connect = `<?xml version="1.0" encoding="UTF-8"?><Response><Connect><Stream url="wss://voice.example.com/stream"/></Connect></Response>`

// fixture is an account with a fake clock, and a server that receives its callbacks.
type fixture struct {
	*faketwilio.Server
	apiURL      string // the API
	callbackURL string // the address of callbacks
	mu          sync.Mutex
	got         []receivedCallback
	end         chan string // sids of ended calls
}

type receivedCallback struct {
	address   string
	signature string
	body      []byte
	form      url.Values
}

// clock advances by the durations that were waited for.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) wait(ctx context.Context, d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err() == nil
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func newFixture(t *testing.T) *fixture {
	c := &clock{now: time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)}
	n := &fixture{end: make(chan string, 16), Server: faketwilio.New(faketwilio.Options{AccountSID: account, AuthToken: token, Now: c.time, Wait: c.wait})}
	us := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		n.mu.Lock()
		n.got = append(n.got, receivedCallback{"http://" + r.Host + r.URL.RequestURI(), r.Header.Get("X-Twilio-Signature"), body, form})
		n.mu.Unlock()
		w.WriteHeader(http.StatusNoContent)
		if form.Get("SequenceNumber") != "" && form.Get("CallDuration") != "" {
			n.end <- form.Get("CallSid")
		}
	}))
	server := httptest.NewServer(n.Server)
	n.apiURL, n.callbackURL = server.URL, us.URL+"/api/outbound-call-status?record=rec-1"
	t.Cleanup(us.Close)
	t.Cleanup(server.Close)
	t.Cleanup(n.Server.Close)
	return n
}

func (n *fixture) params(to string) *api.CreateCallParams {
	return (&api.CreateCallParams{}).SetFrom("+15551230100").SetTo(to).SetTwiml(connect).SetTimeout(30).SetTimeLimit(1800).
		SetMachineDetection("Enable").SetAsyncAmd("true").SetAsyncAmdStatusCallback(n.callbackURL).SetAsyncAmdStatusCallbackMethod("POST").
		SetStatusCallback(n.callbackURL).SetStatusCallbackMethod("POST").SetStatusCallbackEvent([]string{"initiated", "ringing", "answered", "completed"})
}

// statuses returns the callbacks so far, each as its CallStatus or AnsweredBy.
func (n *fixture) statuses() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []string
	for _, g := range n.got {
		all = append(all, g.form.Get("CallStatus")+g.form.Get("AnsweredBy"))
	}
	return all
}

func TestCallScenarios(t *testing.T) {
	for to, want := range map[string]struct {
		callbacks string
		status    string
		by        string
		talked    string
	}{
		"+14155550199": {"initiated ringing in-progress human completed", "completed", "human", "1"},
		"+14155550101": {"initiated ringing busy", "busy", "", "0"},
		"+14155550102": {"initiated ringing no-answer", "no-answer", "", "0"},
		"+14155550103": {"initiated failed", "failed", "", "0"},
		"+14155550104": {"initiated ringing in-progress machine_start completed", "completed", "machine_start", "1"},
		"+14155550106": {"completed completed human human in-progress in-progress ringing ringing initiated initiated", "completed", "human", "1"},
	} {
		t.Run(to, func(t *testing.T) {
			n := newFixture(t)
			made, err := newClient(n.apiURL, token).CreateCall(n.params(to))
			if err != nil || *made.Status != "queued" || len(*made.Sid) != 34 || !strings.HasPrefix(*made.Sid, "CA") || *made.Direction != "outbound-api" {
				t.Fatalf("created %+v, error %v; want a queued call with a sid", made, err)
			}
			if sid := <-n.end; sid != *made.Sid {
				t.Errorf("call %s ended, want %s", sid, *made.Sid)
			}
			for len(n.statuses()) < len(strings.Fields(want.callbacks)) { // callbacks after the last status
				runtime.Gosched()
			}
			if got := strings.Join(n.statuses(), " "); got != want.callbacks {
				t.Errorf("callbacks %s, want %s", got, want.callbacks)
			}
			now, err := newClient(n.apiURL, token).FetchCall(*made.Sid, nil)
			if err != nil || *now.Status != want.status || *now.Duration != want.talked || (want.by == "") != (now.AnsweredBy == nil) || want.by != "" && *now.AnsweredBy != want.by {
				t.Errorf("the call is %+v, error %v; want %+v", now, err, want)
			}
		})
	}
}

// TestCallbacksAreSigned checks every callback with the validator of Twilio's library, also with a changed form.
func TestCallbacksAreSigned(t *testing.T) {
	n := newFixture(t)
	if _, err := newClient(n.apiURL, token).CreateCall(n.params("+14155550198")); err != nil {
		t.Fatal(err)
	}
	<-n.end
	validator := client.NewRequestValidator(token)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, g := range n.got {
		if !strings.HasSuffix(g.address, "?record=rec-1") || !validator.ValidateBody(g.address, g.body, g.signature) {
			t.Errorf("the callback to %s has a wrong signature: %s", g.address, g.body)
		}
		if validator.ValidateBody(g.address+"0", g.body, g.signature) || validator.ValidateBody(g.address, append(g.body, "&Extra=1"...), g.signature) {
			t.Errorf("the signature of %s is valid for a changed form", g.address)
		}
		if g.form.Get("AccountSid") != account {
			t.Errorf("the callback %v has another AccountSid", g.form)
		}
		if when := g.form.Get("Timestamp"); g.form.Get("CallStatus") != "" {
			if _, err := time.Parse(time.RFC1123Z, when); err != nil || g.form.Get("From") != "+15551230100" || g.form.Get("Direction") != "outbound-api" {
				t.Errorf("the callback %v has wrong times, number or direction: %v", g.form, err)
			}
		}
	}
	if len(n.got) != 5 {
		t.Errorf("%d callbacks, want 5", len(n.got))
	}
}

func TestCallbackByGet(t *testing.T) {
	seen := make(chan bool, 1)
	validator := client.NewRequestValidator(token)
	us := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Method == http.MethodGet && validator.Validate("http://"+r.Host+r.URL.RequestURI(), nil, r.Header.Get("X-Twilio-Signature")) &&
			r.URL.Query().Get("CallStatus") == "completed" && r.URL.Query().Get("record") == "rec-1"
	}))
	defer us.Close()
	n := newFixture(t)
	params := (&api.CreateCallParams{}).SetFrom("+15551230100").SetTo("+14155550197").SetTwiml(connect).SetStatusCallback(us.URL + "/s?record=rec-1").SetStatusCallbackMethod("GET")
	if _, err := newClient(n.apiURL, token).CreateCall(params); err != nil {
		t.Fatal(err)
	}
	if !<-seen {
		t.Error("the callback is not as it was asked for") // and no other event than completed was asked for
	}
}

// The failures of a request, each with what the client saw and whether the call was placed.
func TestCallFaults(t *testing.T) {
	for to, want := range map[string]struct {
		code   int // of Twilio; 0 for an answer without a code
		placed int
	}{
		"+14155550110": {21211, 0}, "+14155550111": {21216, 0}, "+14155550116": {21215, 0},
		"+14155550112": {20429, 0}, "+14155550118": {20429, 0},
		"+14155550113": {20500, 1}, "+14155550117": {20500, 0},
		"+14155550114": {0, 1}, "+14155550120": {0, 1},
	} {
		t.Run(to, func(t *testing.T) {
			n := newFixture(t)
			_, err := newClient(n.apiURL, token).CreateCall(n.params(to))
			var rejected *client.TwilioRestError
			if errors.As(err, &rejected) != (want.code != 0) || err == nil || want.code != 0 && rejected.Code != want.code {
				t.Errorf("error %v, want code %d", err, want.code)
			}
			if got := n.Calls(); len(got) != want.placed {
				t.Errorf("%d calls were placed, want %d", len(got), want.placed)
			}
		})
	}
	n := newFixture(t)
	c := newClient(n.apiURL, token)
	if made, err := c.CreateCall(n.params("+14155550115")); err != nil || made.Sid != nil || len(n.Calls()) != 1 {
		t.Errorf("a response without a sid: %+v, error %v", made, err)
	}
	_, first := c.CreateCall(n.params("+14155550112"))
	_, second := c.CreateCall(n.params("+14155550112"))
	_, third := c.CreateCall(n.params("+14155550112"))
	if first == nil || second != nil || third == nil {
		t.Errorf("want every other request answered with 429: %v %v %v", first, second, third)
	}
	if made, err := c.CreateCall(n.params("+14155550119")); err != nil || made.Sid == nil { // the fake clock passes its twenty seconds at once
		t.Errorf("a late response: %+v, error %v", made, err)
	}
}

func TestSilentCallsAreListed(t *testing.T) {
	n := newFixture(t)
	c := newClient(n.apiURL, token)
	begin := n.Calls()
	made, err := c.CreateCall(n.params("+14155550105"))
	if err != nil {
		t.Fatal(err)
	}
	for len(begin) == 0 || begin[0].Status != "completed" {
		runtime.Gosched()
		begin = n.Calls()
	}
	if got := n.statuses(); len(got) != 0 {
		t.Errorf("a call without callbacks posted %v", got)
	}
	if _, err := c.CreateCall(n.params("+14155550199")); err != nil {
		t.Fatal(err)
	}
	<-n.end
	since := time.Date(2026, 11, 22, 9, 29, 55, 0, time.UTC)
	for name, q := range map[string]struct {
		params *api.ListCallParams
		want   int
	}{
		"all":             {&api.ListCallParams{}, 2},
		"in pages":        {(&api.ListCallParams{}).SetPageSize(1), 2},
		"by destination":  {(&api.ListCallParams{}).SetTo("+14155550105").SetFrom("+15551230100").SetStartTimeAfter(since), 1},
		"another caller":  {(&api.ListCallParams{}).SetTo("+14155550105").SetFrom("+15551230200"), 0},
		"later":           {(&api.ListCallParams{}).SetStartTimeAfter(since.Add(time.Hour)), 0},
		"earlier":         {(&api.ListCallParams{}).SetStartTimeBefore(since), 0},
		"of a status":     {(&api.ListCallParams{}).SetStatus("completed"), 2},
		"of a status, no": {(&api.ListCallParams{}).SetStatus("busy"), 0},
	} {
		got, err := c.ListCall(q.params)
		if err != nil || len(got) != q.want {
			t.Errorf("list %s: %d calls, error %v; want %d", name, len(got), err, q.want)
		}
		if name == "by destination" && (len(got) != 1 || *got[0].Sid != *made.Sid || got[0].StartTime == nil) {
			t.Errorf("listed %+v; want the call to this number, with its start", got)
		}
	}
}

// An update ends a call, and the final status is posted.
func TestEndCall(t *testing.T) {
	for _, update := range []struct{ status, want string }{{"completed", "canceled"}, {"canceled", "canceled"}} {
		rings := make(chan struct{})
		s := faketwilio.New(faketwilio.Options{AccountSID: account, AuthToken: token, Wait: func(ctx context.Context, _ time.Duration) bool {
			close(rings)
			<-ctx.Done()
			return false
		}})
		server := httptest.NewServer(s)
		done := make(chan string, 1)
		us := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { done <- r.FormValue("CallStatus") }))
		c := newClient(server.URL, token)
		made, err := c.CreateCall((&api.CreateCallParams{}).SetFrom("+15551230100").SetTo("+14155550199").SetTwiml(connect).SetStatusCallback(us.URL + "/s"))
		if err != nil {
			t.Fatal(err)
		}
		<-rings
		if _, err := c.UpdateCall(*made.Sid, (&api.UpdateCallParams{}).SetTwiml("<Response/>")); err == nil || !strings.Contains(err.Error(), "21220") {
			t.Errorf("changing a ringing call: error %v, want 21220", err)
		}
		if _, err := c.UpdateCall(*made.Sid, (&api.UpdateCallParams{}).SetStatus(update.status)); err != nil {
			t.Error(err)
		}
		if got := <-done; got != update.want {
			t.Errorf("callbacks after the status %s: %s, want %s", update.status, got, update.want)
		}
		if _, err := c.UpdateCall(*made.Sid, (&api.UpdateCallParams{}).SetStatus("completed")); err == nil || !strings.Contains(err.Error(), "21220") {
			t.Errorf("changing an ended call: error %v, want 21220", err)
		}
		server.Close()
		us.Close()
		s.Close()
	}
}

// Close ends ringing calls, and callbacks that are not answered.
func TestCloseEndsCalls(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	asked, free := make(chan struct{}, 8), make(chan struct{})
	us := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-free:
		case <-r.Context().Done():
		}
	}))
	s := faketwilio.New(faketwilio.Options{AccountSID: account, AuthToken: token})
	server := httptest.NewServer(s)
	c := newClient(server.URL, token)
	params := (&api.CreateCallParams{}).SetFrom("+15551230100").SetTo("+14155550199").SetTwiml(connect)
	if _, err := c.CreateCall(params); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateCall(params.SetStatusCallback(us.URL + "/s").SetStatusCallbackEvent([]string{"initiated"})); err != nil {
		t.Fatal(err)
	}
	<-asked
	s.Close()
	if made, err := c.CreateCall(params); err != nil || *made.Status != "queued" {
		t.Errorf("a call after Close: %+v, error %v; want it queued", made, err)
	}
	if got := s.Callbacks(); len(got) != 1 || got[0].Err == nil {
		t.Errorf("callbacks %+v; want one that failed", got)
	}
	close(free)
	server.Close()
	us.Close()
}

func TestCreateCallErrors(t *testing.T) {
	n := newFixture(t)
	form := func(pairs ...string) url.Values {
		v := url.Values{"From": {"+15551230100"}, "To": {"+14155550199"}, "Twiml": {connect}}
		for i := 0; i < len(pairs); i += 2 {
			v.Set(pairs[i], pairs[i+1])
		}
		return v
	}
	for name, c := range map[string]struct {
		form     url.Values
		password string
		status   int
		code     int
	}{
		"no key":               {form(), "", 401, 20003},
		"wrong key":            {form(), token + "0", 401, 20003},
		"no destination":       {form("To", ""), token, 400, 21201},
		"no caller":            {form("From", ""), token, 400, 21213},
		"no instructions":      {form("Twiml", ""), token, 400, 21205},
		"address that is none": {form("Twiml", "", "Url", "voice.example.com"), token, 400, 21205},
		"no number":            {form("To", "Dana"), token, 400, 21211},
		"national number":      {form("To", "4155550199"), token, 400, 21211},
		"invalid":              {form("To", "+15005550001"), token, 400, 21217},
		"unreachable":          {form("To", "+15005550002"), token, 400, 21214},
		"no permission":        {form("To", "+15005550003"), token, 400, 21215},
		"not allowed":          {form("To", "+15005550004"), token, 400, 21216},
		"caller invalid":       {form("From", "+15005550001"), token, 400, 21212},
		"caller no number":     {form("From", "Dana"), token, 400, 21212},
		"caller another's":     {form("From", "+14155550150"), token, 400, 21210},
		"caller of itself":     {form("From", "+15551230100", "To", "+15551230100"), token, 400, 21210},
		"TwiML too long":       {form("Twiml", "<Response>"+strings.Repeat(" ", 4000)+"</Response>"), token, 400, 20001},
		"TwiML that is none":   {form("Twiml", "<Say>Hi</Say>"), token, 400, 12100},
		"callback nowhere":     {form("StatusCallback", "/api/status"), token, 400, 21609},
		"callback by wire":     {form("AsyncAmdStatusCallback", "ftp://example.com/"), token, 400, 21609},
		"unknown event":        {form("StatusCallbackEvent", "sneezed"), token, 400, 21626},
		"unknown detection":    {form("MachineDetection", "true"), token, 400, 20001},
		"ring time of 0":       {form("Timeout", "0"), token, 400, 20001},
		"time limit too long":  {form("TimeLimit", "86401"), token, 400, 20001},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, n.apiURL+"/2010-04-01/Accounts/"+account+"/Calls.json", strings.NewReader(c.form.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.SetBasicAuth(account, c.password)
			response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = response.Body.Close() }()
			raw, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != c.status || !strings.Contains(string(raw), fmt.Sprintf(`"code":%d,`, c.code)) || !strings.Contains(string(raw), fmt.Sprintf("errors/%d", c.code)) {
				t.Errorf("%s %s, error %v; want status %d and code %d", response.Status, raw, err, c.status, c.code)
			}
		})
	}
	if got := n.Calls(); len(got) != 0 {
		t.Errorf("rejected requests placed calls: %+v", got)
	}
}

// The page lists calls and their callbacks, escaped.
func TestPageShowsCalls(t *testing.T) {
	n := newFixture(t)
	if _, err := newClient(n.apiURL, token).CreateCall(n.params("+14155550199")); err != nil {
		t.Fatal(err)
	}
	<-n.end
	response, err := http.Get(n.apiURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(page), "&lt;Response&gt;") || !strings.Contains(string(page), "+14155550199") && !strings.Contains(string(page), "&#43;14155550199") {
		t.Errorf("page %s, error %v; want the TwiML escaped and the number", page, err)
	}
	if calls := n.Calls(); len(calls) != 1 || xml.Unmarshal([]byte(calls[0].Twiml), new(struct{ XMLName xml.Name })) != nil || !slices.Equal(calls[0].Form["StatusCallbackEvent"], []string{"initiated", "ringing", "answered", "completed"}) {
		t.Errorf("calls %+v; want one with its TwiML and events", calls)
	}
}
