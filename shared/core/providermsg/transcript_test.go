package providermsg_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/golden"
)

func transcriptOf(t testing.TB, fields string) []providermsg.Utterance {
	t.Helper()
	m, err := providermsg.ParseMessage([]byte(`{"message":{"type":"end-of-call-report"` + strings.TrimSuffix(","+fields, ",") + `}}`))
	if err != nil {
		t.Fatalf("%s: %v", fields, err)
	}
	return m.Transcript()
}

func TestTranscript(t *testing.T) {
	for fields, want := range map[string]string{
		``: "",
		`"messages":[{"role":"system","message":"S"},{"role":"bot","message":"Hi","secondsFromStart":1.2},{"role":"user","message":" Hello \n","secondsFromStart":"3"}]`:                                                                                               "assistant 1.2 Hi|caller 3 Hello",
		`"startedAt":"2026-11-18T15:04:13Z","messages":"[{\"role\":\"AI\",\"content\":\"A\",\"time\":1795014254000},{\"role\":\"Customer\",\"text\":\"B\",\"time\":1695014254000}]"`:                                                                                   "assistant 1 A|caller -1 B",
		`"artifact":{"messagesOpenAIFormatted":[{"role":"assistant","content":[{"type":"text","text":"A"},{"type":"text","text":"B"}]},{"role":"user","content":["C"]}]}`:                                                                                              "assistant -1 A B|caller -1 C",
		`"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}},{"type":"text","text":""}]}]`:                                                                                                                                                   "caller -1 [input_audio]",
		`"messages":[{"role":"user","message":"one","secondsFromStart":1},{"role":"user","message":"two","secondsFromStart":2},{"role":"assistant","content":""},{"role":"tool","content":"x"},{"role":"tool_calls","message":"x"},{"role":"user","message":"three"}]`: "caller 1 one two three",
		`"artifact":{"messages":[{"role":"bot","message":"A"}]},"messages":[{"role":"user","message":"B"}]`:                                                                                                                                                            "caller -1 B",
		`"messages":[{"role":"bot","message":"A"}],"transcript":"Line before\nAI: B\nmore\n\nUser: C: D\nNote: this goes on\r\nAssistant : E"`:                                                                                                                         "assistant -1 B more|caller -1 C: D Note: this goes on|assistant -1 E",
		`"messages":[{"role":"bot","message":"A"}],"transcript":"AI: B"`:                                                                                                                                                                                               "assistant -1 A",
		`"transcript":[{"role":"user","content":"A"}]`:                                                           "caller -1 A",
		`"call":{"messages":[{"role":"human","text":"A"}]}`:                                                      "caller -1 A",
		`"artifact":{"transcript":"caller: A"}`:                                                                  "caller -1 A",
		`"messages":[1,null,"x",[],{"role":5},{"role":"user"},{"role":"user","message":{"a":1}}],"transcript":7`: "",
	} {
		var got []string
		for _, u := range transcriptOf(t, fields) {
			got = append(got, fmt.Sprint(u.Who, " ", u.Seconds, " ", u.Text))
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%s\nhas the transcript %s\nwant              %s", fields, s, want)
		}
	}
}

func TestTranscriptGolden(t *testing.T) {
	m, err := providermsg.ParseMessage([]byte(webhookBodies(t)["report of Vapi"]))
	if err != nil {
		t.Fatal(err)
	}
	golden.JSON(t, "turns-vapi", m.Transcript())
}

// The utterances are read from every shape in which a provider may send them.
func TestTranscriptRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type message struct {
			Role    string `json:"role"`
			Message string `json:"message"`
		}
		words := rapid.StringMatching(`[a-zA-Zé.,!?]{1,12}( [a-z]{1,8}){0,4}`)
		names := map[providermsg.Speaker][]string{providermsg.SpeakerCaller: {"user", "User", "customer", "caller", "human"}, providermsg.SpeakerAssistant: {"bot", "assistant", "AI"}}
		var want []providermsg.Utterance
		var list []message
		var transcript strings.Builder
		for i := range rapid.IntRange(1, 20).Draw(t, "turns") {
			who := []providermsg.Speaker{providermsg.SpeakerCaller, providermsg.SpeakerAssistant}[i%2]
			u := providermsg.Utterance{Who: who, Seconds: -1}
			name := rapid.SampledFrom(names[who]).Draw(t, "name")
			for j := range rapid.IntRange(1, 3).Draw(t, "messages") {
				text := words.Draw(t, "words")
				u.Text = strings.TrimSpace(u.Text + " " + text)
				list = append(list, message{name, text})
				if j == 0 {
					transcript.WriteString(name + ": ")
				}
				transcript.WriteString(text + "\n")
			}
			want = append(want, u)
		}
		messages, _ := json.Marshal(list)
		quoted, _ := json.Marshal(string(messages))
		text, _ := json.Marshal(transcript.String())
		for _, fields := range []string{`"messages":` + string(messages), `"artifact":{"messages":` + string(quoted) + `}`, `"transcript":` + string(text)} {
			m, err := providermsg.ParseMessage([]byte(`{"message":{"type":"x",` + fields + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := m.Transcript(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s\nhas the transcript %v\nwant              %v", fields, got, want)
			}
		}
	})
}

