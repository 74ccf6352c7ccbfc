package completions

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
)

func newPost(t testing.TB, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func decodeBody(t testing.TB, body string, header ...string) (request, error) {
	t.Helper()
	r := newPost(t, body)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return (&Handler{}).decode(r)
}

// Which parameters are sent to the model, and which are not.
func TestForwardedOptions(t *testing.T) {
	for body, want := range map[string]string{
		`{}`: `{}`,
		`{"temperature":0,"top_p":1,"seed":7,"user":"u","stop":"END"}`: `{"seed":7,"stop":"END","temperature":0,"top_p":1,"user":"u"}`,
		`{"stop":["a","b"],"temperature":null,"seed":null}`:            `{"stop":["a","b"]}`,
		`{"max_tokens":99999,"max_completion_tokens":1}`:               `{"max_completion_tokens":1,"max_tokens":16384}`,
		`{"response_format":{"type":"json_object"},"tool_choice":"auto","parallel_tool_calls":false,"logit_bias":{"1":-100},"presence_penalty":2,"frequency_penalty":-2,"reasoning_effort":"low","verbosity":"low","service_tier":"auto","store":false}`: `{"frequency_penalty":-2,"logit_bias":{"1":-100},"parallel_tool_calls":false,"presence_penalty":2,"reasoning_effort":"low","response_format":{"type":"json_object"},"store":false,"verbosity":"low"}`,
		`{"metadata":{"a":"b"},"phoneNumber":{"number":"+1"},"customer":{},"call":{},"Temperature":1,"logprobs":true,"modalities":["audio"],"web_search_options":[],"assistant":{},"functions":[]}`:                                                      `{"logprobs":true}`,
		`{"metadata":{"a":"b"},"store":true,"prompt_cache_key":"k","top_logprobs":2}`: `{"prompt_cache_key":"k","top_logprobs":2}`,
	} {
		in, err := decodeBody(t, `{`+hiMessages+`,`+strings.TrimPrefix(body, "{"))
		if body == "{}" {
			in, err = decodeBody(t, `{`+hiMessages+`}`)
		}
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		if got, _ := json.Marshal(in.Options); string(got) != want {
			t.Errorf("%s\ngot  %s\nwant %s", body, got, want)
		}
	}
}

// What costs more than tokens, or is stored elsewhere, is sent to the model only where the deployment allows it.
func TestRestrictedOptions(t *testing.T) {
	const all = `"store":true,"metadata":{"a":"b"},"service_tier":"priority","prompt_cache_retention":"24h","web_search_options":[],"modalities":["text","audio"],"audio":{"voice":"a"},"temperature":1`
	for _, c := range []struct {
		allowed    []string
		body, want string
	}{
		{nil, all, `{"temperature":1}`},
		{nil, `"store":false,"metadata":{"a":"b"}`, `{"store":false}`},
		{[]string{"store"}, all, `{"store":true,"temperature":1}`},
		{[]string{"store", "metadata"}, all, `{"metadata":{"a":"b"},"store":true,"temperature":1}`},
		{[]string{"store", "metadata"}, `"store":true,"metadata":{"a":{"b":1}}`, `{"store":true}`},
		{[]string{"metadata"}, all, `{"temperature":1}`}, // OpenAI accepts metadata only with store
		{[]string{"service_tier", "web_search_options"}, all, `{"service_tier":"priority","temperature":1,"web_search_options":{}}`},
		{[]string{"*"}, all, `{"audio":{"voice":"a"},"metadata":{"a":"b"},"modalities":["text","audio"],"prompt_cache_retention":"24h","service_tier":"priority","store":true,"temperature":1,"web_search_options":{}}`},
	} {
		e := &Handler{AllowedOptions: c.allowed}
		for name, decode := range map[string]func(*http.Request) (request, error){"strict": e.decode, "lenient": e.decodeLenient} {
			in, err := decode(newPost(t, `{`+hiMessages+`,`+c.body+`}`))
			if err != nil {
				t.Errorf("%s, allowed %v: %v", name, c.allowed, err)
				continue
			}
			if got, _ := json.Marshal(in.Options); string(got) != c.want {
				t.Errorf("%s, allowed %v\ngot  %s\nwant %s", name, c.allowed, got, c.want)
			}
		}
	}
	if err := CheckAllowedOptions([]string{"store", "*"}); err != nil {
		t.Errorf("names that can be allowed: %v", err)
	}
	if err := CheckAllowedOptions([]string{"store", "servicetier"}); err == nil || !strings.Contains(err.Error(), "servicetier") {
		t.Errorf("a misspelt name: %v, want an error that names it", err)
	}
}

func TestRequestForms(t *testing.T) {
	in, err := decodeBody(t, `{"messages":"[{\"role\":\"user\",\"content\":\"Hi\"}]","call":"{\"id\":\"c\",\"messages\":\"[]\"}","phoneNumber":"+15551230100","customer":{"number":"+15557654321","name":5},"target_assistant_id":null,
		"tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":{"type":"object"}}}]}`, "Content-Type", "application/json")
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Messages) != 1 || in.Session == nil || in.Session.ID != "c" || in.Number != "+15551230100" || in.Customer.Name != "5" || in.stream || in.includeUsage || in.bareSession {
		t.Errorf("decoded %+v, want each field in spite of its unusual form", in)
	}
	if len(in.Tools) != 1 || in.Tools[0].Name != "f" || in.Tools[0].Description != "d" || !in.Tools[0].Strict || string(in.Tools[0].Parameters) != `{"type":"object"}` {
		t.Errorf("tools %+v, want the one that was sent", in.Tools)
	}
	for body, number := range map[string]string{`{"number":"+1"}`: "+1", `5`: "5", `[]`: "", `null`: "", `{"number":{}}`: ""} {
		if in, err := decodeBody(t, `{`+hiMessages+`,"phoneNumber":`+body+`,"customer":`+body+`}`); err != nil || in.Number != number {
			t.Errorf("phoneNumber %s: number %q, error %v; want %q", body, in.Number, err, number)
		}
	}
	if in, err := decodeBody(t, `{"call":null,`+hiMessages+`}`); err != nil || in.HasSession() {
		t.Errorf("a call that is null: %+v, %v; want a request without a session", in, err)
	}
}

