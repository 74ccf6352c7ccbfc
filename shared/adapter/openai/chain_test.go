package openai_test

import (
	"context"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeopenai"
)

// newPool has two servers: what "first" does, and one that always answers.
func newPool(t *testing.T, patience time.Duration, first fakeopenai.Script) (agent.Model, *fakeopenai.Double, *fakeopenai.Double) {
	t.Helper()
	a := fakeopenai.Serve(t, first)
	b := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("second") })
	p := &openai.Pool{
		Options:          openai.Options{BaseURL: a.URL, Limits: openai.Limits{FirstByte: 2 * time.Second, Backoff: time.Millisecond}, Key: func(context.Context) (string, error) { return "sk-first", nil }},
		Key:              func(_ context.Context, name string) (string, error) { return "sk-" + name, nil },
		FirstWordTimeout: patience,
	}
	return p.Chain([]openai.Ref{{Model: "one"}, {Model: "two", BaseURL: b.URL, Secret: "other"}}), a, b
}

// askChain is what a chain says, or the code of its error.
func askChain(t *testing.T, m agent.Model) (text, code string) {
	t.Helper()
	for c, err := range m.Stream(t.Context(), agent.ModelRequest{Messages: []agent.Message{{Role: agent.RoleUser, Content: "Hi"}}}) {
		if err != nil {
			return text, fault.From(err).Code
		}
		text += c.Text
	}
	return text, ""
}

func TestChain(t *testing.T) {
	for name, c := range map[string]struct {
		first        fakeopenai.Answer
		patience     time.Duration
		text, code   string
		asked, spare int
	}{
		"the first answers":          {first: fakeopenai.Text("first"), text: "first", asked: 1},
		"the first is down":          {first: fakeopenai.Status(503, ``), text: "second", asked: 3, spare: 1},
		"the first has no quota":     {first: fakeopenai.Status(429, `{"error":{"code":"insufficient_quota"}}`), text: "second", asked: 1, spare: 1},
		"the first ends at once":     {first: fakeopenai.Close(), text: "second", asked: 1, spare: 1},
		"the first refuses the turn": {first: fakeopenai.Status(400, `{"error":{"code":"context_length_exceeded"}}`), code: "context_length_exceeded", asked: 1},
		"the first breaks later":     {first: fakeopenai.Close("fir"), text: "fir", asked: 1},
		"the first is slow":          {first: fakeopenai.Text("first").HangAfter(0), patience: 50 * time.Millisecond, text: "second", asked: 1, spare: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m, a, b := newPool(t, c.patience, func(int, fakeopenai.Request) fakeopenai.Answer { return c.first })
			text, code := askChain(t, m)
			if text != c.text || code != c.code || len(a.Requests()) != c.asked || len(b.Requests()) != c.spare {
				t.Errorf("said %q, code %q, asked %d and %d; want %q, %q, %d, %d", text, code, len(a.Requests()), len(b.Requests()), c.text, c.code, c.asked, c.spare)
			}
			for _, r := range b.Requests() {
				if r.Body.Model != "two" || r.Header.Get("Authorization") != "Bearer sk-other" {
					t.Errorf("the second was asked for %q with %q", r.Body.Model, r.Header.Get("Authorization"))
				}
			}
		})
	}
}

// When all fail, the first one's error is told: it is the one that was meant.
func TestChainReturnsFirstError(t *testing.T) {
	p := &openai.Pool{Options: openai.Options{Key: func(context.Context) (string, error) { return "k", nil }, Limits: openai.Limits{Backoff: time.Millisecond}}}
	quota := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer {
		return fakeopenai.Status(429, `{"error":{"code":"insufficient_quota"}}`)
	})
	auth := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Status(401, ``) })
	m := p.Chain([]openai.Ref{{Model: "a", BaseURL: quota.URL}, {Model: "b", BaseURL: auth.URL}})
	if text, code := askChain(t, m); text != "" || code != "upstream_quota" {
		t.Errorf("%q, %q", text, code)
	}
}

// Five failures in a row, and a model is passed over; one alone is asked all the same.
func TestCircuitBreaker(t *testing.T) {
	m, a, b := newPool(t, 0, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Status(401, ``) })
	for range 8 {
		if text, code := askChain(t, m); text != "second" || code != "" {
			t.Fatalf("%q, %q", text, code)
		}
	}
	if len(a.Requests()) != 5 || len(b.Requests()) != 8 {
		t.Errorf("asked %d and %d times, want 5 and 8", len(a.Requests()), len(b.Requests()))
	}
	p := &openai.Pool{Options: openai.Options{BaseURL: a.URL, Key: func(context.Context) (string, error) { return "k", nil }}}
	alone := p.Chain([]openai.Ref{{Model: "one"}})
	before := len(a.Requests())
	for range 8 {
		if _, code := askChain(t, alone); code != "upstream_auth" {
			t.Fatalf("code %q", code)
		}
	}
	if len(a.Requests())-before != 8 {
		t.Errorf("asked %d times, want 8", len(a.Requests())-before)
	}
}
