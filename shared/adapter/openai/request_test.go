package openai

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/golden"
)

var (
	assistantCalls = agent.Message{Role: agent.RoleAssistant, Sender: "riley", ToolCalls: []agent.ToolCall{{ID: "c1", Name: "book", Arguments: `{"day":1}`}, {ID: "c2", Name: "now"}}}
	sampleMessages = []agent.Message{{Role: agent.RoleSystem, Content: "Be brief."}, {Role: agent.RoleUser, Name: "dana", Content: "Hi"}}
)

// The bytes of requests, for everything that a model treats in a special way.
func TestRequestBytes(t *testing.T) {
	everything := `{"temperature":0.4,"top_p":0.9,"max_tokens":50,"presence_penalty":1,"frequency_penalty":-1,"stop":["END"],"seed":0,"user":"u",
		"logit_bias":{"1":5},"reasoning_effort":"low","service_tier":"auto","store":true,"tool_choice":"auto","parallel_tool_calls":false}`
	for name, r := range map[string]agent.ModelRequest{
		"plain":            {Model: "gpt-4o", Messages: sampleMessages},
		"zeros":            {Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(`{"temperature":0,"top_p":0,"presence_penalty":0}`)},
		"everything":       {Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(everything), Tools: []agent.Tool{{Name: "now"}}},
		"no-tools":         {Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(`{"tool_choice":"auto","parallel_tool_calls":false}`)},
		"o3":               {Model: "o3-mini", Messages: sampleMessages, Options: json.RawMessage(everything), Tools: []agent.Tool{{Name: "now"}}},
		"gpt-5":            {Model: "gpt-5", Messages: sampleMessages, Options: json.RawMessage(`{"temperature":0,"max_tokens":50,"max_completion_tokens":40}`)},
		"empty-contents":   {Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleUser}, assistantCalls, {Role: agent.RoleTool, ToolCallID: "c1"}, {Role: agent.RoleTool, ToolCallID: "c2", Content: "4"}, {Role: agent.RoleUser, Parts: json.RawMessage(`[]`)}, {Role: agent.RoleUser, Parts: json.RawMessage(`[{"type":"text","text":""}]`)}}},
		"image":            {Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleUser, Parts: json.RawMessage(`[{"type":"text","text":"What?"},{"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"low"}}]`)}}},
		"tools":            {Model: "gpt-4o", Messages: sampleMessages, Tools: []agent.Tool{{Name: "book", Description: "Books.", Strict: true, Parameters: json.RawMessage(`{"type":"object","properties":{"day":{"anyOf":[{"type":"integer"},{"type":"null"}]}}}`)}, {Name: "now"}, {Name: "null", Parameters: json.RawMessage(`null`)}}},
		"json-schema-kept": {Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(`{"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"$schema":"x","type":"object","title":"kept","anyOf":[{"required":["a"]}]}}}}`)},
		"new-parameters":   {Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(`{"prompt_cache_key":"k","modalities":["text"],"logprobs":true,"top_logprobs":2,"n":3}`)},
		"all-parts":        {Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleAssistant, Parts: json.RawMessage(`[{"type":"refusal","refusal":"No."}]`)}, {Role: agent.RoleUser, Parts: json.RawMessage(`[{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}},{"type":"file","file":{"file_id":"f1"}}]`)}}},
		"needed-back": {Model: "gemini-3", Messages: []agent.Message{{Role: agent.RoleAssistant, Extra: agent.Extra{"reasoning_content": json.RawMessage(`"Hm."`)},
			ToolCalls: []agent.ToolCall{{ID: "c1", Name: "now", Extra: agent.Extra{"extra_content": json.RawMessage(`{"google":{"thought_signature":"A=="}}`)}}}}, {Role: agent.RoleTool, ToolCallID: "c1", Content: "4"}}},
		"first-tool-choice": {Model: "gpt-4o", Messages: sampleMessages, ToolChoice: json.RawMessage(`"required"`), Tools: []agent.Tool{{Name: "now"}}},
		"json-object":       {Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(`{"response_format":{"type":"json_object"}}`)},
	} {
		t.Run(name, func(t *testing.T) {
			w := &fakeTransport{answer: streaming(strings.NewReader(sseEvent(`{"content":"a"}`, `"stop"`)))}
			if _, err := collect(w.newModel(Limits{}), r); err != nil {
				t.Fatal(err)
			}
			if len(w.bodies) != 1 {
				t.Fatalf("%d requests, want 1", len(w.bodies))
			}
			golden.Equal(t, name, append(w.bodies[0], '\n'))
			for header, want := range map[string]string{"Authorization": "Bearer sk-canary", "Content-Type": "application/json", "Accept": "text/event-stream"} {
				if got := w.heads[0].Get(header); got != want {
					t.Errorf("header %s = %q, want %q", header, got, want)
				}
			}
		})
	}
}

