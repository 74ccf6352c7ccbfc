package providermsg_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/providermsg"
)

func describeTurns(all []providermsg.Utterance) string {
	var texts []string
	for _, u := range all {
		texts = append(texts, string(u.Who[0])+" "+u.Text)
	}
	return strings.Join(texts, "|")
}

func TestTranscriptText(t *testing.T) {
	for transcript, want := range map[string]string{
		"Buyer: Hi, is this the clinic?\nRiley: Yes. How can I help?\nBuyer: I want to move my visit.\n": "c Hi, is this the clinic?|a Yes. How can I help?|c I want to move my visit.",
		"AI: hi User: I want to move my visit. AI: Sure.":                                                "a hi|c I want to move my visit.|a Sure.",
		"Bot: Guten Tag. Kunde: Ich habe eine Frage: wann? Bot: Um neun.":                                "a Guten Tag.|c Ich habe eine Frage: wann?|a Um neun.",
		"Asistente: Hola\nCliente: Buenos días\n":                                                        "a Hola|c Buenos días",
		"KI: Guten Tag\nAnruferin: Hallo: ich bin es\n":                                                  "a Guten Tag|c Hallo: ich bin es",
		"助手：您好\n用户：我想预约\n":                                                                               "a 您好|c 我想预约",
		"[00:12] AI: Hello\n[00:15] User: Hi: it is 10:30\n(12:01:05) AI: Fine":                          "a Hello|c Hi: it is 10:30|a Fine",
		"AI [00:12]: Hello\nUser (00:00:15.5): Hi\n":                                                     "a Hello|c Hi",
		"00:12 - AI: Hello\n00:15 - User: Hi":                                                            "a Hello|c Hi",
		"2026-11-18T15:04:05Z AI: Hello\n2026-11-18 15:04:09 User: Hi":                                   "a Hello|c Hi",
		"1\n00:00:01,000 --> 00:00:02,000\nAI: Hello\n\n2\n00:00:03,000 --> 00:00:04,000\nUser: Hi":      "a Hello|c Hi",
		"**AI:** Hello\n**User:** Hi\n- AI: Bye":                                                         "a Hello|c Hi|a Bye",
		"[00:01] AI: Hello [00:04] User: I need help. [00:09] AI: Sure.":                                 "a Hello|c I need help.|a Sure.",
		"ai: hello user: hi":                                                   "a hello|c hi",
		"Morgan: Hello. Dana: I need help. Morgan: Sure.":                      "a Hello.|c I need help.|a Sure.",
		"Speaker 1: Hello\nSpeaker 2: Hi\nSpeaker 1: Bye":                      "a Hello|c Hi|a Bye",
		"AI: Hello\nDana: I want to book.\nAI: Sure.\nDana: Thanks":            "a Hello|c I want to book.|a Sure.|c Thanks",
		"Riley: Hello\nUser: Hi\nRiley: Bye":                                   "a Hello|c Hi|a Bye",
		`AI: Hello\nUser: Hi`:                                                  "a Hello|c Hi",
		"AI: Hello<br>User: Hi":                                                "a Hello|c Hi",
		"AI: Hello\rUser: Hi":                                                  "a Hello|c Hi",
		"AI:\nHello\nUser:\nHi":                                                "a Hello|c Hi",
		"AI: We are open\nMonday: 9 to 5\nTuesday: 9 to 6\nAI: Anything else?": "a We are open Monday: 9 to 5 Tuesday: 9 to 6 Anything else?",
		"AI: Leave a message.\nNote: the line closes at 5.":                    "a Leave a message. Note: the line closes at 5.",
		"AI: Your user: id is 5.\nUser: The agent: who is it?\nAI: Me.":        "a Your user: id is 5.|c The agent: who is it?|a Me.",
		"words without a speaker":                                              "",
		"The price: nine dollars. Thanks.":                                     "",
		"https://example.com/a: b":                                             "",
	} {
		quoted, _ := json.Marshal(transcript)
		if got := describeTurns(transcriptOf(t, `"artifact":{"transcript":`+string(quoted)+`}`)); got != want {
			t.Errorf("%q is read as\n%s, want\n%s", transcript, got, want)
		}
	}
}

// The names that the transcript plan, the assistant and the customer have are the two sides', in any order.
func TestNamesOfTheTranscriptPlan(t *testing.T) {
	transcript := `"artifact":{"transcript":"Guest of honour: Hello\nFront desk: Hi\nGuest of honour: Bye"}`
	for _, holder := range []string{`"assistant":{%}`, `"call":{"assistant":{%}}`, `"call":{"assistantOverrides":{%}}`, `"call":{%}`, `%`} {
		plan := strings.Replace(holder, "%", `"artifactPlan":{"transcriptPlan":{"assistantName":"Front Desk","userName":"Guest of Honour"}}`, 1)
		if got := describeTurns(transcriptOf(t, plan+","+transcript)); got != "c Hello|a Hi|c Bye" {
			t.Errorf("with %s the transcript is %s", plan, got)
		}
	}
	for _, fields := range []string{`"assistant":{"name":"Morgan - Harbor"}`, `"customer":{"name":"Dana Example"}`} {
		if got := describeTurns(transcriptOf(t, fields+`,"transcript":"Dana: Hi\nMorgan: Hello\nDana: Bye"`)); got != "c Hi|a Hello|c Bye" {
			t.Errorf("with %s the transcript is %s", fields, got)
		}
	}
}

// A transcript on lines, one on a single line, and one with times say the same, in every language and with made-up names.
func TestTranscriptFormsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SampledFrom([][2]string{{"AI", "User"}, {"Bot", "Kunde"}, {"Asistente", "Cliente"}, {"Riley", "Dana"}, {"Assistant", "Utente"}}).Draw(t, "names")
		words := rapid.StringMatching(`[A-Z][a-z]{1,8}( [a-z]{1,8}){0,4}[.?!]`)
		var want []string
		var lines, single, timed strings.Builder
		for i := range 2 * rapid.IntRange(2, 6).Draw(t, "pairs") {
			text := words.Draw(t, "words")
			want = append(want, []string{"a ", "c "}[i%2]+text)
			lines.WriteString(names[i%2] + ": " + text + "\n")
			single.WriteString(names[i%2] + ": " + text + " ")
			timed.WriteString("[00:0" + string(rune('0'+i%10)) + "] " + names[i%2] + ": " + text + "\n")
		}
		for _, transcript := range []string{lines.String(), single.String(), timed.String()} {
			quoted, _ := json.Marshal(transcript)
			m, err := providermsg.ParseMessage([]byte(`{"message":{"type":"end-of-call-report","transcript":` + string(quoted) + `}}`))
			if err != nil {
				t.Fatal(err)
			}
			if got := describeTurns(m.Transcript()); got != strings.Join(want, "|") {
				t.Errorf("%s\nis read as %s\nwant       %s", transcript, got, strings.Join(want, "|"))
			}
		}
	})
}
