package completions

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/golden"
)

var (
	testUsage      = agent.Usage{PromptTokens: 11, CompletionTokens: 7, TotalTokens: 18}
	helloChunks    = []agent.Chunk{{Text: "Nine ", Model: "gpt-4o-2024"}, {Text: "to five."}, {FinishReason: "stop"}, {Usage: &testUsage}}
	toolCallChunks = []agent.Chunk{{Model: "gpt-4o-2024", ToolCalls: []agent.ToolCallDelta{{Index: 0, ID: "c1", Name: "book", Arguments: `{"day":"ü\n"}`}, {Index: 1, ID: "c2", Name: "book", Arguments: `{}`}}}, {FinishReason: "tool_calls"}}
)

const (
	hiMessages = `"messages":[{"role":"user","content":"Hi"}]`
	withTools  = `"tools":[{"type":"function","function":{"name":"book"}}]`
)

// The bytes of a stream in each of its forms. Each event is one write.
func TestStreamBytes(t *testing.T) {
	document := `"call":{"id":"c","caller_phone_number":"+15557654321","assistant_config":{"orgName":"X"},"tenant":"t"}`
	for name, c := range map[string]struct {
		body   string
		header []string
		chunks []agent.Chunk
		err    error
	}{
		"plain":                       {body: `{"stream":true,` + hiMessages + `}`, chunks: helloChunks},
		"usage":                       {body: `{"stream":true,"stream_options":{"include_usage":true},` + hiMessages + `}`, chunks: helloChunks},
		"document":                    {body: `{"stream":true,` + hiMessages + `,` + document + `}`, chunks: helloChunks},
		"document-usage":              {body: `{"stream":true,"stream_options":{"include_usage":true},` + hiMessages + `,` + document + `}`, chunks: helloChunks},
		"document-by-number-alone":    {body: `{"stream":true,` + hiMessages + `,"call":{"caller_phone_number":"+15557654321"}}`, chunks: helloChunks},
		"document-by-config-alone":    {body: `{"stream":true,` + hiMessages + `,"call":{"assistant_config":"{}"}}`, chunks: helloChunks},
		"document-wanted-as-openai":   {body: `{"stream":true,` + hiMessages + `,` + document + `}`, header: []string{"X-Aurora-Stream", "openai"}, chunks: helloChunks},
		"openai":                      {body: `{"stream":true,"stream_options":{"include_usage":true},` + hiMessages + `,"call":{"id":"c"}}`, chunks: helloChunks},
		"openai-wanted-as-document":   {body: `{"stream":true,` + hiMessages + `,"call":{"id":"c"}}`, header: []string{"X-Aurora-Stream", "document"}, chunks: helloChunks},
		"no-call-wanted-as-document":  {body: `{"stream":true,` + hiMessages + `}`, header: []string{"X-Aurora-Stream", "document"}, chunks: helloChunks},
		"tool-calls":                  {body: `{"stream":true,` + hiMessages + `,` + withTools + `,"call":{"id":"c"}}`, chunks: toolCallChunks},
		"words-and-tool-calls":        {body: `{"stream":true,` + hiMessages + `,` + withTools + `}`, chunks: append([]agent.Chunk{{Text: "Wait.", Model: "gpt-4o-2024"}}, toolCallChunks...)},
		"no-word":                     {body: `{"stream":true,` + hiMessages + `}`, chunks: []agent.Chunk{{FinishReason: "length"}}},
		"refusal":                     {body: `{"stream":true,` + hiMessages + `}`, chunks: []agent.Chunk{{Refusal: "No."}, {FinishReason: "stop"}}},
		"error-in-mid-stream":         {body: `{"stream":true,"stream_options":{"include_usage":true},` + hiMessages + `,` + document + `}`, chunks: helloChunks[:1], err: fault.New(fault.Upstream, "It broke.").WithCode("upstream_error")},
		"error-in-mid-stream-no-call": {body: `{"stream":true,` + hiMessages + `}`, chunks: helloChunks[:1], err: fault.New(fault.Upstream, "It broke.").WithCode("upstream_error")},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := postGeneral(t, newHandler(scriptedModel{chunks: c.chunks, err: c.err}), c.body, c.header...)
			if !errors.Is(err, c.err) {
				t.Fatalf("error = %v, want %v", err, c.err)
			}
			if p.status != 0 || !strings.HasPrefix(p.header.Get("Content-Type"), "text/event-stream") {
				t.Errorf("status %d, header %v; want no explicit status, and text/event-stream", p.status, p.header)
			}
			for i, w := range p.writes {
				data := oneEvent(t, w)
				if last := i == len(p.writes)-1; (data == "[DONE]") != (last && c.err == nil) {
					t.Errorf("write %d of %d is %q; [DONE] must end a successful stream, and nothing else", i, len(p.writes), w)
				}
			}
			golden.Equal(t, name, []byte(strings.Join(p.writes, "")))
		})
	}
}

// oneEvent returns the data of a write, which must be exactly one event of one line of valid JSON, by every definition of a
// line break.
func oneEvent(t testing.TB, write string) string {
	t.Helper()
	data, ok := strings.CutPrefix(write, "data: ")
	data, ends := strings.CutSuffix(data, "\n\n")
	if !ok || !ends || strings.ContainsAny(data, "\r\n\v\f\x1c\x1d\x1e\u0085\u2028\u2029\x00") || !utf8.ValidString(data) {
		t.Fatalf("not one event: %q", write)
	}
	if data != "[DONE]" && !json.Valid([]byte(data)) {
		t.Fatalf("not JSON: %q", data)
	}
	return data
}