func TestDeriveOutcome(t *testing.T) {
	spoke := `"messages":[{"role":"user","message":"Hi"}]`
	for fields, want := range map[string]aurora.Outcome{
		``: "",
		`"messages":[{"role":"bot","message":"Hi"}]`:                                   aurora.OutcomeNoAnswer,
		`"endedReason":"voicemail"`:                                                    aurora.OutcomeVoicemail,
		`"endedReason":"voicemail","analysis":{"successEvaluation":true},` + spoke:     aurora.OutcomeVoicemail,
		`"endedReason":"customer-busy"`:                                                aurora.OutcomeNoAnswer,
		`"endedReason":"pipeline-error"`:                                               aurora.OutcomeError,
		`"endedReason":"silence-timed-out"`:                                            "",
		`"endedReason":"silence-timed-out","messages":[{"role":"bot","message":"Hi"}]`: aurora.OutcomeDropped,
		`"endedReason":"assistant-forwarded-call"`:                                     aurora.OutcomeTransferred,
		`"endedReason":"assistant-forwarded-call","successEvaluation":"no",` + spoke:   aurora.OutcomeTransferred,
		`"analysis":{"successEvaluation":"Pass"},` + spoke:                             aurora.OutcomeResolved,
		`"analysis":{"successEvaluation":false},` + spoke:                              aurora.OutcomeUnresolved,
		`"analysis":{"successEvaluation":"7"},` + spoke:                                "",
		`"analysis":{"successEvaluation":{"score":1}},` + spoke:                        "",
		`"endedReason":"pipeline-error",` + spoke:                                      "",
		spoke: "",
	} {
		if got := parseReport(t, fields).Outcome; got != want {
			t.Errorf("%s: the outcome is %q, want %q", fields, got, want)
		}
	}
}

func TestExtractedData(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 25) + "1" + strings.Repeat("}", 25)
	for fields, want := range map[string]string{
		`"analysis":{"structuredData":{"name":"Dana\u0000 Example","id":12345678901234567,"n":1.50,"l":[true,null]}}`: `{"id":12345678901234567,"l":[true,null],"n":1.5,"name":"Dana Example"}`,
		`"analysis":{"structuredData":"{\"a\":1}"}`: `{"a":1}`,
		`"analysis":{"structuredData":{}},"artifact":{"structuredOutputs":{"u1":{"name":"Budget","result":5},"u2":{"name":"Plan","result":{"x":["y"]}},"u3":{"name":"Empty","result":null},"u4":7}}`: `{"Budget":5,"Plan":{"x":["y"]},"u4":7}`,
		`"analysis":{"structuredData":[1]}`:                                         ``,
		`"analysis":{"structuredData":{"":1}}`:                                      ``,
		`"analysis":{"structuredData":{"a":1e400}}`:                                 ``,
		`"analysis":{"structuredData":{"a":1e126}}`:                                 ``,
		`"analysis":{"structuredData":` + deep + `}`:                                ``,
		`"analysis":{"structuredData":{"a":"` + strings.Repeat("x", 17<<10) + `"}}`: ``,
		`"analysis":"none"`:                                                         ``,
	} {
		if got := string(parseReport(t, fields).Extracted); got != want {
			t.Errorf("%.120s: the extracted data is %s, want %s", fields, got, want)
		}
	}
}

// FuzzTranscript checks that no report makes the reader panic, that it returns no more than was sent, and that Spoke agrees
// with the transcript.
func FuzzTranscript(f *testing.F) {
	for _, body := range webhookBodies(f) {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := providermsg.ParseMessage(body)
		if err != nil {
			return
		}
		r := m.EndOfCall()
		spoke, length := false, 0
		for i, turn := range m.Transcript() {
			spoke = spoke || turn.Who == providermsg.SpeakerCaller
			length += len(turn.Text)
			if turn.Text == "" || i > 0 && m.Transcript()[i-1].Who == turn.Who {
				t.Errorf("utterance %d is empty, or the same side said the one before: %+v", i, turn)
			}
			if i > 20 {
				break
			}
		}
		if spoke && !r.Spoke || length > 4*len(body) {
			t.Errorf("the caller spoke: %v, Spoke: %v; %d bytes of text from a body of %d", spoke, r.Spoke, length, len(body))
		}
		if len(r.Extracted) > aurora.MaxExtracted || r.Extracted != nil && !json.Valid(r.Extracted) {
			t.Errorf("the extracted data is not valid or too long: %s", r.Extracted)
		}
	})
}
