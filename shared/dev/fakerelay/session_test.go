package fakerelay_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"example.com/aurora/shared/dev/fakerelay"
	"example.com/aurora/shared/dev/stricttwiml"
)

// pipes is a network in memory, so that the fake clock of synctest can advance.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// message is a message from Twilio.
type message struct {
	Type       string
	Name       string
	Value      json.RawMessage
	Prompt     string `json:"voicePrompt"`
	Digit      string
	Utterance  string            `json:"utteranceUntilInterrupt"`
	Duration   any               `json:"durationUntilInterruptMs"`
	Parameters map[string]string `json:"customParameters"`
	CallSID    string            `json:"callSid"`
}

// socket is our side of a connection.
type socket struct {
	conn *websocket.Conn
	test *testing.T
}

func (s *socket) send(frames ...string) {
	for _, f := range frames {
		_ = s.conn.Write(context.Background(), websocket.MessageText, []byte(f))
	}
}

func text(token string, last bool) string {
	b, _ := json.Marshal(map[string]any{"type": "text", "token": token, "last": last})
	return string(b)
}

// play runs a call with one session in a bubble: app answers each message, caller is the person.
func play(t *testing.T, attributes string, app func(s *socket, m message), caller func(ctx context.Context, p *fakerelay.Phone), change ...func(*fakerelay.SessionOptions)) (*fakerelay.Phone, fakerelay.Result, []message) {
	t.Helper()
	var p *fakerelay.Phone
	var result fakerelay.Result
	var all []message
	synctest.Test(t, func(t *testing.T) {
		verbs, _, err := stricttwiml.Read(`<Response><Connect><ConversationRelay url="wss://relay.example.com/live" ` + attributes + `><Parameter name="token" value="t-1"/></ConversationRelay></Connect></Response>`)
		if err != nil {
			t.Fatal(err)
		}
		network := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		var mu sync.Mutex
		var serving sync.WaitGroup
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Twilio-Signature") != "signed wss://relay.example.com/live" {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			conn, err := websocket.Accept(w, r, nil)
			if err != nil {
				return
			}
			serving.Add(1)
			defer serving.Done()
			s := &socket{conn: conn, test: t}
			for {
				_, data, err := conn.Read(context.Background())
				if err != nil {
					return
				}
				var m message
				if err := json.Unmarshal(data, &m); err != nil {
					t.Errorf("message %s: %v", data, err)
				}
				mu.Lock()
				all = append(all, m)
				mu.Unlock()
				app(s, m)
			}
		})}
		go func() { _ = server.Serve(network) }()
		client := &http.Client{Transport: &http.Transport{DialContext: network.dial, DisableKeepAlives: true}}
		o := fakerelay.SessionOptions{Relay: verbs[0].Children[0], Address: "ws://127.0.0.1/live", Client: client,
			Setup: fakerelay.Setup{CallSID: "CA1", SessionID: "VX1"}, Sign: func(address string, _ url.Values) string { return "signed " + address }}
		for _, c := range change {
			c(&o)
		}
		p = fakerelay.NewPhone(fakerelay.Options{})
		ctx, hangUp := context.WithCancel(t.Context())
		go func() { caller(ctx, p); hangUp() }()
		result = p.Relay(ctx, o)
		p.HangUp()
		hangUp()
		_ = network.Close()
		_ = server.Close()
		synctest.Wait()
		serving.Wait()
	})
	return p, result, all
}

// said returns the words of a speaker, each utterance with / after it.
func said(p *fakerelay.Phone, by fakerelay.Speaker) string {
	words := ""
	for _, u := range p.Utterances() {
		if u.By == by {
			words += strings.TrimSpace(u.Text) + "/"
		}
	}
	return words
}

func kinds(all []message) string {
	var list []string
	for _, m := range all {
		list = append(list, strings.TrimSpace(m.Type+" "+m.Name+" "+strings.Trim(string(m.Value), `"`)))
	}
	return strings.Join(list, ", ")
}

func wantViolations(t *testing.T, p *fakerelay.Phone, want ...fakerelay.ViolationKind) {
	t.Helper()
	var got []fakerelay.ViolationKind
	for _, v := range p.Violations() {
		got = append(got, v.Kind)
	}
	if !slices.Equal(got, want) {
		t.Errorf("violations %+v, want %v", p.Violations(), want)
	}
}

func TestConversation(t *testing.T) {
	p, result, all := play(t, `welcomeGreeting="Hello there." events="speaker-events"`, func(s *socket, m message) {
		if m.Type == "prompt" {
			s.send(text("You said ", false), text(m.Prompt+".", false), text("", true))
		}
	}, func(ctx context.Context, p *fakerelay.Phone) {
		for _, step := range []func() error{func() error { return p.Listen(ctx) }, func() error { return p.Say(ctx, "good morning") }, func() error { return p.Listen(ctx) }} {
			if err := step(); err != nil {
				t.Error(err)
			}
		}
	})
	wantViolations(t, p)
	if got := said(p, fakerelay.Agent); got != "Hello there./You said good morning./" || result.Status != "completed" {
		t.Errorf("heard %q, result %+v", got, result)
	}
	want := "setup, info agentSpeaking on, info agentSpeaking off, info clientSpeaking on, info clientSpeaking off, prompt, info agentSpeaking on, info agentSpeaking off"
	if got := kinds(all); got != want {
		t.Errorf("messages %s\nwant %s", got, want)
	}
	if all[0].Parameters["token"] != "t-1" || all[0].CallSID != "CA1" {
		t.Errorf("setup %+v", all[0])
	}
	if result.Duration < 2*time.Second || result.Duration > 10*time.Second { // 12 + 12 + 22 characters at 15 a second
		t.Errorf("the session took %v", result.Duration)
	}
}

