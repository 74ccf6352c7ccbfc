package faketwilio_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"example.com/aurora/shared/dev/fakerelay"
	"example.com/aurora/shared/dev/faketwilio"
)

// relayTwiML leads to the assistant below.
const relayTwiML = `<Response><Start><Recording recordingStatusCallback="/recorded" recordingStatusCallbackEvent="in-progress completed"/></Start><Connect action="/after"><ConversationRelay url="wss://relay.example.com/live" welcomeGreeting="Good morning." events="speaker-events" applicationReconnect="true"><Parameter name="token" value="t-1"/></ConversationRelay></Connect></Response>`

// assistant answers Twilio: the TwiML of calls, the socket, and what follows a session.
type assistant struct {
	url, socket string
	voice       string // TwiML of a new call
	after       func(form url.Values) string
	mu          sync.Mutex
	posts       []receivedCallback
	tokens      map[string]int // how often each idempotency token came
}

func newAssistant(t *testing.T) *assistant {
	a := &assistant{voice: relayTwiML, after: func(url.Values) string { return "<Response><Hangup/></Response>" }, tokens: map[string]int{}}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.url, a.socket = server.URL, "ws"+strings.TrimPrefix(server.URL, "http")+"/live"
	return a
}

func (a *assistant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/live" {
		a.converse(w, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	a.mu.Lock()
	a.posts = append(a.posts, receivedCallback{"http://" + r.Host + r.URL.RequestURI(), r.Header.Get("X-Twilio-Signature"), body, form})
	a.tokens[r.Header.Get("I-Twilio-Idempotency-Token")]++
	a.mu.Unlock()
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	switch r.URL.Path {
	case "/voice":
		_, _ = io.WriteString(w, a.voice)
	case "/after":
		_, _ = io.WriteString(w, a.after(form))
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// converse repeats what the caller says. "transfer" and "goodbye" end the session after the words were spoken.
func (a *assistant) converse(w http.ResponseWriter, r *http.Request) {
	validator := client.NewRequestValidator(token)
	if !validator.Validate("wss://relay.example.com/live", nil, r.Header.Get("X-Twilio-Signature")) {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	conn, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	ending := ""
	for {
		_, data, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		var m struct{ Type, Name, Value, VoicePrompt string }
		_ = json.Unmarshal(data, &m)
		switch {
		case m.Type == "prompt":
			answer, _ := json.Marshal(map[string]any{"type": "text", "token": "You said: " + m.VoicePrompt, "last": true})
			_ = conn.Write(r.Context(), websocket.MessageText, answer)
			if m.VoicePrompt == "transfer" || m.VoicePrompt == "goodbye" {
				ending = m.VoicePrompt
			}
		case ending != "" && m.Name == "agentSpeaking" && m.Value == "off":
			end, _ := json.Marshal(map[string]any{"type": "end", "handoffData": ending})
			_ = conn.Write(r.Context(), websocket.MessageText, end)
		}
	}
}

// paths returns the paths of the requests, in order, with a status where one is given.
func (a *assistant) paths() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []string
	for _, p := range a.posts {
		u, _ := url.Parse(p.address)
		list = append(list, strings.TrimSpace(u.Path+" "+p.form.Get("RecordingStatus")+p.form.Get("SessionStatus")+p.form.Get("DialCallStatus")))
	}
	return strings.Join(list, ", ")
}

func newVoiceServer(t *testing.T, a *assistant) *faketwilio.Server {
	s := faketwilio.New(faketwilio.Options{AccountSID: account, AuthToken: token, VoiceURL: a.url + "/voice", StatusURL: a.url + "/status", Speed: 200,
		RelayAddress: func() string { return a.socket }})
	t.Cleanup(s.Close)
	return s
}

// say returns a caller who says texts and listens to each answer, and then waits for the end of the call.
func say(texts ...string) func(context.Context, *fakerelay.Phone) {
	return func(ctx context.Context, phone *fakerelay.Phone) {
		_ = phone.Listen(ctx)
		for _, text := range texts {
			_ = phone.Say(ctx, text)
			_ = phone.Listen(ctx)
		}
		<-ctx.Done()
	}
}

// hangUpAfter returns a caller who hangs up after the answers.
func hangUpAfter(texts ...string) func(context.Context, *fakerelay.Phone) {
	return func(ctx context.Context, phone *fakerelay.Phone) {
		_ = phone.Listen(ctx)
		for _, text := range texts {
			_ = phone.Say(ctx, text)
			_ = phone.Listen(ctx)
		}
	}
}

func TestInboundCalls(t *testing.T) {
	dial := `<Response><Dial action="/after?leg=1" callerId="+15551230100"><Number>%s</Number></Dial></Response>`
	for name, c := range map[string]struct {
		voice    string
		after    func(url.Values) string
		caller   func(context.Context, *fakerelay.Phone)
		play     faketwilio.Play
		requests string
		status   string
		heard    string
		dialled  string
	}{
		"the caller hangs up": {caller: hangUpAfter("hello"), status: "completed",
			requests: "/voice, /recorded in-progress, /recorded completed, /after completed, /status", heard: "Good morning.|You said: hello"},
		"the assistant ends the call": {caller: say("goodbye"), status: "completed",
			requests: "/voice, /recorded in-progress, /after ended, /recorded completed, /status", heard: "Good morning.|You said: goodbye"},
		"transferred": {caller: say("transfer"), status: "completed", dialled: "+14155550160 completed",
			after: func(f url.Values) string {
				if f.Get("HandoffData") == "transfer" {
					return fmt.Sprintf(dial, "+14155550160")
				}
				return "<Response><Hangup/></Response>"
			},
			requests: "/voice, /recorded in-progress, /after ended, /after completed, /recorded completed, /status", heard: "Good morning.|You said: transfer"},
		"transferred to a busy number": {caller: say("transfer"), status: "completed", dialled: "+14155550101 busy",
			after: func(f url.Values) string {
				if f.Get("HandoffData") == "transfer" {
					return fmt.Sprintf(dial, "+14155550101")
				}
				return "<Response><Say>They are busy.</Say><Hangup/></Response>"
			},
			requests: "/voice, /recorded in-progress, /after ended, /after busy, /recorded completed, /status", heard: "Good morning.|You said: transfer|They are busy."},
		"every request twice": {caller: hangUpAfter(), status: "completed", play: faketwilio.Play{Twice: true},
			requests: "/voice, /voice, /recorded in-progress, /recorded in-progress, /recorded completed, /recorded completed, /after completed, /after completed, /status, /status", heard: "Good morning."},
		"rejected":      {voice: `<Response><Reject reason="busy"/></Response>`, caller: say(), status: "busy", requests: "/voice, /status"},
		"an apology":    {voice: `<Response><Say>We are closed.</Say></Response>`, caller: say(), status: "completed", requests: "/voice, /status", heard: "We are closed."},
		"redirected":    {voice: `<Response><Redirect>/after</Redirect></Response>`, caller: say(), status: "completed", requests: "/voice, /after, /status"},
		"another order": {caller: hangUpAfter(), status: "completed", play: faketwilio.Play{Shuffle: 5}, requests: "/voice, /recorded in-progress, /status, /recorded completed, /after completed", heard: "Good morning."},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAssistant(t)
			if c.voice != "" {
				a.voice = c.voice
			}
			if c.after != nil {
				a.after = c.after
			}
			s := newVoiceServer(t, a)
			sid := s.StartInbound(faketwilio.InboundCall{From: "+14155550150", To: "+15551230100", Caller: c.caller, Play: c.play})
			r, err := s.Wait(t.Context(), sid)
			if err != nil || len(r.Problems) > 0 || len(r.Violations) > 0 || r.Status != c.status {
				t.Errorf("error %v, status %s, problems %q, violations %+v", err, r.Status, r.Problems, r.Violations)
			}
			var heard, dialled []string
			for _, u := range r.Utterances {
				if u.By != fakerelay.Caller {
					heard = append(heard, strings.TrimSpace(u.Text))
				}
			}
			for _, d := range r.Dialled {
				dialled = append(dialled, d.To+" "+d.Status)
			}
			if got := strings.Join(heard, "|"); got != c.heard {
				t.Errorf("heard %q, want %q", got, c.heard)
			}
			if got := strings.Join(dialled, " "); got != c.dialled {
				t.Errorf("dialled %q, want %q", got, c.dialled)
			}
			if got := a.paths(); got != c.requests {
				t.Errorf("requests %s\nwant %s", got, c.requests)
			}
		})
	}
}

// Every request is signed, and has the fields that Twilio documents; one that is made twice has the same token.
func TestInboundRequests(t *testing.T) {
	a := newAssistant(t)
	s := newVoiceServer(t, a)
	sid := s.StartInbound(faketwilio.InboundCall{From: "+14155550150", To: "+15551230100", Fields: url.Values{"ForwardedFrom": {"+15551230199"}}, Caller: say("goodbye"), Play: faketwilio.Play{Twice: true}})
	if _, err := s.Wait(t.Context(), sid); err != nil {
		t.Fatal(err)
	}
	validator := client.NewRequestValidator(token)
	for _, p := range a.posts {
		if !validator.ValidateBody(p.address, p.body, p.signature) {
			t.Errorf("the request to %s has a wrong signature", p.address)
		}
		if p.form.Get("CallSid") != sid || p.form.Get("AccountSid") != account {
			t.Errorf("the request to %s is about another call: %v", p.address, p.form)
		}
		for name, want := range map[string][]string{"/voice": {"CallStatus", "From", "To", "Direction", "ApiVersion", "StirVerstat", "ForwardedFrom", "FromCountry"},
			"/after": {"SessionId", "SessionStatus", "SessionDuration", "HandoffData", "CallStatus"}, "/status": {"CallDuration", "Timestamp", "CallStatus"},
			"/recorded": {"RecordingSid", "RecordingUrl", "RecordingStatus", "RecordingStartTime"}} {
			for _, field := range want {
				if strings.HasSuffix(p.address, name) && p.form.Get(field) == "" {
					t.Errorf("the request to %s lacks %s", name, field)
				}
			}
		}
	}
	for name, n := range a.tokens {
		if len(name) != 32 || n != 2 {
			t.Errorf("the idempotency token %q came %d times, want twice", name, n)
		}
	}
}

func TestInboundProblems(t *testing.T) {
	for name, c := range map[string]struct{ voice, want string }{
		"no TwiML":             {`{"status":"error"}`, "12100"},
		"attribute's case":     {strings.Replace(relayTwiML, "welcomeGreeting", "welcomegreeting", 1), "the name is welcomeGreeting"},
		"a voice that is none": {strings.Replace(relayTwiML, "welcomeGreeting=", `voice="burt" welcomeGreeting=`, 1), "64101"},
		"no TLS":               {strings.Replace(relayTwiML, "wss:", "ws:", 1), "wss://"},
		"another's number":     {`<Response><Dial callerId="+14155550177">+14155550160</Dial></Response>`, "13214"},
		"endless":              {`<Response><Redirect>/voice</Redirect></Response>`, "more than 50 documents"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAssistant(t)
			a.voice = c.voice
			s := newVoiceServer(t, a)
			r, err := s.Wait(t.Context(), s.StartInbound(faketwilio.InboundCall{From: "+14155550150", To: "+15551230100", Caller: hangUpAfter()}))
			if err != nil || !strings.Contains(strings.Join(r.Problems, "\n"), c.want) {
				t.Errorf("problems %q, error %v; want one with %s", r.Problems, err, c.want)
			}
		})
	}
}

