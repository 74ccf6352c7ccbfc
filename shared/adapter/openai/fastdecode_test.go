package openai

import (
	"encoding/json"
	"reflect"
	"testing"

	api "github.com/sashabaranov/go-openai"
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
			var piece api.ChatCompletionStreamResponse
			if err := json.Unmarshal(event, &piece); err != nil {
				t.Fatalf("%q is decoded as %+v, and encoding/json rejects it: %v", event, fast, err)
			}
			if slow, err := convertChunk(&piece); err != nil || !reflect.DeepEqual(fast, slow) {
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
