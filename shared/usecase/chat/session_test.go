package chat_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

func TestSessionUnmarshal(t *testing.T) {
	for in, want := range map[string]string{
		`{}`: `{"context_variables":{},"messages":[]}`,
		// PHP writes {} as [], and a list with a gap as an object.
		`[]`: `{"context_variables":{},"messages":[]}`, `{"context_variables":[],"assistant_config":[ ]}`: `{"assistant_config":{},"context_variables":{},"messages":[]}`,
		`{"messages":{"3":{"role":"assistant","content":"b"},"1":{"role":"user","content":"a"}}}`: `{"context_variables":{},"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]}`,
		`""`: `{"context_variables":{},"messages":[]}`,
		`"{\"id\":\"c\",\"messages\":\"[{\\\"role\\\":\\\"user\\\",\\\"content\\\":\\\"Hi\\\"}]\"}"`:                                 `{"context_variables":{},"id":"c","messages":[{"role":"user","content":"Hi"}]}`,
		`{"id":5,"caller_phone_number":null}`:                                                                                        `{"context_variables":{},"id":"5","messages":[]}`,
		`{"usage":{"total_tokens":9},"error":{"code":"x"},"action":{"type":"y"}}`:                                                    `{"context_variables":{},"messages":[]}`,
		`{"messages":[{"role":"system","content":"s"}],"context_variables":null}`:                                                    `{"context_variables":{},"messages":[]}`,
		`{"assistant_config":null,"assistantId":"a"}`:                                                                                `{"assistantId":"a","context_variables":{},"messages":[]}`,
		`{"assistant_config":"{}"}`:                                                                                                  `{"assistant_config":"{}","context_variables":{},"messages":[]}`,
		`{"ID":"x","Messages":1,"x":{"b":1,"a":[2.50, 1e2]}}`:                                                                        `{"ID":"x","Messages":1,"context_variables":{},"messages":[],"x":{"b":1,"a":[2.50,1e2]}}`,
		`{"context_variables":"{\"n\":9007199254740993,\"f\":0.1,\"big\":12345678901234567890,\"huge\":1e999,\"l\":[1,{\"k\":2}]}"}`: `{"context_variables":{"big":12345678901234567890,"f":0.1,"huge":1e999,"l":[1,{"k":2}],"n":9007199254740993},"messages":[]}`,
	} {
		_, session, err := runTurn(t, &chat.Service{}, chat.Request{Session: parseSession(t, in), Messages: userSaysHi})
		if err != nil {
			t.Fatal(err)
		}
		session.Messages, session.Usage = session.Messages[:len(session.Messages)-2], nil // without those of the turn
		if b, err := json.Marshal(session); err != nil || string(b) != want {
			t.Errorf("call %s\ngot  %s (%v)\nwant %s", in, b, err, want)
		}
	}
	for _, in := range []string{`5`, `[5]`, `true`, `"x"`, `"5"`, `{"id":{}}`, `{"messages":5}`, `{"messages":"x"}`, `{"messages":[{"content":5}]}`, `{"context_variables":[1]}`, `{"messages":{"a":{}}}`, `{"messages":[null]}`,
		`{"context_variables":"{} {}"}`, `{"context_variables":"{"}`, `{"active_agent":[]}`} {
		var s chat.Session
		if err := json.Unmarshal([]byte(in), &s); err == nil {
			t.Errorf("call %s was accepted as %+v, want an error", in, s)
		}
	}
}

