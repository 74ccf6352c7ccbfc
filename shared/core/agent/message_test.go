package agent_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/agent"
)

func TestUnmarshalMessage(t *testing.T) {
	for in, want := range map[string]agent.Message{
		`{"role":"user","content":"Hi"}`: {Role: "user", Content: "Hi"},
		`{"role":"user","content":null}`: {Role: "user"},
		`{"role":"user"}`:                {Role: "user"},
		`null`:                           {},
		`{"role":"user","content": [{"type":"text"}] }`:   {Role: "user", Parts: json.RawMessage(`[{"type":"text"}]`)},
		`{"role":"user","content":"a","name":"n","x":1}`:  {Role: "user", Content: "a", Name: "n"},
		`{"role":"tool","tool_call_id":"c","content":""}`: {Role: "tool", ToolCallID: "c"},
		`{"role":"assistant","sender":"riley","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}`: {
			Role: "assistant", Sender: "riley", ToolCalls: []agent.ToolCall{{ID: "c", Name: "f", Arguments: `{"a":1}`}}},
		`{"role":"assistant","tools_calls":[{"id":"c","function":{"name":"f","arguments":{"a":1}}}]}`: {
			Role: "assistant", ToolCalls: []agent.ToolCall{{ID: "c", Name: "f", Arguments: `{"a":1}`}}},
		`{"role":"assistant","tool_calls":[{"id":"a"}],"tools_calls":[{"id":"b"}]}`: {Role: "assistant", ToolCalls: []agent.ToolCall{{ID: "a"}}},
		`{"role":"assistant","tool_calls":null,"tools_calls":null}`:                 {Role: "assistant"},
		`{"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":null}}]}`: {
			Role: "assistant", ToolCalls: []agent.ToolCall{{ID: "c", Name: "f"}}},
	} {
		var got agent.Message
		if err := json.Unmarshal([]byte(in), &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v (%v), want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{`{"content":5}`, `{"content":{}}`, `{"content":true}`, `{"role":5}`, `[]`, `"x"`, `{"tool_calls":{}}`, `{"tool_calls":["x"]}`} {
		var got agent.Message
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s was read as %+v", in, got)
		}
	}
}

// TestMessageRoundTrip: the next turn reads the same message that this one wrote.
func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 20, -1)
		m := agent.Message{Role: text.Draw(t, "role"), Name: text.Draw(t, "name"), Sender: text.Draw(t, "sender"), ToolCallID: text.Draw(t, "answers")}
		if rapid.Bool().Draw(t, "parts") {
			b, err := json.Marshal([]any{map[string]any{"type": "text", "text": text.Draw(t, "text")}})
			if err != nil {
				t.Fatal(err)
			}
			m.Parts = b
		} else {
			m.Content = text.Draw(t, "content")
		}
		for range rapid.IntRange(0, 3).Draw(t, "calls") {
			m.ToolCalls = append(m.ToolCalls, agent.ToolCall{ID: text.Draw(t, "id"), Name: text.Draw(t, "f"), Arguments: text.Draw(t, "arguments")})
		}
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back agent.Message
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(back, m) {
			t.Fatalf("%s\ngot  %+v\nwant %+v", b, back, m)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"role":"assistant","content":[],"tools_calls":[{"function":{"arguments":[1]}}]}`))
	f.Add([]byte(`{"role":"user","content":"\ud800\u0000"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, again agent.Message
		if json.Unmarshal(b, &m) != nil {
			return
		}
		once, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(once, &again); err != nil {
			t.Fatalf("cannot read what was written, %s: %v", once, err)
		}
		if twice, err := json.Marshal(again); err != nil || string(twice) != string(once) {
			t.Fatalf("%s was read and written as %s (error %v)", once, twice, err)
		}
	})
}
