package dynamo_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func TestTextConversations(t *testing.T) {
	config, _ := newTables(t)
	clock := newClock()
	s := dynamo.NewTexts(config, "ledger", clock.now)
	key := aurora.TextConversation{AssistantID: "riley", Person: "+14155550123", Own: "+15551230100"}
	load := func(key aurora.TextConversation) aurora.TextConversation {
		t.Helper()
		if err := s.LoadTexts(t.Context(), &key); err != nil {
			t.Fatal(err)
		}
		return key
	}
	if got := load(key); !reflect.DeepEqual(got, key) {
		t.Errorf("before the first save: %+v", got)
	}
	c := key
	c.Turns = []aurora.TextTurn{{At: clock.now().UTC(), Messages: json.RawMessage(`[{"role":"user","content":"Hi"}]`)}}
	c.ActiveAgent, c.ContextVariables = "billing", map[string]any{"n": json.Number("12345678901234567890")}
	c.Answered, c.Apologised, c.LastAt, c.SilentUntil = []string{"SM1"}, []string{"SM0"}, clock.now().UTC(), clock.now().UTC().Add(time.Hour)
	c.Pending = &aurora.PendingText{OutgoingText: aurora.OutgoingText{From: c.Own, To: "+14155550123", Body: "Hello"}, SIDs: []string{"SM1"}, RecordedAt: clock.now().UTC()}
	c.Sent = []aurora.SentText{{SID: "SM9", Body: "Before"}}
	stale := c
	if err := s.SaveTexts(t.Context(), &c); err != nil || c.Revision != 1 {
		t.Fatalf("%v, revision %d; want 1", err, c.Revision)
	}
	if got := load(key); !reflect.DeepEqual(got, c) {
		t.Errorf("loaded %+v\nwant   %+v", got, c)
	}
	stale.ActiveAgent = "front"
	if err := s.SaveTexts(t.Context(), &stale); !fault.Is(err, fault.Conflict) {
		t.Errorf("a save over a newer one: %v, want a conflict", err)
	}
	other := key
	other.Own = "whatsapp:+15551230100"
	if got := load(other); got.Revision != 0 {
		t.Error("WhatsApp shares the conversation of text messages")
	}
	c.Turns[0].Messages = json.RawMessage(`"` + strings.Repeat("x", 400<<10) + `"`)
	if err := s.SaveTexts(t.Context(), &c); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a conversation of 400 KB: %v", err)
	}
	clock.advance(49 * time.Hour)
	expired := load(key)
	if expired.Revision != 1 || expired.Answered != nil {
		t.Errorf("after two days: %+v, want nothing but the revision", expired)
	}
	if err := s.SaveTexts(t.Context(), &expired); err != nil {
		t.Errorf("a new conversation over an expired one: %v", err)
	}
}

// Reports come in any order and twice. The one of the highest rank is kept.
func TestTextReports(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewTexts(config, "ledger", newClock().now)
	if err := s.RememberText(t.Context(), "SM1", "riley"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		sid     string
		status  aurora.TextStatus
		changed bool
	}{{"SM1", "sent", true}, {"SM1", "queued", false}, {"SM1", "sent", false}, {"SM1", "delivered", true}, {"SM1", "undelivered", false}, {"SM1", "read", true}, {"SM2", "failed", true}, {"SM2", "sent", false}} {
		assistant, changed, err := s.RecordTextReport(t.Context(), aurora.TextReport{SID: step.sid, Status: step.status})
		if err != nil || changed != step.changed || changed && (step.sid == "SM1") != (assistant == "riley") {
			t.Errorf("%s %s: changed %t by %q, %v; want %t", step.sid, step.status, changed, assistant, err, step.changed)
		}
	}
	if err := s.RememberText(t.Context(), "SM2", "riley"); err != nil { // after its first report
		t.Fatal(err)
	}
	if _, changed, err := s.RecordTextReport(t.Context(), aurora.TextReport{SID: "SM2", Status: "sent"}); changed || err != nil {
		t.Errorf("the status was forgotten: %v", err)
	}
}

// A text message can come to another number than the one that is called, or by a messaging service.
func TestByTextKey(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	const service = "MG00000000000000000000000000000001"
	putAssistants(t, s, `{"assistantId":"a","assistantPhoneNumber":"+15551230100","textFromNumber":"+15551230101","textKey":"+15551230100"}`,
		`{"assistantId":"b","assistantPhoneNumber":"+15551230200","textFromNumber":"+15551230200"}`,
		`{"assistantId":"c","textFromNumber":"+15551230300","sms":{"messagingServiceSid":"`+service+`"}}`)
	for key, want := range map[string]string{"+15551230101": "a", service: "c", "+15551230100": "", "+15551230200": "", "": "", "+15551239999": ""} {
		found, err := s.ByTextKey(t.Context(), key)
		if found.ID() != want || (want == "") != fault.Is(err, fault.NotFound) {
			t.Errorf("%q belongs to %q, %v; want %q", key, found.ID(), err, want)
		}
	}
}
