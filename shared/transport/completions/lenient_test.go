package completions

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// oddValues are values that cannot be read where a message, a tool or an option is expected.
var oddValues = []string{`null`, `7`, `true`, `"text"`, `[]`, `[1]`, `{"role":"user","content":{"text":"odd"}}`, `{"role":"user","content":5}`, `{"role":7,"content":"x"}`, `{"type":"custom","custom":{"name":"x"}}`,
	`{"type":"function"}`, `{"type":"function","function":{"name":"no spaces"}}`, `{"type":"function","function":{"name":"f","parameters":"text"}}`, `{"tool_calls":{"a":1}}`}

func decodeOnThePhone(t *rapid.T, body string) request {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	in, err := (&Handler{}).decodeLenient(r)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return in
}

// TestOneOddItemCostsNothingElse puts an odd item into each list and object of a request for the phone. Everything else is
// read as it is read without it.
func TestOneOddItemCostsNothingElse(t *testing.T) {
	testkit.CaptureLog(t)
	messages := []string{`{"role":"user","content":"My name is Ann."}`, `{"role":"assistant","content":"Hi Ann."}`, `{"role":"user","content":"What is my name?"}`}
	tools := []string{`{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}`, `{"type":"function","name":"flat"}`}
	options := []string{`"max_tokens":100`, `"stop":["END"]`, `"seed":7`}
	call := []string{`"id":"c1"`, `"caller_phone_number":"+14155550123"`, `"assistant_config":{"assistantId":"a1","assistantPrompt":"P"}`, `"context_variables":{"a":1}`, `"callSid":"CA1"`}
	oddOptions := []string{`"temperature":3`, `"temperature":"hot"`, `"top_p":-1`, `"logit_bias":[1]`, `"response_format":"json"`, `"user":{}`, `"n":3`, `"stream":"yes"`, `"model":{}`, `"functions":{"a":1}`, `"logprobs":"yes"`, `"tool_choice":5`, `"stream_options":7`}
	oddKeys := []string{`"active_agent":[]`, `"assistantId":{}`, `"active_agent":{"a":1}`, `"messages":5`, `"messages":[7]`, `"usage":7`, `"error":[]`}
	rapid.Check(t, func(t *rapid.T) {
		insert := func(list []string, odd []string, name string) []string {
			if !rapid.Bool().Draw(t, name) {
				return list
			}
			at := rapid.IntRange(0, len(list)).Draw(t, "at")
			return append(append(append([]string(nil), list[:at]...), rapid.SampledFrom(odd).Draw(t, "odd")), list[at:]...)
		}
		write := func(messages, tools, options, call []string) string {
			return fmt.Sprintf(`{"messages":[%s],"tools":[%s],"call":{%s},%s}`, strings.Join(messages, ","), strings.Join(tools, ","), strings.Join(call, ","), strings.Join(options, ","))
		}
		want := decodeOnThePhone(t, write(messages, tools, options, call))
		got := decodeOnThePhone(t, write(insert(messages, oddValues[:9], "odd message"), insert(tools, oddValues, "odd tool"), insert(options, oddOptions, "odd option"), insert(call, oddKeys, "odd key")))
		got.Session.ClientManaged = want.Session.ClientManaged
		if len(got.Session.Messages) == 0 { // no message and no list are the same
			got.Session.Messages = nil
		}
		for _, m := range got.Messages { // an odd role is left out later, with the message
			if m.Role != agent.RoleUser && m.Role != agent.RoleAssistant {
				t.Fatalf("messages %+v", got.Messages)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("read %+v,\nwant %+v", got, want)
		}
	})
}

// TestOddItemsAreNamed checks that each item that is left out is named in a warning, and that other routes name it in an error.
func TestOddItemsAreNamed(t *testing.T) {
	for body, part := range map[string]string{
		`{"messages":[{"role":"user","content":"a"},{"role":"user","content":5}]}`:                "messages[1]",
		`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"custom"}]}`:                "tools[0]",
		`{"messages":[{"role":"user","content":"a"}],"temperature":3}`:                            "temperature",
		`{"messages":[{"role":"user","content":"a"}],"call":{"context_variables":"x"}}`:           "call.context_variables",
		`{"messages":[{"role":"user","content":"a"}],"call":{"messages":[{"content":{}}]}}`:       "call.messages[0]",
		`{"messages":[{"role":"user","content":"a"}],"n":2}`:                                      "n",
		`{"messages":[{"role":"user","content":"a"}],"modalities":"text"}`:                        "modalities",
		`{"messages":[{"role":"user","content":"a"}],"target_assistant_id":{}}`:                   "target_assistant_id",
		`{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","name":"a b"}]}`: "tools[0]",
	} {
		log := testkit.CaptureLog(t)
		post := func() *http.Request {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if _, err := (&Handler{}).decodeLenient(post()); err != nil || !strings.Contains(log.String(), part) {
			t.Errorf("%s: error %v, log %s; want a warning that names %s", body, err, log.String(), part)
		}
		if _, err := (&Handler{}).decode(post()); !fault.Is(err, fault.Invalid) || fault.From(err).Param == "" {
			t.Errorf("%s: error %v on the other routes, want fault.Invalid that names the field", body, err)
		}
	}
}

// TestModels lists the models, and finds one by its id.
func TestModels(t *testing.T) {
	h := newHandler(scriptedModel{})
	h.Models = []string{"gpt-4o", "gpt-4o-mini"}
	get := func(id string) (string, error) {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		r.SetPathValue("id", id)
		w := &recordingWriter{header: http.Header{}}
		err := h.ServeModels(w, r)
		return strings.Join(w.writes, ""), err
	}
	const small = `{"id":"gpt-4o-mini","object":"model","created":0,"owned_by":"aurora"}`
	if body, err := get(""); err != nil || body != `{"object":"list","data":[{"id":"gpt-4o","object":"model","created":0,"owned_by":"aurora"},`+small+`]}` {
		t.Errorf("the list is %s, %v", body, err)
	}
	if body, err := get("gpt-4o-mini"); err != nil || body != small {
		t.Errorf("the model is %s, %v; want %s", body, err, small)
	}
	if body, err := get("gpt-9"); !fault.Is(err, fault.NotFound) {
		t.Errorf("an unknown model is %s, %v; want fault.NotFound", body, err)
	}
}

// TestRetryHint checks that OpenAI's clients are told not to repeat a request whose tools have run, and only then.
func TestRetryHint(t *testing.T) {
	failed := fault.New(fault.Upstream, "The model failed.")
	for name, c := range map[string]struct {
		messages []agent.Message
		want     string
	}{
		"tools have run": {[]agent.Message{{Role: agent.RoleAssistant}, {Role: agent.RoleTool}}, "false"},
		"none has run":   {[]agent.Message{{Role: agent.RoleAssistant}}, ""},
	} {
		w := &recordingWriter{header: http.Header{}}
		end := chat.Event{Event: agent.Event{End: &agent.TurnResult{Messages: c.messages}}}
		if err := withRetryHint(w, end, failed); err != error(failed) || w.header.Get("X-Should-Retry") != c.want {
			t.Errorf("%s: error %v, header %q; want %q", name, err, w.header.Get("X-Should-Retry"), c.want)
		}
	}
}

// TestHash checks that only the same request of the same key has the same hash, and that a conversation with an id has none.
func TestHash(t *testing.T) {
	hash := func(body string) string {
		in, err := decodeBody(t, body)
		if err != nil {
			t.Fatal(err)
		}
		return in.Hash
	}
	const first = `{"messages":[{"role":"user","content":"a"}],"stream":false}`
	if a, b := hash(first), hash(`{"stream":false,"messages":[{"role":"user","content":"a"}]}`); a == "" || a != b {
		t.Errorf("hashes %q and %q of the same request", a, b)
	}
	for _, other := range []string{`{"messages":[{"role":"user","content":"b"}],"stream":false}`, `{"messages":[{"role":"user","content":"a"}],"stream":true}`} {
		if hash(other) == hash(first) {
			t.Errorf("%s has the hash of another request", other)
		}
	}
	if got := hash(`{"messages":[{"role":"user","content":"a"}],"call":{"id":"c1"}}`); got != "" {
		t.Errorf("hash %q of a conversation with an id, want none", got)
	}
}
