package openai_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeopenai"
)

// newChain returns a chain of two models with a server each: the first server runs the script, the second one always answers.
func newChain(t *testing.T, firstWordTimeout time.Duration, first fakeopenai.Script) (agent.Model, *fakeopenai.Double, *fakeopenai.Double) {
	t.Helper()
	a := fakeopenai.Serve(t, first)
	b := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("second") })
	p := &openai.Pool{
		AllowLoopback:    true,
		Options:          openai.Options{BaseURL: a.URL, Limits: openai.Limits{FirstByte: 2 * time.Second, Backoff: time.Millisecond}, Key: func(context.Context) (string, error) { return "sk-first", nil }},
		Key:              func(_ context.Context, name string) (string, error) { return "sk-" + name, nil },
		FirstWordTimeout: firstWordTimeout,
	}
	return p.Chain([]aurora.ModelRef{{Model: "one"}, {Model: "two", BaseURL: b.URL, Secret: "other"}}), a, b
}

// askChain returns the text of a chain's answer, or the code of its error.
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
		first             fakeopenai.Answer
		firstWordTimeout  time.Duration
		text, code        string
		toFirst, toSecond int // requests
	}{
		"the first answers":                    {first: fakeopenai.Text("first"), text: "first", toFirst: 1},
		"the first is down":                    {first: fakeopenai.Status(503, ``), text: "second", toFirst: 3, toSecond: 1},
		"the first has no quota":               {first: fakeopenai.Status(429, `{"error":{"code":"insufficient_quota"}}`), text: "second", toFirst: 1, toSecond: 1},
		"the first ends at once":               {first: fakeopenai.Close(), text: "second", toFirst: 1, toSecond: 1},
		"the first rejects the request":        {first: fakeopenai.Status(400, `{"error":{"code":"context_length_exceeded"}}`), text: "second", toFirst: 1, toSecond: 1},
		"the first takes no tools":             {first: fakeopenai.Status(400, `{"error":"this model does not support tools"}`), text: "second", toFirst: 1, toSecond: 1},
		"the first is not there":               {first: fakeopenai.Status(404, `{"error":{"code":"model_not_found"}}`), text: "second", toFirst: 1, toSecond: 1},
		"the first wants to be paid":           {first: fakeopenai.Status(402, `{"error":{"message":"Insufficient Balance"}}`), text: "second", toFirst: 1, toSecond: 1},
		"the first redirects":                  {first: fakeopenai.Status(302, ``), text: "second", toFirst: 1, toSecond: 1},
		"the first fails after its first word": {first: fakeopenai.Close("fir"), text: "fir", toFirst: 1},
		"the first is slow":                    {first: fakeopenai.Text("first").HangAfter(0), firstWordTimeout: 50 * time.Millisecond, text: "second", toFirst: 1, toSecond: 1},
	} {
		t.Run(name, func(t *testing.T) {
			m, a, b := newChain(t, c.firstWordTimeout, func(int, fakeopenai.Request) fakeopenai.Answer { return c.first })
			text, code := askChain(t, m)
			if text != c.text || code != c.code || len(a.Requests()) != c.toFirst || len(b.Requests()) != c.toSecond {
				t.Errorf("got %q, code %q, with %d and %d requests; want %q, code %q, with %d and %d", text, code, len(a.Requests()), len(b.Requests()), c.text, c.code, c.toFirst, c.toSecond)
			}
			for _, r := range b.Requests() {
				if r.Body.Model != "two" || r.Header.Get("Authorization") != "Bearer sk-other" {
					t.Errorf("the second server was asked for the model %q with the header %q, want two and Bearer sk-other", r.Body.Model, r.Header.Get("Authorization"))
				}
			}
		})
	}
}

// If all models fail, the error is the first one's: this is the model that was configured to answer.
func TestChainReturnsFirstError(t *testing.T) {
	p := &openai.Pool{AllowLoopback: true, Options: openai.Options{Key: func(context.Context) (string, error) { return "k", nil }, Limits: openai.Limits{Backoff: time.Millisecond}}}
	quota := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer {
		return fakeopenai.Status(429, `{"error":{"code":"insufficient_quota"}}`)
	})
	auth := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Status(401, ``) })
	m := p.Chain([]aurora.ModelRef{{Model: "a", BaseURL: quota.URL}, {Model: "b", BaseURL: auth.URL}})
	if text, code := askChain(t, m); text != "" || code != "upstream_quota" {
		t.Errorf("got %q, code %q; want no text and upstream_quota", text, code)
	}
}

