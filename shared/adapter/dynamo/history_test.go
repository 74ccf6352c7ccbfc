package dynamo_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func TestCallsOf(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewCalls(config, "calls", 24*time.Hour)
	now := newClock().now()
	const caller, otherCaller aurora.Phone = "+14155550100", "+14155550101"
	newCall := func(assistantID, id string, customer aurora.Phone) aurora.Call {
		return aurora.Call{CallKey: aurora.CallKey{AssistantID: assistantID, Day: "2026-11-18", CallID: id}, Version: "1", ID: id, Customer: customer, Summary: "about " + id}
	}
	put := func(c aurora.Call, startedAt, endedAt time.Time) {
		t.Helper()
		c.StartedAt, c.EndedAt = startedAt, endedAt
		if _, err := s.Put(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	put(newCall("a1", "second", caller), now, now.Add(time.Hour))
	put(newCall("a1", "third", caller), time.Time{}, now.Add(30*time.Minute))
	put(newCall("a1", "first", caller), time.Time{}, time.Time{}) // only its day is known
	put(newCall("a1", "of-other-caller", otherCaller), now, time.Time{})
	put(newCall("a2", "of-other-assistant", caller), now, time.Time{})
	put(newCall(aurora.NoAssistant, "without-assistant", caller), now, time.Time{})
	put(newCall("a1", "without-caller", ""), now, time.Time{})
	expect := func(assistantID string, caller aurora.Phone, limit int, want ...string) {
		t.Helper()
		calls, err := s.CallsOf(t.Context(), assistantID, caller, limit)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, c := range calls {
			if key := (aurora.CallKey{AssistantID: assistantID, Day: "2026-11-18", CallID: c.ID}); c.Summary != "about "+c.ID || c.CallKey != key {
				t.Errorf("a call is %+v, want the summary and the key %+v", c, key)
			}
			ids = append(ids, c.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("calls of %q with %q, limit %d: %v, want %v", assistantID, caller, limit, ids, want)
		}
	}
	expect("a1", caller, 10, "third", "second", "first")
	expect("a1", caller, 2, "third", "second")
	expect("a1", caller, 0, "third")
	expect("a1", otherCaller, 10, "of-other-caller")
	expect("a2", caller, 10, "of-other-assistant")
	expect("a3", caller, 10)
	expect(aurora.NoAssistant, caller, 10)
	expect("", caller, 10)
	expect("a1", "", 10)
	put(newCall("a1", "old-spelling", "+5215512345678"), now, time.Time{}) // as rows were written before numbers had one spelling
	put(newCall("a1", "new-spelling", "+525512345678"), now.Add(time.Hour), time.Time{})
	expect("a1", "+525512345678", 10, "new-spelling", "old-spelling")
	expect("a1", "+525512345678", 1, "new-spelling")
	put(newCall("a1", "withheld", "+266696687"), now, time.Time{})
	expect("a1", "+266696687", 10)

	corrected := newCall("a1", "of-other-caller", "+14155550102") // a later report names another caller
	corrected.Version, corrected.Revision = "2", 1
	put(corrected, now, time.Time{})
	expect("a1", otherCaller, 10)
	expect("a1", "+14155550102", 10, "of-other-caller")

	f.failAll(errorReply(400, "AccessDeniedException"))
	if _, err := s.CallsOf(t.Context(), "a1", caller, 1); !fault.Is(err, fault.Unavailable) || strings.Contains(fault.From(err).Message, "callerKey") {
		t.Errorf("without the table: %v, want fault.Unavailable that does not name the index", err)
	}
}
