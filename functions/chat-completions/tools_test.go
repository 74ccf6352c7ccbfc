package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// fakePhone records the text messages that are sent.
type fakePhone struct {
	mu   sync.Mutex
	sent []string
}

func (p *fakePhone) SendSMS(_ context.Context, _, to aurora.Phone, body string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, string(to)+" "+body)
	return fmt.Sprintf("SM%d", len(p.sent)), nil
}

// fakeLedger keeps the first result of each key in memory, as the real one keeps it in a table.
type fakeLedger struct {
	mu   sync.Mutex
	done map[string]string
}

func (l *fakeLedger) Do(ctx context.Context, key string, do func(context.Context) (string, error)) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r, ok := l.done[key]; ok {
		return r, nil
	}
	r, err := do(ctx)
	if err == nil {
		l.done[key] = r
	}
	return r, err
}

func (*fakeLedger) AddDoNotCall(context.Context, aurora.Phone, string) error { return nil }

// withTools returns the function with an assistant that has tools, and the phone that they use.
func withTools(base string, more ...aurora.HTTPTool) (*web.Function, *fakePhone) {
	handler, p := newToolHandler(base, more...)
	return serve(handler, liveKeys), p
}

var liveKeys = &auth.KeyStore{Now: time.Now, Secrets: testkit.EverySecret(`["` + eventtest.APIKey + `"]`), SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}}

func newToolHandler(base string, more ...aurora.HTTPTool) (*completions.Handler, *fakePhone) {
	a := riley
	a.Functions, a.TextFromNumber, a.Tools = aurora.List{"send_sms", "get_current_time"}, "+15551230101", more
	p := &fakePhone{}
	kit := &tools.Kit{SMS: p, Contacts: fakeledger.NewGuard(testkit.NewAssistants(a), fakeledger.New(time.Now), time.Now), DoNotCall: &fakeLedger{}, Idempotency: &fakeLedger{done: map[string]string{}}, Now: time.Now}
	for _, m := range more {
		kit.PrivateHosts = append(kit.PrivateHosts, strings.TrimPrefix(m.URL, "http://"))
	}
	pool := &openai.Pool{Options: openai.Options{BaseURL: base, Limits: shortLimits, Key: func(context.Context) (string, error) { return canaryKey, nil }}}
	return &completions.Handler{
		Service: &chat.Service{
			Assistants:    testkit.EveryAssistant(a),
			Chain:         pool.Chain,
			DefaultModels: []string{"gpt-4o"},
			Tools:         kit,
			Now:           time.Now,
		},
		Now:   time.Now,
		NewID: func() string { return "chatcmpl-1" },
	}, p
}

// sendSMSCall returns a tool call to send a text message. Its id is new each time, as those of a real model are.
func sendSMSCall(body string) fakeopenai.Answer {
	return fakeopenai.ToolCall("call_"+rand.Text(), "send_sms", `{"message":"`+body+`"}`)
}

// lastToolMessage returns the last message of a request to the model, which is the result of a tool.
func lastToolMessage(d *fakeopenai.Double, request int) string {
	messages := d.Requests()[request].Body.Messages
	return messages[len(messages)-1].Content
}

func runRequest(t *testing.T, f *web.Function) result {
	t.Helper()
	status, _, body := invoke(t, f, streamRequest(t))
	return parseResult(t, status, body)
}

