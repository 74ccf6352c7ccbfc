package openai

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
)

var sampleEvents = []string{
	`{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"},"finish_reason":null}]}`,
	`{"id":"c","model":"gpt-4o","service_tier":"default","system_fingerprint":null,"obfuscation":"x","usage":null,"choices":[{"index":0,"delta":{"content":"a \"b\" \u00e9\ud83d\ude00\n","refusal":null},"logprobs":null,"finish_reason":null}]}`,
	`{"choices":[{"delta":{},"finish_reason":"stop"}]}`,
	`{"model":"m","choices":[{"delta":{"content":null},"finish_reason":"error"}]}`,
	`{"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`,
	`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}]}}]}`,
	`{"CHOICES":[{"Delta":{"Content":"case"}}]}`,
	`{"choices":[{"delta":{"content":"a"}},{"delta":{"content":"b"}}]}`,
	`{"choices":[{"delta":{"content":"a","content":"b"},"delta":{"content":"c"}}],"model":"x","model":"y"}`,
	`{"choices":[{"delta":{"content":"a"}}]} {}`, `{"choices":[{"delta":{"content":"a"}}]`, `null`, `[]`, `{}`, `{"choices":null}`, `{"model":1}`,
	`{"choices":[{"delta":{"content":"a` + "\xff" + `"}}]}`, `{"choices":[{"delta":{"content":"\ud800"}}]}`, `{"choices":[{"delta":{"refusal":"no"}}]}`,
	`{"choices":[{"index":0,"delta":{"role":"assistant","content":"a","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"null"}],"error":null,"usage":null}`,
	`{"choices":[{"index":1,"delta":{"content":"b"}}]}`, `{"choices":[{"delta":{"content":"a","Content":null}}]}`, `{"choices":[{"delta":{"content":[{"type":"text","text":"a"}]},"finish_reason":"MAX_TOKENS"}]}`,
	`{"choices":[{"delta":{"content":"a"},"finish_reason":null,"content_filter_results":{}}],"prompt_filter_results":[]}`,
}

// FuzzFastDecode checks that an event that is decoded the fast way has the same meaning when it is decoded the slow way.
func FuzzFastDecode(f *testing.F) {
	for _, e := range sampleEvents {
		f.Add([]byte(e), []byte(sampleEvents[0]))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var d eventDecoder
		for _, event := range [][]byte{first, second, first} {
			fast, ok := d.decodeText(event)
			if !ok {
				continue
			}
			if slow, err := decodeEvent(event); err != nil || !reflect.DeepEqual(fast, slow) {
				t.Fatalf("%q is decoded as %+v, and the slow way as %+v, %v", event, fast, slow, err)
			}
		}
	})
}

// The events of a plain answer must be decoded the fast way.
func TestFastDecodeReadsText(t *testing.T) {
	var d eventDecoder
	for _, e := range sampleEvents[:3] {
		if _, ok := d.decodeText([]byte(e)); !ok {
			t.Errorf("%s was not decoded the fast way", e)
		}
	}
}

// TestDecodeEvent has events as servers send them that differ from OpenAI's.
func TestDecodeEvent(t *testing.T) {
	delta := func(index int, id, name, arguments string) []agent.ToolCallDelta {
		return []agent.ToolCallDelta{{Index: index, ID: id, Name: name, Arguments: arguments}}
	}
	for event, want := range map[string]agent.Chunk{
		`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":7,"function":{"name":"f","arguments":{"a":1}}}]}}]}`:        {ToolCalls: delta(0, "7", "f", `{"a":1}`)},
		`{"choices":[{"delta":{"tool_calls":[{"index":"1","id":null,"function":{"name":"f","arguments":null}}]}}]}`:      {ToolCalls: delta(1, "", "f", "")},
		`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{}"}}]}}]}`:                                       {ToolCalls: delta(-1, "", "", "{}")},
		`{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"}]}`:        {ToolCalls: delta(0, "", "f", "{}"), FinishReason: "tool_calls"},
		`{"choices":[{"message":{"content":"a"},"finish_reason":"eos"}]}`:                                                {Text: "a", FinishReason: "stop"},
		`{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"}]}}]}`:             {Text: "a", IsThinking: true},
		`{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}`:                          {Text: "a"},
		`{"choices":[{"delta":{"content":"a"},"finish_reason":"SAFETY"}]}`:                                               {Text: "a", FinishReason: "content_filter"},
		`{"choices":[{"delta":{"content":"a"},"finish_reason":5}],"model":null}`:                                         {Text: "a"},
		`{"choices":[{"delta":{"reasoning":"hm","reasoning_details":[]}}]}`:                                              {IsThinking: true, Reasoning: agent.Extra{"reasoning": json.RawMessage(`"hm"`)}},
		`{"choices":[{"delta":{"content":"a"},"logprobs":{"content":[]}}]}`:                                              {Text: "a", LogProbs: json.RawMessage(`{"content":[]}`)},
		`{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10,"prompt_cache_hit_tokens":8}}`: {Usage: &agent.Usage{PromptTokens: 9, CompletionTokens: 1, TotalTokens: 10, PromptTokensDetails: &agent.PromptTokensDetails{CachedTokens: 8}}},
	} {
		if got, err := decodeEvent([]byte(event)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", event, got, err, want)
		}
	}
}

func TestReasoningModels(t *testing.T) {
	for model, want := range map[string]bool{"o1": true, "o3-mini": true, "o4-mini-high": true, "gpt-5": true, "gpt-5.2": true, "openai/o3-mini": true, "azure:gpt-5-mini": true,
		"OpenAI/GPT-5": true, "gpt-5-chat": false, "gpt-5-chat-latest": false, "openai/gpt-5.1-chat": false, "gpt-4o": false, "o1x": false, "gpt-50": false, "octo1": false, "": false} {
		if got := isReasoningModel(model); got != want {
			t.Errorf("%q: %v, want %v", model, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	for base, want := range map[string]string{
		"http://model.invalid/v1": "http://model.invalid/v1/chat/completions", "http://model.invalid/v1/": "http://model.invalid/v1/chat/completions",
		"http://model.invalid": "http://model.invalid/chat/completions",
		"http://model.invalid/openai/deployments/d?api-version=2024-10-21": "http://model.invalid/openai/deployments/d/chat/completions?api-version=2024-10-21",
		"http://model.invalid/v1/?a=b&c=d%2F":                              "http://model.invalid/v1/chat/completions?a=b&c=d%2F",
	} {
		var got *http.Request
		m := New(Options{BaseURL: base, Key: func(context.Context) (string, error) { return "k", nil }, Transport: &fakeTransport{answer: func(_ int, r *http.Request) *http.Response {
			got = r
			return response(200, strings.NewReader("data: [DONE]\n\n"))
		}}})
		if _, err := collect(m, helloRequest); err != nil || got.URL.String() != want {
			t.Errorf("%s: error %v, asked at %v; want %s", base, err, got.URL, want)
			continue
		}
		if key := got.Header.Get("Api-Key"); (key == "k") != strings.Contains(base, "api-version") {
			t.Errorf("%s: header Api-Key %q", base, key)
		}
	}
}