// An interruption reports the words that were really spoken, in both forms of the number.
func TestBargeIn(t *testing.T) {
	n := 0
	p, _, all := play(t, "", func(s *socket, m message) {
		if m.Type == "prompt" {
			n++
			s.send(text("One two three four five six seven eight nine ten.", true))
		}
	}, func(ctx context.Context, p *fakerelay.Phone) {
		for range 2 {
			_ = p.Say(ctx, "count")
			_ = p.ListenTo(ctx, 3)
			_ = p.Say(ctx, "stop")
		}
		_ = p.Listen(ctx)
	})
	wantViolations(t, p)
	var interrupts []message
	for _, m := range all {
		if m.Type == "interrupt" {
			interrupts = append(interrupts, m)
		}
	}
	if len(interrupts) != 3 || interrupts[0].Utterance != "One two three" {
		t.Fatalf("interrupts %+v; want three, the first after three words", interrupts)
	}
	_, number := interrupts[0].Duration.(float64)
	_, word := interrupts[1].Duration.(string)
	if !number || !word {
		t.Errorf("durations %v and %v; want a number and a string", interrupts[0].Duration, interrupts[1].Duration)
	}
	if got := said(p, fakerelay.Agent); !strings.HasPrefix(got, "One two three/One") || !strings.HasSuffix(got, "nine ten./") {
		t.Errorf("heard %q", got)
	}
}

func TestViolations(t *testing.T) {
	answer := func(frames ...string) func(*socket, message) {
		return func(s *socket, m message) {
			if m.Type == "prompt" {
				s.send(frames...)
			}
		}
	}
	ask := func(ctx context.Context, p *fakerelay.Phone) {
		_ = p.Say(ctx, "hi")
		_ = p.Listen(ctx)
	}
	for name, c := range map[string]struct {
		app  func(*socket, message)
		want []fakerelay.ViolationKind
	}{
		"none":                       {answer(text("Fine.", true)), nil},
		"unknown type":               {answer(`{"type":"interrupt"}`, text("Fine.", true)), []fakerelay.ViolationKind{fakerelay.InvalidMessage}},
		"unknown field":              {answer(`{"type":"text","token":"Fine.","last":true,"turn":1}`, text("Fine.", true)), []fakerelay.ViolationKind{fakerelay.InvalidMessage}},
		"wrong letter case":          {answer(`{"type":"text","Token":"Fine.","last":true}`, text("Fine.", true)), []fakerelay.ViolationKind{fakerelay.InvalidMessage}},
		"wrong type of a field":      {answer(`{"type":"text","token":"Fine.","last":"true"}`, text("Fine.", true)), []fakerelay.ViolationKind{fakerelay.InvalidMessage}},
		"hand-off data as an object": {answer(`{"type":"end","handoffData":{"to":"x"}}`, text("Fine.", true)), []fakerelay.ViolationKind{fakerelay.InvalidMessage}},
		"the gateway's error":        {answer(`{"message":"Internal server error","connectionId":"a","requestId":"b"}`, text("Fine.", true)), []fakerelay.ViolationKind{fakerelay.InvalidMessage}},
		"no JSON":                    {answer(`hello`, text("Fine.", true)), []fakerelay.ViolationKind{fakerelay.InvalidMessage}},
		"markup":                     {answer(text("**Fine.**", true)), []fakerelay.ViolationKind{fakerelay.Unspeakable}},
		"not closed":                 {answer(text("Fine.", false)), []fakerelay.ViolationKind{fakerelay.NotClosed}},
		"no answer":                  {answer(text("", true)), []fakerelay.ViolationKind{fakerelay.NotClosed}},
		"end cuts the goodbye":       {answer(text("Goodbye then.", true), `{"type":"end"}`), []fakerelay.ViolationKind{fakerelay.CutByEnd}},
		"end of an open turn":        {answer(text("", false), text("Bye", false), `{"type":"end"}`), []fakerelay.ViolationKind{fakerelay.CutByEnd, fakerelay.NotClosed}},
		"text after the end":         {answer(`{"type":"end"}`, text("Wait.", true)), []fakerelay.ViolationKind{fakerelay.AfterEnd}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, _ := play(t, "", c.app, ask)
			wantViolations(t, p, c.want...)
		})
	}
}

