package dynamo_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
)

// published is a document of riley as it is published, canonical.
func published(stamp int, content string) aurora.PublishedAssistant {
	return aurora.PublishedAssistant{ID: "riley", Content: []byte(content), Hash: aurora.HashDocument([]byte(content)), Stamp: stamp, PublishID: "p", By: "dana",
		At: time.Date(2026, 11, 25, 12, 0, 0, 500_000_000, time.UTC)}
}

func TestPublishedAssistant(t *testing.T) {
	config, transport := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	content := `{"assistantId":"riley","assistantPhoneNumber":"+15551230100","assistantPrompt":"a < b & c","report":{"scheduled":true},"vapi":{"n":1.5}}`
	for name, step := range map[string]struct {
		before int
		exists bool
	}{"over one that is not there": {0, true}, "over a version that is not there": {3, true}} {
		if done, err := s.Publish(t.Context(), published(1, content), step.before, step.exists); done || err != nil {
			t.Errorf("%s: %v, %v; want that nothing is written", name, done, err)
		}
	}
	if done, err := s.Publish(t.Context(), published(1, content), 0, false); !done || err != nil {
		t.Fatalf("the first: %v, %v", done, err)
	}
	p, ok, err := s.Live(t.Context(), "riley")
	if want := published(1, content); err != nil || !ok || string(p.Content) != content || p.Version != 1 || p.Hash != want.Hash || !p.At.Equal(want.At) || p.By != "dana" {
		t.Errorf("live: %+v, %v, %v; want the document byte for byte, as version 1", p, ok, err)
	}
	a, err := s.ByID(t.Context(), "riley")
	if err != nil || a.Version != "1" || !a.PublishedAt.Equal(p.At) || strings.Contains(string(a.Vapi), "_") {
		t.Errorf("the assistant is %+v, %v; want version 1", a, err)
	}
	if done, err := s.Publish(t.Context(), published(2, content), 7, true); done || err != nil {
		t.Errorf("over a version that is not live: %v, %v", done, err)
	}
	transport.loseFirstReply("PutItem")
	if done, err := s.Publish(t.Context(), published(2, content), 1, true); done || err != nil {
		t.Errorf("with a lost reply: %v, %v; want not done, since the SDK repeated the write", done, err)
	}
	transport.setRule(nil)
	if p, _, _ := s.Live(t.Context(), "riley"); p.Version != 2 {
		t.Errorf("after a lost reply the version is %d, want 2", p.Version)
	}
	if done, err := s.Remove(t.Context(), "riley", 1); done || err != nil {
		t.Errorf("the removal of an old version: %v, %v", done, err)
	}
	if done, err := s.Remove(t.Context(), "riley", 2); !done || err != nil {
		t.Errorf("the removal: %v, %v", done, err)
	}
	if _, ok, err := s.Live(t.Context(), "riley"); ok || err != nil {
		t.Errorf("after the removal: %v, %v", ok, err)
	}
}

// A document that another program wrote, or changed, has no version.
func TestDocumentThatWasChangedOutsideHasNoVersion(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewAssistants(config, "assistants", newClock().now)
	putAssistants(t, s, `{"assistantId":"riley","vapi":{"n":1.50},"_version":7,"_hash":"forged"}`)
	p, ok, err := s.Live(t.Context(), "riley")
	if !ok || err != nil || p.Stamp != 0 || p.Version != 0 || string(p.Content) != `{"assistantId":"riley","vapi":{"n":1.5}}` {
		t.Errorf("an item without a version: %+v, %v", p, err)
	}
	if done, err := s.Publish(t.Context(), published(1, `{"assistantId":"riley"}`), 0, true); !done || err != nil {
		t.Fatalf("over it: %v, %v", done, err)
	}
	item := getItem(t, config, "assistants", map[string]types.AttributeValue{"assistantId": stringValue("riley")})
	item["assistantName"] = stringValue("changed by hand")
	putItem(t, config, "assistants", item)
	if p, _, err := s.Live(t.Context(), "riley"); err != nil || p.Stamp != 1 || p.Version != 0 {
		t.Errorf("after a change by hand: %+v, %v; want the stamp 1 and no version", p, err)
	}
	if a, err := s.ByID(t.Context(), "riley"); err != nil || len(a.Version) != 8 {
		t.Errorf("its version is %q, %v; want the beginning of its hash", a.Version, err)
	}
}