// anyJSON generates JSON values.
func anyJSON(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		kinds := 4
		if depth > 0 {
			kinds = 6
		}
		switch rapid.IntRange(0, kinds).Draw(t, "kind") {
		case 0:
			return nil
		case 1:
			return rapid.Bool().Draw(t, "bool")
		case 2:
			return json.Number(rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,5})?(e[1-9])?`).Draw(t, "number"))
		case 3, 4:
			return rapid.StringN(0, 10, -1).Draw(t, "string")
		case 5:
			return rapid.SliceOfN(anyJSON(depth-1), 0, 3).Draw(t, "list")
		}
		return rapid.MapOfN(rapid.StringN(0, 5, -1), anyJSON(depth-1), 0, 3).Draw(t, "object")
	})
}

// Unknown keys of a call come back unchanged in full_session, and again when that is sent as the next call.
func TestSessionRoundTrip(t *testing.T) {
	known := []string{"id", "caller_phone_number", "assistant_config", "assistantId", "assistant_id", "active_agent", "context_variables", "messages", "usage", "action", "error"}
	rapid.Check(t, func(t *rapid.T) {
		sent := rapid.MapOfN(rapid.StringN(0, 8, -1), anyJSON(3), 0, 5).Draw(t, "rest")
		for _, k := range known {
			delete(sent, k)
		}
		unknown := len(sent)
		sent["id"] = "c1"
		sent["context_variables"] = rapid.MapOfN(rapid.StringN(0, 5, -1), rapid.Int64(), 0, 3).Draw(t, "variables")
		sent["messages"] = []any{map[string]any{"role": "system", "content": "s"}, map[string]any{"role": "user", "content": rapid.StringN(0, 9, -1).Draw(t, "content")}}
		if rapid.Bool().Draw(t, "config") {
			sent["assistant_config"] = map[string]any{"orgName": rapid.StringN(0, 9, -1).Draw(t, "org"), "x": anyJSON(1).Draw(t, "x")}
		}
		for turn := range 2 {
			b, err := json.Marshal(sent)
			if err != nil {
				t.Fatal(err)
			}
			var s chat.Session
			if err := json.Unmarshal(b, &s); err != nil {
				t.Fatalf("turn %d: %v in %s", turn, err, b)
			}
			if len(s.Extra) != unknown {
				t.Fatalf("turn %d: %d unknown keys in %s, want %d", turn, len(s.Extra), b, unknown)
			}
			service := &chat.Service{Assistants: testkit.NewAssistants(), Chain: singleModel(&recordingModel{}), Now: clock}
			prepared, err := service.Turn(t.Context(), chat.Request{Session: &s, Messages: messagesOf("s:A", "u:Hi")})
			if err != nil {
				t.Fatal(err)
			}
			out, err := json.Marshal(endOf(t, prepared).Session)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			d := json.NewDecoder(strings.NewReader(string(out)))
			d.UseNumber()
			if err := d.Decode(&got); err != nil {
				t.Fatal(err)
			}
			if _, ok := got["assistant_config"]; ok != (sent["assistant_config"] != nil) {
				t.Fatalf("turn %d: full_session %s; it must have an assistant_config exactly if the call has one", turn, out)
			}
			for k, v := range sent {
				if k == "messages" {
					continue
				}
				want, _ := json.Marshal(v)
				if back, _ := json.Marshal(got[k]); string(back) != string(want) {
					t.Fatalf("turn %d: the value of %q is %s, want %s", turn, k, back, want)
				}
			}
			for _, m := range got["messages"].([]any) {
				if m.(map[string]any)["role"] == "system" {
					t.Fatalf("turn %d: full_session has a system message: %s", turn, out)
				}
			}
			sent = got
		}
	})
}

func FuzzSession(f *testing.F) {
	f.Add([]byte(`{"id":"c","messages":[{"role":"user","content":"Hi"}],"x":[1,2.0],"context_variables":{"a":1e400}}`))
	f.Add([]byte(`"{\"assistant_config\":\"{}\"}"`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again chat.Session
		if json.Unmarshal(b, &s) != nil {
			return
		}
		once, err := json.Marshal(&s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(once, &again); err != nil {
			t.Fatalf("the session %s cannot be read: %v", once, err)
		}
		twice, err := json.Marshal(&again)
		if err != nil || !reflect.DeepEqual(once, twice) {
			t.Fatalf("the session %s is %s after reading and writing it again (%v)", once, twice, err)
		}
	})
}