// Words of the old turn that come after an interruption are heard, and recorded.
func TestLateWords(t *testing.T) {
	p, _, _ := play(t, "", func(s *socket, m message) {
		switch m.Type {
		case "prompt":
			s.send(text("One two three four five six. ", false))
		case "interrupt":
			time.Sleep(50 * time.Millisecond)
			s.send(text("Seven. ", false), text("", true))
		}
	}, func(ctx context.Context, p *fakerelay.Phone) {
		_ = p.Say(ctx, "count")
		_ = p.ListenTo(ctx, 2)
		_ = p.Cough(ctx)
		p.Pause(ctx, 2*time.Second)
	})
	wantViolations(t, p, fakerelay.LateWords)
	if v := p.Violations()[0]; v.After != 50*time.Millisecond {
		t.Errorf("late by %v, want 50ms", v.After)
	}
	if got := said(p, fakerelay.Agent); got != "One two/Seven./" {
		t.Errorf("heard %q", got)
	}
}

func TestEndAfterSpeech(t *testing.T) {
	p, result, _ := play(t, `events="speaker-events"`, func(s *socket, m message) {
		switch {
		case m.Type == "prompt":
			s.send(text("Goodbye.", true))
		case m.Name == "agentSpeaking" && string(m.Value) == `"off"`:
			s.send(`{"type":"end","handoffData":"h-1"}`)
		}
	}, func(ctx context.Context, p *fakerelay.Phone) {
		_ = p.Say(ctx, "bye")
		_ = p.Listen(ctx)
		<-ctx.Done()
	})
	wantViolations(t, p)
	if result.Status != "ended" || !result.HasHandoff || result.Handoff != "h-1" {
		t.Errorf("result %+v", result)
	}
}

func TestDrop(t *testing.T) {
	app := func(s *socket, m message) {
		if m.Type == "prompt" {
			s.send(text("You said "+m.Prompt+".", true))
		}
	}
	caller := func(ctx context.Context, p *fakerelay.Phone) {
		_ = p.Say(ctx, "one")
		_ = p.Listen(ctx)
		_ = p.Drop(ctx)
		_ = p.Say(ctx, "two") // said while the connection is lost
		_ = p.Listen(ctx)
	}
	p, result, all := play(t, `applicationReconnect="true"`, app, caller, func(o *fakerelay.SessionOptions) { o.ReplayPrompt = true })
	wantViolations(t, p)
	if got := kinds(all); got != "setup, prompt, setup, prompt, prompt" || result.Status != "completed" || p.Reconnects() != 1 {
		t.Errorf("messages %s, result %+v, %d reconnects", got, result, p.Reconnects())
	}
	if _, result, _ = play(t, "", app, caller); result.Status != "failed" || result.ErrorCode != "64105" {
		t.Errorf("without applicationReconnect: %+v", result)
	}
}

func TestSessionThatCannotBegin(t *testing.T) {
	silentCaller := func(ctx context.Context, _ *fakerelay.Phone) { <-ctx.Done() }
	if _, result, all := play(t, `voice="rachel"`, func(*socket, message) {}, silentCaller); result.ErrorCode != "64101" || len(all) > 0 {
		t.Errorf("a voice that does not exist: %+v", result)
	}
	_, result, _ := play(t, "", func(*socket, message) {}, silentCaller, func(o *fakerelay.SessionOptions) {
		o.Sign = func(string, url.Values) string { return "wrong" }
	})
	if result.ErrorCode != "64102" || !strings.Contains(result.ErrorMessage, "403") {
		t.Errorf("a rejected handshake: %+v", result)
	}
}

func TestWhatTheAgentDoesNotHear(t *testing.T) {
	for attributes, want := range map[string]string{
		``:                      "setup, interrupt, prompt",
		`interruptible="none"`:  "setup",
		`interruptible="false"`: "setup",
		`interruptible="dtmf"`:  "setup",
		`interruptible="none" reportInputDuringAgentSpeech="speech"`: "setup, prompt",
		`ignoreBackchannel="true"`:                                   "setup",
		`welcomeGreetingInterruptible="none"`:                        "setup",
	} {
		var failed error
		_, _, all := play(t, `welcomeGreeting="A long greeting which goes on and on." `+strings.Replace(attributes, `interruptible=`, `welcomeGreetingInterruptible=`, 1), func(*socket, message) {}, func(ctx context.Context, p *fakerelay.Phone) {
			_ = p.ListenTo(ctx, 2)
			failed = p.Say(ctx, "Yeah.")
		})
		if got := kinds(all); got != want || (failed == nil) != strings.Contains(want, "prompt") {
			t.Errorf("%s: messages %s, error %v; want %s", attributes, got, failed, want)
		}
	}
}

func TestKeys(t *testing.T) {
	var failed error
	p, _, all := play(t, `dtmfDetection="true" welcomeGreeting="Enter your number, please."`, func(*socket, message) {}, func(ctx context.Context, p *fakerelay.Phone) {
		_ = p.ListenTo(ctx, 1)
		_ = p.Press(ctx, "4#")
		failed = p.Press(ctx, "x")
	})
	if got := kinds(all); got != "setup, interrupt, dtmf, dtmf" || failed == nil {
		t.Errorf("messages %s, error %v", got, failed)
	}
	wantViolations(t, p)
}