// After five failures in a row a model is skipped, unless it is the only one.
func TestCircuitBreaker(t *testing.T) {
	m, a, b := newChain(t, 0, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Status(401, ``) })
	for range 8 {
		if text, code := askChain(t, m); text != "second" || code != "" {
			t.Fatalf("got %q, code %q; want the second model's answer", text, code)
		}
	}
	if len(a.Requests()) != 5 || len(b.Requests()) != 8 {
		t.Errorf("%d and %d requests, want 5 and 8", len(a.Requests()), len(b.Requests()))
	}
	p := &openai.Pool{Options: openai.Options{BaseURL: a.URL, Key: func(context.Context) (string, error) { return "k", nil }}}
	alone := p.Chain([]aurora.ModelRef{{Model: "one"}})
	before := len(a.Requests())
	for range 8 {
		if _, code := askChain(t, alone); code != "upstream_auth" {
			t.Fatalf("code %q, want upstream_auth", code)
		}
	}
	if len(a.Requests())-before != 8 {
		t.Errorf("%d requests to the only model, want 8", len(a.Requests())-before)
	}
}

// The deployment's key goes to the deployment's provider only, and nothing goes over the network in clear.
func TestKeyOfOtherServers(t *testing.T) {
	other := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("ok") })
	p := &openai.Pool{AllowLoopback: true, Options: openai.Options{Key: func(context.Context) (string, error) { return "sk-deployment", nil }},
		Key: func(_ context.Context, name string) (string, error) { return "sk-" + name, nil }}
	for name, c := range map[string]struct {
		ref           aurora.ModelRef
		authorization string
	}{
		"without a secret":           {aurora.ModelRef{Model: "m", BaseURL: other.URL}, ""},
		"with a secret":              {aurora.ModelRef{Model: "m", BaseURL: other.URL, Secret: "own"}, "Bearer sk-own"},
		"Azure's, without a secret":  {aurora.ModelRef{Model: "m", BaseURL: other.URL + "?api-version=1"}, ""},
		"the same with another name": {aurora.ModelRef{Model: "n", BaseURL: other.URL}, ""},
	} {
		before := len(other.Requests())
		if text, code := askChain(t, p.Chain([]aurora.ModelRef{c.ref})); text != "ok" {
			t.Errorf("%s: %q, code %q", name, text, code)
			continue
		}
		h := other.Requests()[before].Header
		if h.Get("Authorization") != c.authorization || h.Get("Api-Key") != "" && c.authorization == "" {
			t.Errorf("%s: the server got the keys %q and %q, want %q", name, h.Get("Authorization"), h.Get("Api-Key"), c.authorization)
		}
	}
	for _, base := range []string{"http://model.example.com/v1", "http://127.0.0.1.example.com/v1", "http://10.0.0.1/v1", "ftp://127.0.0.1/v1"} {
		if text, code := askChain(t, p.Chain([]aurora.ModelRef{{Model: "m", BaseURL: base, Secret: "own"}})); text != "" || code != "upstream_error" {
			t.Errorf("%s: %q, code %q; want no request", base, text, code)
		}
	}
}

// A server that an assistant names is dialled if its address is public. The deployment's own server may be anywhere.
func TestModelServersArePublic(t *testing.T) {
	server := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("ok") })
	key := func(context.Context) (string, error) { return "k", nil }
	p := &openai.Pool{Options: openai.Options{BaseURL: server.URL, Key: key}}
	if text, code := askChain(t, p.Chain([]aurora.ModelRef{{Model: "m"}})); text != "ok" {
		t.Errorf("the deployment's server: %q, code %q", text, code)
	}
	before := len(server.Requests())
	port := server.URL[strings.LastIndex(server.URL, ":"):]
	for _, base := range []string{server.URL, "http://localhost" + port, "http://[::1]" + port, "https://127.0.0.1:9001/2018-06-01/runtime", "https://169.254.169.254/latest",
		"https://169.254.170.2/v2/credentials", "https://[::ffff:10.0.0.1]/v1", "https://[fd00:ec2::254]/", "https://10.0.0.1:8443/v1", "https://192.168.1.1/v1",
		"https://0.0.0.0" + port, "https://localhost" + port + "/v1", "https://100.64.0.1/v1"} {
		text, code := askChain(t, p.Chain([]aurora.ModelRef{{Model: "m", BaseURL: base}}))
		if text != "" || code != "upstream_error" {
			t.Errorf("%s: %q, code %q; want it to be blocked", base, text, code)
		}
	}
	if n := len(server.Requests()); n != before {
		t.Errorf("%d requests reached a server on this machine", n-before)
	}
}

// Requests name models: a pool that has made many keeps working, and does not keep them all.
func TestManyModels(t *testing.T) {
	server := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("ok") })
	p := &openai.Pool{Options: openai.Options{BaseURL: server.URL, Key: func(context.Context) (string, error) { return "k", nil }}}
	first := p.Chain([]aurora.ModelRef{{Model: "m0"}})
	for i := range 1000 {
		p.Chain([]aurora.ModelRef{{Model: fmt.Sprint("m", i)}})
	}
	for _, m := range []agent.Model{first, p.Chain([]aurora.ModelRef{{Model: "m0"}})} {
		if text, code := askChain(t, m); text != "ok" {
			t.Errorf("%q, code %q", text, code)
		}
	}
}