// A request to OpenAI itself has store false, unless the caller asked to store the conversation.
func TestStore(t *testing.T) {
	for name, c := range map[string]struct{ baseURL, options, want string }{
		"OpenAI":                      {"", "", "false"},
		"OpenAI in one region":        {"https://eu.api.openai.com/v1", `{"temperature":1}`, "false"},
		"a request that wants it":     {"", `{"store":true}`, "true"},
		"another server":              {"https://models.example.com/v1", "", ""},
		"another server, when wanted": {"https://models.example.com/v1", `{"store":true}`, "true"},
	} {
		t.Run(name, func(t *testing.T) {
			r := agent.ModelRequest{Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(c.options)}
			if got := string(sentBody(t, c.baseURL, r)["store"]); got != c.want {
				t.Errorf("store = %s, want %s", got, c.want)
			}
		})
	}
}

// sentBody sends a request to the server at a base URL and returns the body.
func sentBody(t *testing.T, baseURL string, r agent.ModelRequest) map[string]json.RawMessage {
	t.Helper()
	w := &fakeTransport{answer: streaming(strings.NewReader(sseEvent(`{"content":"a"}`, `"stop"`)))}
	m := New(Options{BaseURL: baseURL, Key: func(context.Context) (string, error) { return "sk-canary", nil }, Transport: w})
	if _, err := collect(m, r); err != nil {
		t.Fatal(err)
	}
	var body map[string]json.RawMessage
	if err := json.Unmarshal(w.bodies[0], &body); err != nil {
		t.Fatal(err)
	}
	return body
}

// The cache key goes to OpenAI's own servers only, and not in place of the caller's.
func TestCacheKey(t *testing.T) {
	for name, c := range map[string]struct{ baseURL, options, key, want string }{
		"OpenAI":                  {"", "", "a1:riley", `"a1:riley"`},
		"OpenAI in one region":    {"https://eu.api.openai.com/v1", "", "a1:riley", `"a1:riley"`},
		"caller's own":            {"", `{"prompt_cache_key":"mine"}`, "a1:riley", `"mine"`},
		"caller wants none":       {"", `{"prompt_cache_key":null}`, "a1:riley", `null`},
		"no key":                  {"", "", "", ""},
		"another server":          {"https://models.example.com/v1", "", "a1:riley", ""},
		"host that looks like it": {"https://api.openai.com.example.com/v1", "", "a1:riley", ""},
		"caller's own, elsewhere": {"https://models.example.com/v1", `{"prompt_cache_key":"mine"}`, "a1:riley", `"mine"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := agent.ModelRequest{Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(c.options), CacheKey: c.key}
			if got := string(sentBody(t, c.baseURL, r)["prompt_cache_key"]); got != c.want {
				t.Errorf("prompt_cache_key = %s, want %s", got, c.want)
			}
		})
	}
}

// A request that cannot be sent is the caller's fault, and the model is not called.
func TestInvalidRequests(t *testing.T) {
	for name, r := range map[string]agent.ModelRequest{
		"options are a list":              {Model: "gpt-4o", Messages: sampleMessages, Options: json.RawMessage(`[]`)},
		"an unknown part":                 {Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleUser, Parts: json.RawMessage(`[{"type":"input_video","input_video":{"data":"x"}}]`)}}},
		"a refusal of the user":           {Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleUser, Parts: json.RawMessage(`[{"type":"refusal","refusal":"No."}]`)}}},
		"an image part without an image":  {Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleUser, Parts: json.RawMessage(`[{"type":"image_url"}]`)}}},
		"parts without a type":            {Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleUser, Parts: json.RawMessage(`[{}]`)}}},
		"parts are text":                  {Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleUser, Parts: json.RawMessage(`["a"]`)}}},
		"a model that OpenAI has retired": {Model: "text-davinci-003", Messages: sampleMessages},
	} {
		t.Run(name, func(t *testing.T) {
			w := &fakeTransport{answer: func(int, *http.Request) *http.Response {
				t.Error("the model was called")
				return response(500, http.NoBody)
			}}
			if _, err := collect(w.newModel(Limits{}), r); !fault.Is(err, fault.Invalid) {
				t.Errorf("error = %v, want fault.Invalid", err)
			}
		})
	}
}
