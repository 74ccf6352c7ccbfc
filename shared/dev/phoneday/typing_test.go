package phoneday

import (
	"strings"
	"testing"

	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/dev/typedcall"
)

// TestTypedCall is a caller who types, as with make call: a tool, an interruption, keys, a handoff, a transfer, and
// the report.
func TestTypedCall(t *testing.T) {
	s := startStack(t, 4, func(_ int, r fakeopenai.Request) fakeopenai.Answer {
		said, last := r.Last("user"), r.Body.Messages[len(r.Body.Messages)-1]
		isNight := strings.Contains(r.Body.Messages[0].Content, "You are the night shift.")
		switch {
		case r.Body.ResponseFormat != nil:
			return fakeopenai.Text(`{"summary":"They spoke.","outcome":"resolved","sentiment":"positive","topics":["day"],"actionItems":[]}`)
		case last.Role == "tool" && isNight:
			return fakeopenai.Text("This ", "is ", "the ", "night ", "shift.")
		case said == "who works at night" && !isNight:
			return fakeopenai.ToolCall("call_handoff", "transfer_to_night", `{}`)
		case last.Role == "tool":
			return fakeopenai.Text("I ", "have ", "sent ", "it.")
		case said == "text me the hours":
			return fakeopenai.ToolCall("call_text", "send_sms", `{"message":"Nine to five."}`)
		case said == "a person, please":
			return fakeopenai.ToolCall("call_transfer", "transfer_call", `{"destination":"desk"}`)
		}
		return fakeopenai.Text(strings.SplitAfter("You said "+said+". And this sentence goes on and on, so that a caller can interrupt it.", " ")...)
	})
	out := &testkit.Buffer{}
	report, err := typedcall.Run(t.Context(), typedcall.Options{Twilio: s.info.Endpoints["twilio"], From: "+14155550150", To: ourNumber, Out: out,
		Text: "text me the hours|tell me a story|/after 6 stop|/press 12#|who works at night|a person, please"})
	if err != nil || len(report.Problems)+len(report.Violations) > 0 || !report.Over {
		t.Fatalf("report %+v, error %v\n%s", report, err, out)
	}
	rest := out.String()
	for _, want := range []string{"Assistant: " + greeting, "Caller: text me the hours", "I have sent it.", "You said tell me a story", "(interrupted)", "Caller: stop", "(key 1)", "(key #)",
		"You said pressed 1 2", "This is the night shift.", "(the session with the assistant: ended)", "(dialling " + desk + ")", "(the call: completed)"} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("the call lacks %q, or has it earlier:\n%s", want, out)
		}
		rest = after
	}
	if m := s.twilio.Messages(); len(m) != 1 || m[0].Body != "Nine to five." || m[0].To != "+14155550150" {
		t.Errorf("text messages %+v; want one", m)
	}
	eventually(t, "the report of the call", finishTimeout, func() bool { return len(s.reports(t)[report.SID]) == 1 && s.rows(t)[report.SID] == 1 })
	got := s.reports(t)[report.SID]
	if len(got) != 1 || got[0].Message.EndedReason != "assistant-forwarded-call" {
		t.Fatalf("reports %+v; want one of a transfer", got)
	}
	transcript := ""
	for _, m := range got[0].Message.Artifact.Messages {
		transcript += m.Role + ": " + m.Message + "\n"
	}
	for _, words := range []string{greeting, "user: text me the hours", "I have sent it.", "user: tell me a story", "user: stop", "user: pressed 1 2", "user: a person, please"} {
		if !strings.Contains(transcript, words) {
			t.Errorf("the transcript lacks %q:\n%s", words, transcript)
		}
	}
}