func TestErrorBeforeFirstWordWritesNothing(t *testing.T) {
	broke := fault.New(fault.RateLimited, "Too many.").WithCode("rate_limit_exceeded")
	for _, stream := range []string{"true", "false"} {
		for _, m := range []scriptedModel{{err: broke}, {chunks: []agent.Chunk{{Model: "m"}}, err: broke}} {
			p, err := postGeneral(t, newHandler(m), `{"stream":`+stream+`,`+hiMessages+`,"call":{"id":"c"}}`)
			if !errors.Is(err, broke) || len(p.writes) != 0 || p.status != 0 {
				t.Errorf("stream %s: error %v, status %d, wrote %q; want the model's error and nothing written", stream, err, p.status, p.writes)
			}
		}
	}
	p, err := postGeneral(t, newHandler(scriptedModel{chunks: helloChunks[:1]}), `{`+hiMessages+`}`) // the stream of a whole answer ends early
	if fault.From(err).Code != "upstream_error" || len(p.writes) != 0 {
		t.Errorf("error %v, wrote %q; want upstream_error and nothing written", err, p.writes)
	}
}

// The turn ends at the event that cannot be sent.
func TestReaderDisconnects(t *testing.T) {
	body := `{"stream":true,"stream_options":{"include_usage":true},` + hiMessages + `,` + withTools + `,"call":{"id":"c"}}`
	chunks := append(append([]agent.Chunk{}, helloChunks[:2]...), toolCallChunks...)
	p, err := postGeneral(t, newHandler(scriptedModel{chunks: chunks}), body)
	if err != nil || len(p.writes) != 7 {
		t.Fatalf("%d events, error %v; want 7 events", len(p.writes), err)
	}
	for failAt := 1; failAt <= len(p.writes); failAt++ {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		gone := &recordingWriter{header: http.Header{}, failAt: failAt}
		if err := newHandler(scriptedModel{chunks: chunks}).ServeGeneral(gone, r); !errors.Is(err, errReaderGone) || len(gone.writes) != failAt-1 {
			t.Errorf("write %d fails: error %v after %d writes, want the write's error after %d", failAt, err, len(gone.writes), failAt-1)
		}
	}
}

func TestWholeAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		body   string
		chunks []agent.Chunk
	}{
		"whole":                      {`{` + hiMessages + `}`, helloChunks},
		"whole-session":              {`{"stream":null,` + hiMessages + `,"call":{"id":"c","assistant_config":{}}}`, helloChunks},
		"whole-tool-calls":           {`{` + hiMessages + `,` + withTools + `,"call":{"id":"c"}}`, toolCallChunks},
		"whole-words-and-tool-calls": {`{` + hiMessages + `,` + withTools + `}`, append([]agent.Chunk{{Text: "Wait."}}, toolCallChunks...)},
		"whole-no-word":              {`{` + hiMessages + `}`, []agent.Chunk{{FinishReason: "length"}}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := postGeneral(t, newHandler(scriptedModel{chunks: c.chunks}), c.body)
			if err != nil || len(p.writes) != 1 || p.status != 200 || p.header.Get("Content-Type") != "application/json" {
				t.Fatalf("status %d, header %v, wrote %q, error %v; want 200 and one JSON object", p.status, p.header, p.writes, err)
			}
			golden.Equal(t, name, []byte(p.writes[0]+"\n"))
		})
	}
}

// FuzzStreamText checks that every event is one line of valid JSON, whatever text, names and arguments a model writes, and that
// a client reads the same text and arguments.
func FuzzStreamText(f *testing.F) {
	for _, s := range []string{"a\n\ndata: [DONE]\n\n", "\x00\x1c\"\\", "\xff\xfe\u2028\u2029\u0085", "\ud7ff😀</script>", strings.Repeat("\u2028x", 300)} {
		f.Add(s, "model", `{"a":1}`)
		f.Add("x", s, s)
	}
	f.Fuzz(func(t *testing.T, text, model, arguments string) {
		chunks := []agent.Chunk{{Text: text, Model: model}, {Text: text}, {ToolCalls: []agent.ToolCallDelta{{ID: text, Name: "book", Arguments: arguments}}, FinishReason: "tool_calls"}}
		p, err := postGeneral(t, newHandler(scriptedModel{chunks: chunks}), `{"stream":true,`+hiMessages+`,`+withTools+`,"call":{"id":"c","caller_phone_number":"x"}}`)
		if err != nil {
			t.Fatal(err)
		}
		var said, called strings.Builder
		for _, w := range p.writes {
			data := oneEvent(t, w)
			if data == "[DONE]" {
				continue
			}
			var c struct {
				Model   *string
				Choices []struct {
					Delta struct {
						Content   string
						ToolCalls []agent.ToolCall `json:"tool_calls"`
					}
				}
			}
			if err := json.Unmarshal([]byte(data), &c); err != nil {
				t.Fatal(err)
			}
			for _, choice := range c.Choices {
				said.WriteString(choice.Delta.Content)
				for _, call := range choice.Delta.ToolCalls {
					called.WriteString(call.Arguments)
				}
			}
		}
		if utf8.ValidString(text) && said.String() != text+text {
			t.Fatalf("the client reads the text %q, want %q twice", said.String(), text)
		}
		if utf8.ValidString(arguments) && called.String() != arguments {
			t.Fatalf("the client reads the arguments %q, want %q", called.String(), arguments)
		}
	})
}
