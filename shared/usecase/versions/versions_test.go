package versions_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeversions"
	"example.com/aurora/shared/usecase/versions"
)

var dana = versions.Actor{Name: "dana", Via: aurora.ViaAPI, RequestID: "req-1"}

// newService returns a service over stores in memory, whose clock the test moves.
func newService() (s *versions.Service, m *fakeversions.Memory, now *time.Time) {
	m, ids := fakeversions.New(), 0
	now = new(time.Time)
	*now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	return &versions.Service{Published: m, History: m, Audit: m, Numbers: m, Check: func([]byte) []fault.Complaint { return nil },
		Now: func() time.Time { return *now }, NewID: func() string { ids++; return fmt.Sprintf("%012d-longer", ids) }}, m, now
}

func document(id, text, more string) []byte {
	return fmt.Appendf(nil, `{"assistantId":%q,"assistantName":"A","assistantPrompt":%q%s}`, id, text, more)
}

func publish(t *testing.T, s *versions.Service, id, text, more string) versions.Outcome {
	t.Helper()
	o, err := s.Publish(t.Context(), versions.Publication{ID: s.NewID(), Document: document(id, text, more), Actor: dana})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func checkError(t *testing.T, what string, err error, kind fault.Kind, code string) {
	t.Helper()
	if f := fault.From(err); err == nil || f.Kind != kind || f.Code != code {
		t.Errorf("%s: %v, want %s %s", what, err, kind, code)
	}
}

func TestDraftIsPublishedOnce(t *testing.T) {
	s, m, _ := newService()
	publish(t, s, "riley", "one", "")
	d, err := s.SaveDraft(t.Context(), versions.DraftChange{AssistantID: "riley", Document: document("riley", "two", ""), Actor: dana})
	if err != nil || d.Rev != 1 || d.BasedOn != 1 {
		t.Fatalf("the draft is %+v, %v", d, err)
	}
	_, err = s.SaveDraft(t.Context(), versions.DraftChange{AssistantID: "riley", Document: document("riley", "other", ""), Actor: dana})
	checkError(t, "a second draft", err, fault.PreconditionFailed, "changed_meanwhile")
	if f := fault.From(err); f.Current == nil || f.Current.ETag != `"d1"` || f.Current.Editor != "dana" {
		t.Errorf("the error names %+v, want the draft and its editor", f.Current)
	}
	_, err = s.PublishDraft(t.Context(), "riley", `"d7"`, "", "publish-7", dana)
	checkError(t, "a stale tag", err, fault.PreconditionFailed, "changed_meanwhile")
	o, err := s.PublishDraft(t.Context(), "riley", `"d1"`, "why", "publish-1", dana)
	if err != nil || o.Version.Number != 2 || o.Version.Note != "why" || o.Replayed {
		t.Fatalf("published %+v, %v", o, err)
	}
	publish(t, s, "riley", "three", "") // a later version does not hide the earlier request
	if again, err := s.PublishDraft(t.Context(), "riley", `"d1"`, "why", "publish-1", dana); err != nil || !again.Replayed || again.Version.Number != 2 {
		t.Errorf("the same request again: %+v, %v; want the first answer", again, err)
	}
	_, err = s.PublishDraft(t.Context(), "riley", `"d1"`, "", "publish-2", dana)
	checkError(t, "another request after the draft is published", err, fault.NotFound, "draft_not_found")
	if d, err := s.SaveDraft(t.Context(), versions.DraftChange{AssistantID: "riley", Document: document("riley", "four", ""), Actor: dana}); err != nil || d.Rev != 3 {
		t.Errorf("the next draft is %+v, %v; want a revision that was never used", d, err)
	}
	if n := len(m.History["riley"]); n != 3 {
		t.Errorf("%d versions, want 3", n)
	}
}

func TestDraftIsOutdatedByAnotherPublication(t *testing.T) {
	s, _, _ := newService()
	publish(t, s, "riley", "one", "")
	if _, err := s.SaveDraft(t.Context(), versions.DraftChange{AssistantID: "riley", Document: document("riley", "mine", ""), Actor: dana}); err != nil {
		t.Fatal(err)
	}
	publish(t, s, "riley", "theirs", "")
	_, err := s.PublishDraft(t.Context(), "riley", `"d1"`, "", "p", dana)
	checkError(t, "the draft", err, fault.Conflict, "draft_outdated")
	change := versions.DraftChange{AssistantID: "riley", Document: document("riley", "both", ""), ETag: `"d1"`, BasedOn: 1, Actor: dana}
	_, err = s.SaveDraft(t.Context(), change)
	checkError(t, "a draft that takes an old version into account", err, fault.Conflict, "draft_outdated")
	change.BasedOn = 2
	if _, err := s.SaveDraft(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if o, err := s.PublishDraft(t.Context(), "riley", `"d2"`, "", "p", dana); err != nil || o.Version.Number != 3 {
		t.Errorf("the merged draft: %+v, %v", o, err)
	}
}

func TestNothingChangedMakesNoVersion(t *testing.T) {
	s, m, _ := newService()
	publish(t, s, "riley", "one", `,"vapi":{"n":1.50}`)
	if o := publish(t, s, "riley", "one", `,"vapi":{"n":15e-1}`); !o.Same || o.Version.Number != 1 || len(m.Events) != 1 {
		t.Errorf("the same document again: %+v, and %d events", o, len(m.Events))
	}
}

func TestRollbackPublishesAgainAfterTodaysChecks(t *testing.T) {
	s, m, _ := newService()
	publish(t, s, "riley", "one", `,"assistantPhoneNumber":"+15551230100"`)
	publish(t, s, "riley", "two", "")
	if d, err := s.SaveDraft(t.Context(), versions.DraftChange{AssistantID: "riley", Document: document("riley", "draft", ""), Actor: dana}); err != nil || d.Rev != 1 {
		t.Fatal(err)
	}
	_, err := s.Rollback(t.Context(), "riley", 1, `"v1"`, "", "p1", dana)
	checkError(t, "with an old tag", err, fault.PreconditionFailed, "changed_meanwhile")
	_, err = s.Rollback(t.Context(), "riley", 9, `"v2"`, "", "p2", dana)
	checkError(t, "an unknown version", err, fault.NotFound, "version_not_found")
	publish(t, s, "avery", "has the number now", `,"assistantPhoneNumber":"+15551230100"`)
	_, err = s.Rollback(t.Context(), "riley", 1, `"v2"`, "", "p3", dana)
	checkError(t, "the number of another", err, fault.Conflict, "number_taken")
	publish(t, s, "avery", "gave it back", "")
	o, err := s.Rollback(t.Context(), "riley", 1, `"v2"`, "", "p4", dana)
	if err != nil || o.Version.RestoredFrom != 1 || !strings.Contains(string(m.Published["riley"].Content), `"one"`) {
		t.Errorf("rolled back: %+v, %v; live %s", o, err, m.Published["riley"].Content)
	}
	if d, err := s.Draft(t.Context(), "riley"); err != nil || d.Rev != 1 {
		t.Errorf("the draft is %+v, %v; want it as it was", d, err)
	}
}

func TestDeleteAndRestore(t *testing.T) {
	s, m, _ := newService()
	publish(t, s, "riley", "one", `,"assistantPhoneNumber":"+15551230100"`)
	publish(t, s, "avery", "hands off", `,"handoffs":["riley"]`)
	checkError(t, "while another hands off to it", s.Delete(t.Context(), "riley", `"v1"`, dana), fault.Conflict, "assistant_in_use")
	publish(t, s, "avery", "does not", "")
	s.InUse, s.InUseBy = "riley", "HYPERSCALE_ASSISTANT_ID"
	checkError(t, "while a setting names it", s.Delete(t.Context(), "riley", `"v1"`, dana), fault.Conflict, "assistant_in_use")
	s.InUse = ""
	checkError(t, "with an old tag", s.Delete(t.Context(), "riley", `"v9"`, dana), fault.PreconditionFailed, "changed_meanwhile")
	if err := s.Delete(t.Context(), "riley", `"v1"`, dana); err != nil || len(m.Claims) != 0 {
		t.Fatalf("delete: %v, claims %v", err, m.Claims)
	}
	checkError(t, "again", s.Delete(t.Context(), "riley", `"v1"`, dana), fault.NotFound, "assistant_not_found")
	if o, err := s.Rollback(t.Context(), "riley", 1, "", "", "p", dana); err != nil || o.Version.Number != 2 || len(m.Published) != 2 {
		t.Errorf("restored: %+v, %v", o, err)
	}
}

func TestChangeFromOutsideIsRecordedFirst(t *testing.T) {
	s, m, _ := newService()
	m.PutOutside("riley", document("riley", "older than versions", ""))
	if o := publish(t, s, "riley", "two", ""); o.Version.Number != 2 {
		t.Errorf("published as %d, want 2", o.Version.Number)
	}
	if v := m.History["riley"][0]; v.Via != aurora.ViaOutside || !strings.Contains(string(v.Content), "older than versions") {
		t.Errorf("version 1 is %+v, want the document from outside", v)
	}
}

func TestNumberOfAnAssistantWithoutAClaim(t *testing.T) {
	s, m, _ := newService()
	m.PutOutside("riley", document("riley", "has no claim", `,"assistantPhoneNumber":"+15551230100"`))
	_, err := s.Publish(t.Context(), versions.Publication{ID: "p", Document: document("avery", "x", `,"assistantPhoneNumber":"+1 (555) 123-0100"`), Actor: dana})
	checkError(t, "its number", err, fault.Conflict, "number_taken")
	if len(m.Claims) != 0 {
		t.Errorf("claims are left: %v", m.Claims)
	}
}

func TestUnknownHandoffIsRejectedByTheAPIAlone(t *testing.T) {
	s, _, _ := newService()
	p := versions.Publication{ID: "p", Document: document("riley", "x", `,"handoffs":["avery"]`), Actor: dana}
	_, err := s.Publish(t.Context(), p)
	checkError(t, "the API", err, fault.Invalid, "assistant_invalid")
	if f := fault.From(err); len(f.Complaints) != 1 || f.Complaints[0].Path != "handoffs.0" || f.Complaints[0].Code != "handoff_unknown" {
		t.Errorf("the complaints are %+v", f.Complaints)
	}
	p.AllowMissingHandoffs = true
	if _, err := s.Publish(t.Context(), p); err != nil {
		t.Errorf("the command: %v", err)
	}
}

// A call that cannot be served must not come back to us.
func TestFallbackNumberIsNoAssistants(t *testing.T) {
	s, m, _ := newService()
	m.PutOutside("avery", []byte(`{"assistantId":"avery","assistantPhoneNumber":"+14155550188"}`))
	for id, want := range map[string]string{"riley": "the number of another assistant", "avery": "the assistant's number so far"} {
		all, err := s.Complaints(t.Context(), document(id, "x", `,"fallbackNumber":"+14155550188"`), true)
		if err != nil || len(all) != 1 || !strings.Contains(all[0].Message, want) {
			t.Errorf("%s: %v, %v, want a complaint: %s", id, all, err, want)
		}
	}
}

func TestAuditSaysWhoDidWhat(t *testing.T) {
	s, _, now := newService()
	publish(t, s, "riley", "one", "")
	*now = now.Add(time.Second)
	publish(t, s, "riley", "two", "")
	events, err := s.AuditEvents(t.Context(), "", now.AddDate(0, -2, 0), 10)
	if err != nil || len(events) != 2 {
		t.Fatalf("events %+v, %v", events, err)
	}
	if e := events[0]; e.Actor != "dana" || e.Action != "assistant.published" || e.Before != 1 || e.After != 2 || e.BeforeHash == e.AfterHash || e.RequestID != "req-1" ||
		e.Via != aurora.ViaAPI || e.State != aurora.AuditDone {
		t.Errorf("the newest event is %+v", e)
	}
	if page, err := s.AuditEvents(t.Context(), events[0].ID, now.AddDate(0, -2, 0), 10); err != nil || len(page) != 1 || page[0].After != 1 {
		t.Errorf("the next page is %+v, %v", page, err)
	}
}
