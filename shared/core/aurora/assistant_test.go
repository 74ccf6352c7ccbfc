package aurora_test

import (
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
)

func TestConfigurationReadsScalarsAndWritesStrings(t *testing.T) {
	a, err := aurora.ParseAssistant([]byte(`{"assistantId":"a1","gracePeriodMs":300,"orgName":true,"emails":"a@example.com","phoneNumbers":[15,"x"],"timeZone":null}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(a.Configuration)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"assistantId":"a1","aiResponseLengthMinimum":"","assistantFirstMessage":"","assistantName":"","assistantPhoneNumber":"","assistantPhoneNumberName":"","assistantPrompt":"","deepgramModel":"","elevenLabsModel":"","elevenLabsVoiceId":"","emails":["a@example.com"],"functions":[],"gracePeriodMs":"300","minimumTimeBeforeAiResponds":"","orgName":"true","phoneNumbers":["15","x"],"quickFinalizeDelayMs":"","textFromNumber":"","timeZone":""}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestParseAssistantRejectsInvalidDocuments(t *testing.T) {
	for _, bad := range []string{``, `null`, `[]`, `{}`, `{"assistantId":""}`, `{"assistantId":{}}`, `{"assistantId":"a","emails":{}}`} {
		if a, err := aurora.ParseAssistant([]byte(bad)); err == nil {
			t.Errorf("%s was accepted as %+v", bad, a)
		}
	}
}

func TestParsePhone(t *testing.T) {
	for in, want := range map[string]aurora.Phone{
		"+15551230100": "+15551230100", "+1 (555) 123-0100": "+15551230100", "+1.555.123.0100": "+15551230100",
		"": "", "15551230100": "", "+0155512301": "", "+123456": "", "+1234567890123456": "", "+1555123010x": "", "4639465275": "", "+": "",
		"client:bob": "", "+15551230100;ext=5": "", "bob@example.com": "", "+1555123+0100": "", "07400123456": "", "sip:bob@example.com": "",
	} {
		got, ok := aurora.ParsePhone(in)
		if got != want || ok != (want != "") {
			t.Errorf("ParsePhone(%q) = %q, %v; want %q", in, got, ok, want)
		}
	}
}

func TestPhoneIsMaskedInLogs(t *testing.T) {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("call", "to", aurora.Phone("+14155550100"))
	if strings.Contains(b.String(), "4155550") || !strings.Contains(b.String(), "+14******100") {
		t.Errorf("the log line is %s, want the number masked", b.String())
	}
}

func TestConfigurationNumbers(t *testing.T) {
	c := aurora.Configuration{AssistantPhoneNumber: "+1 555 123 0100", PhoneNumbers: aurora.List{"+15551230100", "4639465275", "+15551230101"}}
	got := c.Numbers()
	if len(got) != 2 || got[0] != "+15551230100" || got[1] != "+15551230101" {
		t.Errorf("Numbers() = %v, want +15551230100 and +15551230101", got)
	}
}

func TestIsSafeID(t *testing.T) {
	for id, want := range map[string]bool{"9395bc40-ee5d-47e1-bcf3-b2af2f63e84a": true, "a_B-9": true, "": false, "../x": false, "a/b": false, "ä": false,
		"a\x00": false, "a\n": false, strings.Repeat("a", 64): true, strings.Repeat("a", 65): false} {
		if aurora.IsSafeID(id) != want {
			t.Errorf("IsSafeID(%q) = %v, want %v", id, !want, want)
		}
	}
}