// Faults 20 to 25: tools that fail, and what the caller still gets.
func TestToolFaults(t *testing.T) {
	then := func(first fakeopenai.Answer, rest ...fakeopenai.Answer) func(int, fakeopenai.Request) fakeopenai.Answer {
		all := append([]fakeopenai.Answer{first}, rest...)
		return func(n int, _ fakeopenai.Request) fakeopenai.Answer { return all[min(n, len(all)-1)] }
	}
	finished := func(t *testing.T, o result, want string) {
		t.Helper()
		if o.status != 200 || o.text != want || o.finish != "stop" || !o.done || o.code != "" {
			t.Errorf("status %d, text %q, finish reason %q, [DONE] %v, code %q; want a complete stream with the text %q\n%s", o.status, o.text, o.finish, o.done, o.code, want, o.body)
		}
	}
	for name, arguments := range map[string]string{"no JSON": `{"message":`, "no object": `[]`, "no such field": `{"massage":"x"}`, "wrong type": `{"message":7}`, "another's number": `{"message":"x","to":"+19005551234"}`} {
		t.Run("fault 20: invalid arguments, "+name, func(t *testing.T) {
			d := fakeopenai.Serve(t, then(fakeopenai.ToolCall("c1", "send_sms", arguments), fineAnswer))
			f, p := withTools(d.URL)
			finished(t, runRequest(t, f), "Hello there")
			if len(p.sent) != 0 || !strings.HasPrefix(lastToolMessage(d, 1), "Error: ") {
				t.Errorf("sent %q, the model got the result %q; want nothing sent and an error", p.sent, lastToolMessage(d, 1))
			}
		})
	}
	t.Run("fault 20: invalid arguments a second time end the turn", func(t *testing.T) {
		d := fakeopenai.Serve(t, then(fakeopenai.ToolCall("c1", "send_sms", `{`)))
		f, p := withTools(d.URL)
		o := runRequest(t, f)
		if o.status != 200 || o.finish != "stop" || !o.done || o.text == "" || len(d.Requests()) != 2 || len(p.sent) != 0 {
			t.Errorf("%d requests to the model, sent %q, result %+v; want a sentence and stop after 2 requests, and nothing sent", len(d.Requests()), p.sent, o)
		}
	})
	t.Run("fault 21: a tool that the assistant does not have", func(t *testing.T) {
		d := fakeopenai.Serve(t, then(fakeopenai.ToolCall("c1", "send_email", `{}`), fineAnswer))
		f, _ := withTools(d.URL)
		finished(t, runRequest(t, f), "Hello there")
		if got := lastToolMessage(d, 1); got != "Error: Tool send_email not found." {
			t.Errorf("the model got the result %q, want that the tool was not found", got)
		}
	})
	t.Run("fault 22: the model calls tools without end", func(t *testing.T) {
		d := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer {
			return fakeopenai.ToolCall("call_"+rand.Text(), "get_current_time", `{}`)
		})
		f, _ := withTools(d.URL)
		o := runRequest(t, f)
		turnError, _ := o.session["error"].(map[string]any)
		if o.status != 200 || o.finish != "stop" || !o.done || o.text == "" || turnError["code"] != "turn_limit" || len(d.Requests()) != 25 {
			t.Errorf("%d requests to the model, session error %v, result %+v; want turn_limit and a sentence after 25 requests", len(d.Requests()), turnError, o)
		}
	})
	t.Run("fault 23: one of two tools fails", func(t *testing.T) {
		d := fakeopenai.Serve(t, then(fakeopenai.ToolCall("c1", "broken", `{}`).ToolCall("c2", "send_sms", `{"message":"Hi"}`), fineAnswer))
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }))
		defer s.Close()
		f, p := withTools(d.URL, aurora.HTTPTool{Name: "broken", Description: "x", URL: s.URL})
		finished(t, runRequest(t, f), "Hello there")
		messages := d.Requests()[1].Body.Messages
		one, two := messages[len(messages)-2], messages[len(messages)-1]
		if one.ToolCallID != "c1" || !strings.HasPrefix(one.Content, "Error: ") || two.ToolCallID != "c2" || strings.HasPrefix(two.Content, "Error") || len(p.sent) != 1 {
			t.Errorf("the model got the results %+v and %+v, sent %q; want an error, a success and one message", one, two, p.sent)
		}
	})
	t.Run("fault 24: a tool's server hangs, fails, or floods", func(t *testing.T) {
		release := make(chan struct{})
		for name, handler := range map[string]http.HandlerFunc{
			"hangs":  func(_ http.ResponseWriter, r *http.Request) { <-release },
			"fails":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
			"floods": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(strings.Repeat("x", 10<<20))) },
		} {
			d := fakeopenai.Serve(t, then(fakeopenai.ToolCall("c1", "outside", `{}`), fineAnswer))
			s := httptest.NewServer(handler)
			f, _ := withTools(d.URL, aurora.HTTPTool{Name: "outside", Description: "x", URL: s.URL, TimeoutMs: 200})
			finished(t, runRequest(t, f), "Hello there")
			if got := lastToolMessage(d, 1); len(got) > 64<<10+100 || (name != "floods" && !strings.HasPrefix(got, "Error: ")) {
				t.Errorf("%s: the model got %d bytes: %.80s", name, len(got), got)
			}
			if name == "hangs" {
				close(release)
			}
			s.Close()
		}
	})
	t.Run("fault 25: the stream breaks after a side effect, and the caller repeats the turn", func(t *testing.T) {
		d := fakeopenai.Serve(t, func(n int, _ fakeopenai.Request) fakeopenai.Answer {
			switch n {
			case 0, 2:
				return sendSMSCall("Your appointment is on Tuesday.")
			case 1:
				return fakeopenai.Reset("I have ")
			}
			return fineAnswer
		})
		f, p := withTools(d.URL)
		if o := runRequest(t, f); o.code != "upstream_error" {
			t.Fatalf("the first turn: %+v, want upstream_error", o)
		}
		finished(t, runRequest(t, f), "Hello there")
		if len(p.sent) != 1 || lastToolMessage(d, 1) != lastToolMessage(d, 3) {
			t.Errorf("sent %q, results %q and %q; want one message and equal results", p.sent, lastToolMessage(d, 1), lastToolMessage(d, 3))
		}
	})
	t.Run("fault 25: the same words in the next turn are another message", func(t *testing.T) {
		d := fakeopenai.Serve(t, then(sendSMSCall("On my way."), fineAnswer, sendSMSCall("On my way."), fineAnswer))
		f, p := withTools(d.URL)
		finished(t, runRequest(t, f), "Hello there")
		event := strings.Replace(string(streamRequest(t)), `{\"role\":\"user\"`, `{\"role\":\"user\",\"content\":\"And now?\"},{\"role\":\"user\"`, 1)
		if status, _, body := invoke(t, f, []byte(event)); status != 200 {
			t.Fatal(errors.New(string(body)))
		}
		if len(p.sent) != 2 {
			t.Errorf("sent %q, want two messages", p.sent)
		}
	})
}

