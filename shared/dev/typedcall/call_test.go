package typedcall_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"example.com/aurora/shared/dev/faketwilio"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/dev/typedcall"
)

// startTwilio starts a fake Twilio whose calls reach an assistant that repeats what it hears. "transfer" leads to another number.
func startTwilio(t *testing.T) string {
	mux := http.NewServeMux()
	us := httptest.NewServer(mux)
	t.Cleanup(us.Close)
	mux.HandleFunc("POST /voice", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		_, _ = io.WriteString(w, `<Response><Connect action="/after"><ConversationRelay url="wss://relay.example.com" welcomeGreeting="Good morning." events="speaker-events" dtmfDetection="true"/></Connect></Response>`)
	})
	mux.HandleFunc("POST /after", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/xml")
		if r.FormValue("HandoffData") != "" {
			_, _ = io.WriteString(w, `<Response><Dial>+14155550160</Dial><Say>They do not answer.</Say></Response>`)
			return
		}
		_, _ = io.WriteString(w, `<Response/>`)
	})
	mux.HandleFunc("GET /live", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		ending := false
		for {
			_, data, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			var m struct{ Type, Name, Value, VoicePrompt, Digit string }
			_ = json.Unmarshal(data, &m)
			switch {
			case m.Type == "prompt" || m.Type == "dtmf":
				answer, _ := json.Marshal(map[string]any{"type": "text", "token": "You said " + m.VoicePrompt + m.Digit + " and so it is done.", "last": true})
				_ = conn.Write(r.Context(), websocket.MessageText, answer)
				ending = m.VoicePrompt == "transfer"
			case ending && m.Name == "agentSpeaking" && m.Value == "off":
				_ = conn.Write(r.Context(), websocket.MessageText, []byte(`{"type":"end","handoffData":"h"}`))
			}
		}
	})
	s := faketwilio.New(faketwilio.Options{AccountSID: "AC00000000000000000000000000000001", AuthToken: "token", VoiceURL: us.URL + "/voice", Speed: 20,
		RelayAddress: func() string { return "ws" + strings.TrimPrefix(us.URL, "http") + "/live" }})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	t.Cleanup(s.Close)
	return server.URL
}

func TestTypedCalls(t *testing.T) {
	for name, c := range map[string]struct {
		o    typedcall.Options
		want []string // in the output, in order
	}{
		"a conversation": {typedcall.Options{Text: "hello|how are you"},
			[]string{"Assistant: Good morning.\n", "Caller: hello\n", "Assistant: You said hello and so it is done.\n", "Caller: how are you\n", "Assistant: You said how are you and so it is done.\n", "(the call: completed)"}},
		"an interruption": {typedcall.Options{Text: "hello|/after 3 stop"}, []string{"You said hello", "(interrupted)", "Caller: stop", "You said stop and so it is done."}},
		"keys":            {typedcall.Options{Text: "/press 7"}, []string{"(key 7)", "You said 7 and so it is done."}},
		"a transfer":      {typedcall.Options{Text: "transfer|never said", Dialled: "no-answer"}, []string{"(the session with the assistant: ended)", "(dialling +14155550160)", "(the dialled call: no-answer)", "Twilio: They do not answer."}},
		"lines of a file": {typedcall.Options{Input: strings.NewReader("one\n/fly\ntwo\n")}, []string{`("/fly": the commands are`, "You said one and so it is done.", "You said two and so it is done."}},
		"hanging up":      {typedcall.Options{Text: "/hangup|never said"}, []string{"Good morning.", "(the call: completed)"}},
	} {
		t.Run(name, func(t *testing.T) {
			out := &testkit.Buffer{}
			c.o.Twilio, c.o.From, c.o.To, c.o.Out = startTwilio(t), "+14155550150", "+15551230100", out
			report, err := typedcall.Run(t.Context(), c.o)
			if err != nil || !report.Over || len(report.Problems)+len(report.Violations) > 0 {
				t.Errorf("report %+v, error %v", report, err)
			}
			rest := out.String()
			for _, want := range c.want {
				_, after, found := strings.Cut(rest, want)
				if !found {
					t.Fatalf("the output lacks %q, or has it earlier:\n%s", want, out)
				}
				rest = after
			}
			if strings.Contains(out.String(), "never said") {
				t.Errorf("a step after the end of the call was done:\n%s", out)
			}
		})
	}
}

func TestStepsThatCannotBeRead(t *testing.T) {
	for text, want := range map[string]string{"/after stop": "number of words", "/after 0 stop": "number of words", "/after 3": "number of words", "/press": "want keys", "/press 1a": "want keys",
		"/wait": "number of seconds", "/wait -1": "number of seconds", "/hangup now": "nothing belongs", "hello|/dance": "the commands are"} {
		if _, err := typedcall.Run(t.Context(), typedcall.Options{Text: text, Out: io.Discard}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q in it", text, err, want)
		}
	}
}
