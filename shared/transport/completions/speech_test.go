package completions

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// bodyWith returns a request with these further fields.
func bodyWith(stream bool, call, fields string) string {
	return fmt.Sprintf(`{"stream":%t,"messages":[{"role":"user","content":"Hi"}],"call":%s%s}`, stream, call, fields)
}

const ownCall = `{"id":"c1","caller_phone_number":"+14155550123","assistantId":"a1"}`

// What a caller hears of texts that are not plain words.
func TestVoiceSpeaksWhatTheTextSays(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
		fields     string
		tags       []string
		code       string
	}{
		"an emoji alone":              {text: "👍", want: "thumbs up"},
		"a thought":                   {text: "<think>Hm.</think>Hello", want: "Hello"},
		"a thought alone":             {text: "<think>Hm.</think>", want: defaultFallback, code: "empty_answer"},
		"a tag that is not allowed":   {text: "Hello <flush /> you", want: "Hello you"},
		"a tag that is allowed":       {text: "Hello <flush /> you", want: "Hello <flush /> you", tags: []string{"flush"}},
		"a tag alone":                 {text: "<flush />", want: "<flush /> " + defaultFallback, tags: []string{"flush"}, code: "empty_answer"},
		"JSON that was asked for":     {text: `{"*a*":["_x_",null],"n":"&amp;"}`, want: `{"*a*":["_x_",null],"n":"&amp;"}`, fields: `,"response_format":{"type":"json_object"}`},
		"JSON with a schema":          {text: `{"a":["x"]}`, want: `{"a":["x"]}`, fields: `,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}`},
		"JSON that was not asked for": {text: `say [x] &amp; **y**`, want: "say x & y", fields: `,"response_format":{"type":"text"}`},
		"a numbered menu":             {text: "Choose:\n1. Tea\n2. Milk", want: "Choose: 1. Tea. 2. Milk"},
	} {
		for _, stream := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, stream %t", name, stream), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var pieces []timedChunk
					for _, r := range c.text {
						pieces = append(pieces, textAfter(time.Second/100, string(r)))
					}
					got := callVoice(t, &slowModel{answers: [][]timedChunk{append(pieces, finishWith("stop"))}}, aurora.Assistant{SpeechTags: c.tags}, nil, bodyWith(stream, ownCall, c.fields))
					if got.text != c.want || got.code != c.code {
						t.Errorf("heard %q, code %q; want %q, %q", got.text, got.code, c.want, c.code)
					}
				})
			})
		}
	}
}

// A thought that had no opening tag was spoken already. A whole answer and the conversation do not have it.
func TestVoiceWithAThoughtThatHadNoOpeningTag(t *testing.T) {
	for stream, want := range map[bool]string{true: "Hm. Hello", false: "Hello"} {
		m := &slowModel{answers: [][]timedChunk{{textAfter(0, "Hm."), textAfter(0, "\n</think>\n"), textAfter(0, "Hello"), finishWith("stop")}}}
		synctest.Test(t, func(t *testing.T) {
			got := callVoice(t, m, aurora.Assistant{}, nil, bodyWith(stream, ownCall, ""))
			messages, _ := got.session["messages"].([]any)
			last, _ := messages[len(messages)-1].(map[string]any)
			if got.text != want && got.text != strings.Replace(want, ". ", "..", 1) || last["content"] != "Hello" {
				t.Errorf("stream %t: heard %q, stored %q; want %q and Hello", stream, got.text, last["content"], want)
			}
		})
	}
}

// Vapi speaks a filler only when it may: at a flush tag, or together with the answer.
func TestFillerForVapi(t *testing.T) {
	for name, c := range map[string]struct {
		call, fields string
		filler       string
		stream       bool
		want         string
	}{
		"an object of Vapi":      {call: `{"id":"c1","type":"inboundPhoneCall","orgId":"o1"}`, stream: true, want: vapiFiller},
		"a web call":             {call: `{"id":"c1","webCallUrl":"https://example.com/x"}`, stream: true, want: vapiFiller},
		"fields beside the call": {call: `{"id":"c1"}`, fields: `,"customer":{"number":"+14155550123"},"phoneNumber":{"number":"+14155550100"}`, stream: true, want: vapiFiller},
		"the assistant's filler": {call: `{"id":"c1","orgId":"o1"}`, filler: "Hm. ", stream: true, want: "Hm. "},
		"another caller":         {call: ownCall, stream: true, want: defaultFiller},
		"a whole answer":         {call: `{"id":"c1","orgId":"o1"}`, want: ""},
		"JSON":                   {call: ownCall, fields: `,"response_format":{"type":"json_object"}`, stream: true, want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &slowModel{answers: [][]timedChunk{{textAfter(2*time.Second, "Here."), finishWith("stop")}}}
				got := callVoice(t, m, aurora.Assistant{Filler: c.filler}, nil, bodyWith(c.stream, c.call, c.fields+`,"target_assistant_id":"a1"`))
				if want := c.want + "Here."; got.text != want {
					t.Errorf("heard %q, want %q", got.text, want)
				}
			})
		})
	}
}

// What is sent as a text message.
func TestSMSOfSpecialTexts(t *testing.T) {
	for name, c := range map[string]struct{ text, fields, want string }{
		"an emoji alone":          {"👍", "", "👍"},
		"JSON that was asked for": {`{"a":["` + strings.Repeat("x", 400) + `"]}`, `,"response_format":{"type":"json_object"}`, `{"a":["` + strings.Repeat("x", 400) + `"]}`},
		"a thought":               {"Hm.\n</think>Hello", "", "Hello"},
		"a numbered menu":         {"Choose:\n1) Tea\n2) Milk", "", "Choose: 1) Tea. 2) Milk"},
		"tags":                    {"One<flush /> <break time=\"1s\"/>two", "", "One. two"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newHandler(scriptedModel{chunks: []agent.Chunk{{Text: c.text}, {FinishReason: "stop"}}})
			e.Service.(*chat.Service).Assistants = testkit.EveryAssistant(aurora.Assistant{SpeechTags: []string{"flush"}, Configuration: aurora.Configuration{AssistantID: "a1"}})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(bodyWith(false, ownCall, c.fields)))
			if err != nil {
				t.Fatal(err)
			}
			p := &timedWriter{recordingWriter: recordingWriter{header: http.Header{}}, start: time.Now()}
			if err := e.ServeSMS(p, r); err != nil {
				t.Fatal(err)
			}
			if got := p.parse(t).text; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