func TestDraftsAndVersions(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewVersions(config, "history", time.Hour)
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	d := aurora.AssistantDraft{AssistantID: "riley", Rev: 1, Content: []byte(`{"a":1}`), Editor: "dana", At: at, WriteID: "w"}
	for step, want := range []bool{true, false} {
		if done, err := s.PutDraft(t.Context(), d, 0); done != want || err != nil {
			t.Errorf("draft, time %d: %v, %v, want %v", step, done, err, want)
		}
	}
	if got, ok, err := s.Draft(t.Context(), "riley"); !ok || err != nil || string(got.Content) != `{"a":1}` || got.Rev != 1 || got.WriteID != "w" || !got.At.Equal(at) {
		t.Errorf("the draft is %+v, %v, %v", got, ok, err)
	}
	large := []byte(strings.Repeat("x", 500_000)) // compressed, it fits into an item
	for _, n := range []int{1, 2, 10, 3} {
		if done, err := s.AddVersion(t.Context(), aurora.AssistantVersion{AssistantID: "riley", Number: n, Content: large, At: at, AuditID: "e"}); !done || err != nil {
			t.Fatalf("version %d: %v, %v", n, done, err)
		}
	}
	if done, err := s.AddVersion(t.Context(), aurora.AssistantVersion{AssistantID: "riley", Number: 3, At: at}); done || err != nil {
		t.Errorf("version 3 again: %v, %v", done, err)
	}
	all, err := s.Versions(t.Context(), "riley", 10, 2)
	if err != nil || len(all) != 2 || all[0].Number != 3 || all[1].Number != 2 || len(all[0].Content) != len(large) {
		t.Errorf("versions below 10: %v, %d", err, len(all))
	}
	if all, err := s.Versions(t.Context(), "none", 0, 5); err != nil || len(all) != 0 {
		t.Errorf("versions of an unknown assistant: %v, %v", all, err)
	}
	for _, later := range []time.Duration{0, time.Hour} {
		if err := s.MarkLive(t.Context(), "riley", 3, at.Add(later)); err != nil {
			t.Error(err)
		}
	}
	if v, ok, err := s.Version(t.Context(), "riley", 3); !ok || err != nil || !v.LiveAt.Equal(at) {
		t.Errorf("version 3 is %+v, %v", v.LiveAt, err)
	}
	if v, _, _ := s.Version(t.Context(), "riley", 2); !v.LiveAt.IsZero() {
		t.Errorf("version 2 never answered, and has %v", v.LiveAt)
	}
}

func TestAuditEvents(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewVersions(config, "history", 400*24*time.Hour)
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for _, id := range []string{"2026-11-25T12:00:00.000Z-a", "2026-11-25T12:00:01.000Z-b", "2026-10-01T00:00:00.000Z-c"} {
		if err := s.PutAudit(t.Context(), aurora.AuditEvent{ID: id, At: at, Actor: "dana", Action: "assistant.published", State: aurora.AuditBegun}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetAuditState(t.Context(), "2026-11-25T12:00:00.000Z-a", aurora.AuditDone); err != nil {
		t.Fatal(err)
	}
	if err := s.SetAuditState(t.Context(), "2026-11-25T12:00:00.000Z-a", aurora.AuditAbandoned); err != nil {
		t.Fatal(err)
	}
	all, err := s.AuditEvents(t.Context(), "2026-11", "", 10)
	if err != nil || len(all) != 2 || all[0].State != aurora.AuditBegun || all[1].State != aurora.AuditDone {
		t.Errorf("the events of November are %+v, %v", all, err)
	}
	if all, err := s.AuditEvents(t.Context(), "2026-11", all[0].ID, 10); err != nil || len(all) != 1 || !strings.HasSuffix(all[0].ID, "a") {
		t.Errorf("before the newest: %+v, %v", all, err)
	}
	item := getItem(t, config, "history", map[string]types.AttributeValue{"pk": stringValue("audit#2026-11"), "sk": stringValue("2026-11-25T12:00:00.000Z-a")})
	if item["expiresAt"] == nil {
		t.Error("an event does not expire")
	}
}

func TestNumberClaims(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewLedger(config, "ledger", newClock().now)
	c := aurora.NumberClaim{Number: "+15551230100", AssistantID: "riley", Token: "one", Until: newClock().now().Add(time.Minute)}
	for _, step := range []struct {
		token, before string
		want          bool
	}{{"one", "", true}, {"two", "", false}, {"two", "other", false}, {"two", "one", true}} {
		c.Token = step.token
		if done, err := s.PutNumberClaim(t.Context(), c, step.before); done != step.want || err != nil {
			t.Errorf("%s over %q: %v, %v, want %v", step.token, step.before, done, err, step.want)
		}
	}
	if err := s.DeleteNumberClaim(t.Context(), c.Number, "one"); err != nil {
		t.Error(err)
	}
	if got, ok, err := s.NumberClaim(t.Context(), c.Number); !ok || err != nil || got != c {
		t.Errorf("the claim is %+v, %v, %v, want %+v", got, ok, err, c)
	}
	if err := s.DeleteNumberClaim(t.Context(), c.Number, "two"); err != nil {
		t.Error(err)
	}
	if _, ok, err := s.NumberClaim(t.Context(), c.Number); ok || err != nil {
		t.Errorf("after it was given back: %v, %v", ok, err)
	}
}
