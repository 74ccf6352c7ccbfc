package main

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/dev/fakeopenai"
)

// findModel calls a tool that fails and one that sends a mail, and speaks slowly.
func findModel(_ int, r fakeopenai.Request) fakeopenai.Answer {
	if r.Body.ResponseFormat != nil {
		return fakeopenai.Text(`{"summary":"They spoke of canaries.","outcome":"resolved","sentiment":"positive","topics":[],"actionItems":[]}`)
	}
	if last := r.Body.Messages[len(r.Body.Messages)-1]; last.Role != "tool" && r.Last("user") == "help me" {
		return fakeopenai.ToolCall("t1", "lookup", `{}`).ToolCall("t2", "send_email", `{"subject":"canary subject","body":"canary body"}`)
	}
	return fakeopenai.Text("canary ", "words").Each(900 * time.Millisecond)
}

// TestFind follows one call through the local stack, beside calls that have its id, its request or its assistant in common with it.
func TestFind(t *testing.T) {
	b := &testStack{data: t.TempDir()}
	b.model = fakeopenai.Serve(t, findModel)
	b.start(t, "OPENAI_BASE_URL="+b.model.URL)
	assistants := dynamo.NewAssistants(localStack(b.info).awsConfig("dynamodb"), b.info.Tables["assistants"], time.Now)
	for _, id := range []string{"ember", "frost"} {
		document := fmt.Sprintf(`{"assistantId":%q,"assistantName":%q,"assistantPrompt":"You are kind.","functions":["send_email"],"emails":["team@example.com"],"filler":"canary filler",
			"tools":[{"name":"lookup","description":"Looks up.","url":"https://lookup.invalid/"}]}`, id, id)
		if _, err := assistants.Put(t.Context(), []byte(document)); err != nil {
			t.Fatal(err)
		}
	}
	const sid = "CA00000000000000000000000000000017"
	completion := b.turnToFind(t, "ember", "call-17", sid, "help me")
	b.turnToFind(t, "ember", "call-18", "", "help me")
	b.turnToFind(t, "frost", "call-17", "", "hello")
	for _, call := range [][2]string{{"ember", "call-17"}, {"ember", "call-18"}, {"frost", "call-17"}} {
		b.postReport(t, fmt.Sprintf(`{"message":{"type":"end-of-call-report","timestamp":1795014286704,"startedAt":"2026-11-18T15:03:42Z","endedAt":"2026-11-18T15:04:42Z",
			"endedReason":"customer-ended-call","transcript":"AI: canary words\nUser: thanks, I am done","customer":{"number":"+14155550117"},
			"call":{"id":%q,"assistantId":%q,"type":"inboundPhoneCall","phoneCallProviderId":%q}}}`, call[1], call[0], map[string]string{"ember call-17": sid}[call[0]+" "+call[1]]))
	}
	b.waitForRows(t, 2) // more than two

	both := b.findCommand(t, "call-17")
	if !strings.HasPrefix(both, "2 assistants have a call with this id; each is printed by itself.\ncall CA00000000000000000000000000000017, call-17 of ember\n") {
		t.Errorf("make find of an id that two assistants have prints\n%s", both)
	}
	ember, frost, ok := strings.Cut(both, "\ncall call-17 of frost\n")
	if !ok || strings.Contains(frost, "tool.called") || strings.Contains(frost, sid) {
		t.Errorf("the call of frost has\n%s", frost)
	}
	_, ember, _ = strings.Cut(ember, "\n")
	checkFound(t, ember)
	requestID := regexp.MustCompile(`requestId=(\S+)`).FindStringSubmatch(ember)
	for name, id := range map[string]string{"Twilio's sid": sid, "the completion": completion, "a request": requestID[1]} {
		if got := b.findCommand(t, id); strings.TrimSpace(got) != strings.TrimSpace(ember) {
			t.Errorf("by %s, make find prints\n%s\nwant what it prints by the id of the call\n%s", name, got, ember)
		}
	}
	p := &program{out: &bytes.Buffer{}, args: []string{"find", "-call", "call-1"}, env: b.environment()}
	if err := p.dispatch(t.Context()); err == nil || !strings.Contains(err.Error(), "nothing is known of call-1") {
		t.Errorf("make find of the beginning of an id ends with %v", err)
	}
}

// checkFound checks the history of a call with a slow model, a tool that failed, a mail and a report.
func checkFound(t *testing.T, found string) {
	t.Helper()
	at := -1
	for _, want := range []string{ // in this order
		"The tool lookup failed at", "traces tool +tool called +name=lookup", "tool.failed", `tool\.called .*code=`, "mail.sent", `turn.ended .*"name":"send_email"`, "request.served .*path=/api/v1/openai/chat/completions/voice",
		"message.received .*type=end-of-call-report", "report.stored", "report.indexed", "call.analysed",
	} {
		place := regexp.MustCompile(want).FindStringIndex(found)
		if place == nil {
			t.Errorf("%s is missing", want)
		} else if place[0] < at {
			t.Errorf("%s is not in order", want)
		} else {
			at = place[0]
		}
	}
	for _, want := range []string{`turn.ended .*filler=true .*firstWordMs=[0-9]+ .*outcome=answered`, "end-of-call report +key=eoc/ember/2026/11/18/call-17.json", "analysis +key=analysis/ember",
		"row of the call .*customer=.*117", "id of the call +key=call#call-17", "tool result"} {
		if !regexp.MustCompile(want).MatchString(found) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, never := range []string{"call-18", "frost", "canary", "5550117", "thanks"} {
		if strings.Contains(found, never) {
			t.Errorf("the history of the call has %q", never)
		}
	}
	var times []string
	for line := range strings.Lines(found) {
		if strings.HasPrefix(line, "  20") {
			times = append(times, line[:25])
		}
	}
	if !slices.IsSorted(times) || len(times) < 12 {
		t.Errorf("%d lines with a time, want at least 12 in the order of time", len(times))
	}
	if t.Failed() {
		t.Log(found)
	}
}

// turnToFind takes a streamed turn on the phone and returns the id of the completion.
func (b *testStack) turnToFind(t *testing.T, assistant, call, sid, words string) string {
	t.Helper()
	body := fmt.Sprintf(`{"stream":true,"messages":[{"role":"user","content":%q}],"call":{"id":%q,"assistantId":%q,"callSid":%q,"caller_phone_number":"+14155550117"}}`,
		words, call, assistant, sid)
	_, answer := b.post(t, b.info.API+"/api/v1/openai/chat/completions/voice", body, "Authorization", "Bearer "+b.info.Keys["BINARYTINT_API_KEY"])
	id := regexp.MustCompile(`"id":"(chatcmpl-[^"]+)"`).FindStringSubmatch(answer)
	if id == nil || !strings.Contains(answer, "canary words") && !strings.Contains(answer, `"canary "`) {
		t.Fatalf("a turn is answered %s", answer)
	}
	return id[1]
}

// findCommand returns what make find prints.
func (b *testStack) findCommand(t *testing.T, id string) string {
	t.Helper()
	var out bytes.Buffer
	p := &program{out: &out, args: []string{"find", "-call", id}, env: b.environment()}
	if err := p.dispatch(t.Context()); err != nil {
		t.Errorf("make find CALL=%s: %v", id, err)
	}
	return out.String()
}