// A session whose connection is lost for good is followed by the document that the action answers.
func TestResumedCall(t *testing.T) {
	a := newAssistant(t)
	a.voice = strings.Replace(relayTwiML, ` applicationReconnect="true"`, "", 1)
	a.after = func(f url.Values) string {
		if f.Get("ErrorCode") == "64105" {
			return strings.Replace(a.voice, ` welcomeGreeting="Good morning."`, "", 1)
		}
		return "<Response/>"
	}
	s := newVoiceServer(t, a)
	r, err := s.Wait(t.Context(), s.StartInbound(faketwilio.InboundCall{From: "+14155550150", To: "+15551230100", Caller: func(ctx context.Context, phone *fakerelay.Phone) {
		_ = phone.Listen(ctx)
		_ = phone.Drop(ctx)
		for len(phone.Utterances()) < 3 {
			_ = phone.Say(ctx, "still here") // words said in the old session are lost
			_ = phone.Listen(ctx)
		}
	}}))
	if err != nil || len(r.Sessions) != 2 || r.Sessions[0].Status != "failed" || r.Sessions[1].Status != "completed" {
		t.Errorf("sessions %+v, error %v", r.Sessions, err)
	}
}

// An outbound call with ConversationRelay is played by the same engine, and detection reports meanwhile.
func TestOutboundConversation(t *testing.T) {
	a := newAssistant(t)
	s := newVoiceServer(t, a)
	server := httptest.NewServer(s)
	defer server.Close()
	twiml := strings.ReplaceAll(relayTwiML, `="/`, `="`+a.url+`/`)
	made, err := newClient(server.URL, token).CreateCall((&api.CreateCallParams{}).SetFrom("+15551230100").SetTo("+14155550199").SetTwiml(twiml).
		SetMachineDetection("Enable").SetAsyncAmd("true").SetAsyncAmdStatusCallback(a.url + "/machine").SetStatusCallback(a.url + "/status"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Wait(t.Context(), *made.Sid)
	if err != nil || len(r.Problems) > 0 || len(r.Violations) > 0 || r.Status != "completed" || r.AnsweredBy != "human" {
		t.Errorf("report %+v, error %v", r, err)
	}
	if n := len(r.Utterances); n != 5 || r.Utterances[4].Text != "You said: Thank you, goodbye." {
		t.Errorf("heard %+v", r.Utterances)
	}
	for _, want := range []string{"/machine", "/status", "/after completed", "/recorded completed"} {
		if !slices.Contains(strings.Split(a.paths(), ", "), want) {
			t.Errorf("requests %s; want %s among them", a.paths(), want)
		}
	}
}

// A live call can be given other instructions, and be ended, by the REST API.
func TestUpdateOfConversation(t *testing.T) {
	a := newAssistant(t)
	s := newVoiceServer(t, a)
	server := httptest.NewServer(s)
	defer server.Close()
	c := newClient(server.URL, token)
	failed := make(chan error, 1)
	started := make(chan string, 1)
	sid := s.StartInbound(faketwilio.InboundCall{From: "+14155550150", To: "+15551230100", Caller: func(ctx context.Context, phone *fakerelay.Phone) {
		_ = phone.Listen(ctx)
		_, err := c.UpdateCall(<-started, (&api.UpdateCallParams{}).SetTwiml("<Response><Say>One moment.</Say><Pause length=\"60\"/></Response>"))
		failed <- err
		<-ctx.Done()
	}})
	started <- sid
	if err := <-failed; err != nil {
		t.Fatal(err)
	}
	r, err := s.Wait(t.Context(), sid)
	if err != nil || r.Utterances[len(r.Utterances)-1].Text != "One moment. " || len(r.Sessions) != 1 {
		t.Errorf("report %+v, error %v", r, err)
	}
}

// The caller at the page: every step over HTTP, and the events as they happen.
func TestRemoteCaller(t *testing.T) {
	a := newAssistant(t)
	server := httptest.NewServer(newVoiceServer(t, a))
	defer server.Close()
	post := func(path string, form url.Values) (int, string) {
		response, err := http.PostForm(server.URL+path, form)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	status, body := post("/phone/calls", url.Values{"From": {"+14155550150"}, "To": {"+15551230100"}})
	var made struct{ SID string }
	if json.Unmarshal([]byte(body), &made) != nil || status != http.StatusCreated {
		t.Fatalf("status %d: %s", status, body)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/phone/calls/"+made.SID+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	lines := bufio.NewScanner(stream.Body)
	var words strings.Builder
	var kinds []string
	for lines.Scan() {
		var e fakerelay.Event
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		switch e.Type {
		case "word":
			words.WriteString(e.Text)
		case "answered":
			for _, step := range []struct {
				name string
				form url.Values
				want int
			}{{"listen", nil, 204}, {"say", url.Values{"Text": {"hello"}}, 204}, {"listen", url.Values{"Words": {"2"}}, 204}, {"listen", url.Values{"Words": {"x"}}, 409},
				{"press", url.Values{"Keys": {"1"}}, 409}, {"listen", nil, 204}, {"drop", nil, 204}, {"say", url.Values{"Text": {"goodbye"}}, 204}} {
				if status, body := post("/phone/calls/"+made.SID+"/"+step.name, step.form); status != step.want {
					t.Errorf("%s: status %d: %s", step.name, status, body)
				}
			}
		}
		kinds = append(kinds, e.Type)
	}
	if words.String() != "Good morning.You said: helloYou said: goodbye" || kinds[len(kinds)-1] != "done" || !slices.Contains(kinds, "reconnected") {
		t.Errorf("words %q, events %v", words.String(), kinds)
	}
	if status, _ := post("/phone/calls/"+made.SID+"/say", url.Values{"Text": {"hello?"}}); status != http.StatusConflict {
		t.Errorf("words after the call: status %d", status)
	}
	if status, _ := post("/phone/calls/CA0/hangup", nil); status != http.StatusNotFound {
		t.Errorf("an unknown call: status %d", status)
	}
}
