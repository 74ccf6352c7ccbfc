package dynamo_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func TestSessions(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewSessions(config, "ledger", c.now)
	const empty = `{"ActiveAgent":"","ContextVariables":null}`
	key := func(assistantID, callID string) aurora.SessionKey {
		return aurora.SessionKey{AssistantID: assistantID, CallID: callID, Caller: "+14155550123", PrincipalID: "p1"}
	}
	expectKey := func(what string, key aurora.SessionKey, want string) {
		t.Helper()
		state, err := s.Load(t.Context(), key)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if b, _ := json.Marshal(state); string(b) != want {
			t.Errorf("%s: loaded %s, want %s", what, b, want)
		}
	}
	expect := func(what, assistantID, callID, want string) {
		t.Helper()
		expectKey(what, key(assistantID, callID), want)
	}
	save := func(callID string, state aurora.SessionState) {
		t.Helper()
		if err := s.Save(t.Context(), key("a1", callID), state); err != nil {
			t.Error(err)
		}
	}
	expect("before the first save", "a1", "c1", empty)
	save("c1", aurora.SessionState{ActiveAgent: "billing", ContextVariables: map[string]any{"tier": "gold", "n": json.Number("12345678901234567890"), "list": []any{1.5, nil, true}, "": ""}})
	full := `{"ActiveAgent":"billing","ContextVariables":{"":"","list":[1.5,null,true],"n":12345678901234567890,"tier":"gold"}}`
	expect("after a save", "a1", "c1", full)
	for _, other := range [][2]string{{"a2", "c1"}, {"a1", "c2"}, {"a1#c1", ""}, {"a1", "c1#"}} {
		expect("another session", other[0], other[1], empty)
	}
	for _, other := range []aurora.SessionKey{
		{AssistantID: "a1", CallID: "c1", Caller: "+14155550124", PrincipalID: "p1"}, {AssistantID: "a1", CallID: "c1", PrincipalID: "p1"},
		{AssistantID: "a1", CallID: "c1", Caller: "+14155550123", PrincipalID: "p2"}, {AssistantID: "a1", CallID: "c1", Caller: "+14155550123"},
		{AssistantID: "a1", CallID: "c1#", Caller: "+14155550123", PrincipalID: "p1"},
	} {
		expectKey("a session of another owner", other, empty)
	}
	oddID := strings.Repeat("#/é", 2000)
	save(oddID, aurora.SessionState{ActiveAgent: "x"})
	expect("an odd call id", "a1", oddID, `{"ActiveAgent":"x","ContextVariables":null}`)
	c.advance(2*time.Hour - time.Second)
	expect("just before two hours", "a1", "c1", full)
	save("c1", aurora.SessionState{})
	expect("an empty session replaces the one before", "a1", "c1", empty)
	save("c1", aurora.SessionState{ActiveAgent: "b"})
	c.advance(2 * time.Hour)
	expect("after two hours", "a1", "c1", empty)

	large := aurora.SessionState{ContextVariables: map[string]any{"x": strings.Repeat("y", 300<<10)}}
	if err := s.Save(t.Context(), key("a1", "c1"), large); !fault.Is(err, fault.TooLarge) {
		t.Errorf("save of 300 KB: %v, want fault.TooLarge", err)
	}
	f.failAll(errorReply(400, "ThrottlingException"))
	began := time.Now()
	if _, err := s.Load(t.Context(), key("a1", "c1")); !fault.Is(err, fault.Unavailable) || time.Since(began) > time.Second {
		t.Errorf("without the table: %v after %s, want fault.Unavailable within a second", err, time.Since(began))
	}
}
