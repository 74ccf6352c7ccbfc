package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/voiceturn"
)

const closer = `{"type":"text","token":"","last":true}`

// The caller hears the assistant's fallback message after every failure of the model, and the turn is closed.
func TestModelFails(t *testing.T) {
	const sorry = "I'm sorry, please say that again."
	for _, c := range []struct {
		name   string
		answer fakeopenai.Answer
		want   string
	}{
		{"fault 95: the model answers 500", fakeopenai.Status(500, "oops"), sorry},
		{"fault 95: the model answers 429", fakeopenai.Status(429, "{}", "Retry-After", "600"), sorry},
		{"fault 95: the model hangs", fakeopenai.Hang(), sorry},
		{"fault 95: the model is cut after its first words", fakeopenai.Close("We ", "open "), "We open " + sorry},
		{"fault 95: the model says nothing", fakeopenai.Text(), sorry},
		{"fault 95: the answer is filtered", fakeopenai.Text().Finish("content_filter"), sorry},
	} {
		t.Run(c.name, func(t *testing.T) {
			testkit.DiscardLog(t)
			r := newRelay(fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return c.answer }).URL)
			timing := voiceturn.Timing{FillerAfter: time.Minute, ToolFillerAfter: time.Minute, FallbackAfter: time.Minute}
			if c.name == "fault 95: the model hangs" {
				timing.FallbackAfter = 50 * time.Millisecond
			}
			r.conversation.Timing = timing
			r.send(t, "setup", nil)
			if status := r.send(t, "prompt", nil); status != 200 {
				t.Errorf("status %d, want 200", status)
			}
			if got := r.words(t); got != c.want {
				t.Errorf("the caller hears %q, want %q", got, c.want)
			}
			if sent := r.frames(); !strings.HasSuffix(sent, closer) || strings.Count(sent, `"last":true`) != 1 {
				t.Errorf("sent %s, want one end of the turn, last", sent)
			}
		})
	}
}

// Whatever the event, the gateway gets 200: after anything else it would send a message of its own to Twilio.
func TestAnswerIsAlways200(t *testing.T) {
	testkit.DiscardLog(t)
	body := func(text string) func(*events.APIGatewayWebsocketProxyRequest) {
		return func(e *events.APIGatewayWebsocketProxyRequest) { e.Body = text }
	}
	for name, change := range map[string]func(*events.APIGatewayWebsocketProxyRequest){
		"fault 104: no body":                 body(""),
		"fault 104: no JSON":                 body("{"),
		"fault 104: a list":                  body("[]"),
		"fault 104: null":                    body("null"),
		"fault 104: no type":                 body(`{"voicePrompt":"Hi","last":true}`),
		"fault 104: a type of another type":  body(`{"type":{"a":1}}`),
		"fault 104: an unknown type":         body(`{"type":"media"}`),
		"fault 104: fields of other types":   body(`{"type":"prompt","voicePrompt":["Hi"],"last":{"a":1}}`),
		"fault 104: words that are a number": body(`{"type":"interrupt","utteranceUntilInterrupt":7,"durationUntilInterruptMs":460.25}`),
		"fault 104: broken base64": func(e *events.APIGatewayWebsocketProxyRequest) {
			e.Body, e.IsBase64Encoded = "%%%", true
		},
		"fault 104: no connection": func(e *events.APIGatewayWebsocketProxyRequest) { e.RequestContext.ConnectionID = "" },
		"fault 104: no time":       func(e *events.APIGatewayWebsocketProxyRequest) { e.RequestContext.RequestTimeEpoch = 0 },
		"fault 104: no event type": func(e *events.APIGatewayWebsocketProxyRequest) { e.RequestContext.EventType = "" },
		"fault 104: an event of an unknown type": func(e *events.APIGatewayWebsocketProxyRequest) {
			e.RequestContext.EventType = "PING"
		},
		"fault 104: very long words": body(`{"type":"interrupt","utteranceUntilInterrupt":"` + strings.Repeat("a ", 60_000) + `"}`),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRelay(fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("OK.") }).URL)
			r.send(t, "setup", nil)
			if status := r.send(t, "prompt", change); status != 200 {
				t.Errorf("status %d, want 200", status)
			}
		})
	}
	r := newRelay("http://127.0.0.1:1")
	for _, event := range []string{`[]`, `{"requestContext":7}`, `null`, `{}`} {
		if status := r.invoke(t, json.RawMessage(event)); status != 200 {
			t.Errorf("fault 104: the event %s: status %d, want 200", event, status)
		}
	}
	r.Engine = nil
	if status := r.send(t, "prompt", nil); status != 200 {
		t.Errorf("fault 103: a panic: status %d, want 200", status)
	}
	r.Verifier = nil
	if status := r.send(t, "connect", nil); status != 500 {
		t.Errorf("fault 103: a panic at the handshake: status %d, want 500", status)
	}
}

// A connection that has gone ends the turn, and the words are not said to be heard.
func TestFault92ConnectionHasGone(t *testing.T) {
	testkit.DiscardLog(t)
	r := newRelay(fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("We open at nine.") }).URL)
	r.send(t, "setup", nil)
	r.gateway.reject = fault.New(fault.NotFound, "The connection has ended.")
	if status := r.send(t, "prompt", nil); status != 200 {
		t.Errorf("status %d, want 200", status)
	}
	call, _, err := r.store.Call(t.Context(), sid)
	if err != nil || call.ConnectionID != "" || len(call.Waiting) != 1 {
		t.Errorf("connection %q, %d words wait, %v; want none, and the caller's words", call.ConnectionID, len(call.Waiting), err)
	}
}

// A session without a valid token is ended without a word, and serves nothing.
func TestSessionWithoutAToken(t *testing.T) {
	testkit.DiscardLog(t)
	r := newRelay("http://127.0.0.1:1")
	r.send(t, "setup", func(e *events.APIGatewayWebsocketProxyRequest) {
		e.Body = strings.Replace(e.Body, "token-1", "token-2", 1)
	})
	if got := r.frames(); got != `{"type":"end"}` {
		t.Errorf("sent %s, want the end of the session", got)
	}
	r.send(t, "prompt", nil)
	if got := r.frames(); got != `{"type":"end"}` {
		t.Errorf("sent %s after a prompt", got)
	}
}