// If several fields are wrong, the error always names the same one.
func TestFirstInvalidFieldIsReported(t *testing.T) {
	for range 50 {
		_, err := decodeBody(t, `{"model":{},"messages":5,"stream":"x","n":"x","call":5,"tools":5}`)
		if f := fault.From(err); f.Param != "model" {
			t.Fatalf("the error names %q, want model", f.Param)
		}
	}
}

// FuzzDecode checks that no input leads to a panic or to a fault of ours.
func FuzzDecode(f *testing.F) {
	bodies, err := eventcase.Payloads("../../..", "chat-completions")
	if err != nil {
		f.Fatal(err)
	}
	for _, body := range bodies {
		if len(body) < 10_000 {
			f.Add([]byte(body))
		}
	}
	f.Add([]byte(`{"messages":[{"role":"user","content":"\xff"}],"call":{"x":"` + "\xff\u0085" + `"},"stream":true,"target_assistant_id":"a"}`))
	e := newHandler(scriptedModel{chunks: []agent.Chunk{{Text: "a", FinishReason: "stop"}}})
	f.Fuzz(func(t *testing.T, body []byte) {
		if strings.Contains(string(body), "{%") { // a loop may be long
			return
		}
		p, err := postGeneral(t, e, string(body))
		if err != nil {
			switch f := fault.From(err); f.Kind {
			case fault.Invalid, fault.UnsupportedMediaType, fault.TooLarge, fault.NotFound:
			default:
				t.Fatalf("a fault of ours: %v", err)
			}
			if len(p.writes) > 0 {
				t.Fatalf("%v, after %q was written", err, p.writes)
			}
			return
		}
		if strings.HasPrefix(p.header.Get("Content-Type"), "application/json") {
			if len(p.writes) != 1 || !json.Valid([]byte(p.writes[0])) {
				t.Fatalf("wrote %q, want one JSON object", p.writes)
			}
			return
		}
		for _, w := range p.writes {
			oneEvent(t, w)
		}
	})
}