// The caller receives each of 2000 tokens before the model writes the next one, across three tool calls.
func TestTokensAreForwardedImmediately(t *testing.T) {
	for channel, handler := range map[string]func(*completions.Handler) web.HandlerFunc{
		"general": func(e *completions.Handler) web.HandlerFunc { return e.ServeGeneral },
		"voice":   func(e *completions.Handler) web.HandlerFunc { return e.ServeVoice },
	} {
		t.Run(channel, func(t *testing.T) { checkTokenByToken(t, handler) })
	}
}

// checkTokenByToken lets the model write a token only after the caller has received the one before.
func checkTokenByToken(t *testing.T, handler func(*completions.Handler) web.HandlerFunc) {
	const words, rounds = 500, 4
	gate := make(chan struct{})
	tokens := make([]string, words)
	for i := range tokens {
		tokens[i] = fmt.Sprintf("w%d ", i)
	}
	d := fakeopenai.Serve(t, func(n int, _ fakeopenai.Request) fakeopenai.Answer {
		a := fakeopenai.Text(tokens...).Gate(gate)
		if n < rounds-1 {
			a = a.ToolCall("call_"+rand.Text(), "get_current_time", "{}")
		}
		return a
	})
	h, _ := newToolHandler(d.URL)
	f := serve(h, liveKeys)
	f.Routes[0].Handler = handler(h)
	release := func() {
		select {
		case gate <- struct{}{}:
		case <-time.After(30 * time.Second):
			t.Error("the model did not ask for the next token within 30s")
		}
	}
	type invoked struct {
		response any
		err      error
	}
	begun := make(chan invoked, 1)
	go func() { v, err := f.Invoke(context.Background(), streamRequest(t)); begun <- invoked{v, err} }()
	release() // the response begins with the first word
	first := <-begun
	if first.err != nil {
		t.Fatal(first.err)
	}
	lines := bufio.NewScanner(first.response.(*events.LambdaFunctionURLStreamingResponse).Body)
	lines.Buffer(nil, 1<<22)
	seen := 0
	for lines.Scan() {
		if !strings.Contains(lines.Text(), `"content":"`) || strings.Contains(lines.Text(), "full_session") {
			continue
		}
		seen++ // only now may the model write the next token, or call its tool
		if seen < words*rounds {
			if seen%words == 0 && seen/words < rounds {
				release() // the chunk with the tool call
			}
			release()
		}
	}
	if err := lines.Err(); err != nil || seen != words*rounds {
		t.Errorf("received %d words, error %v; want %d", seen, err, words*rounds)
	}
}
