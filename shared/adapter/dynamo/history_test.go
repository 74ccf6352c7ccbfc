package dynamo_test

import (
	"encoding/json"
	"net/http"
	"reflect"
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
	c := newClock()
	put := func(assistant, id string, customer aurora.Phone, started, ended time.Time) {
		t.Helper()
		_, err := s.Put(t.Context(), aurora.Call{CallKey: aurora.CallKey{AssistantID: assistant, Day: "2026-11-18", CallID: id}, Version: "1", ID: id,
			Customer: customer, StartedAt: started, EndedAt: ended, Summary: "about " + id})
		if err != nil {
			t.Fatal(err)
		}
	}
	const caller, other aurora.Phone = "+14155550100", "+14155550101"
	put("a1", "second", caller, c.now(), c.now().Add(time.Hour))
	put("a1", "third", caller, time.Time{}, c.now().Add(30*time.Minute))
	put("a1", "first", caller, time.Time{}, time.Time{}) // only its day is known
	put("a1", "others", other, c.now(), time.Time{})
	put("a2", "elsewhere", caller, c.now(), time.Time{})
	put(aurora.NoAssistant, "nobodys", caller, c.now(), time.Time{})
	put("a1", "anonymous", "", c.now(), time.Time{})
	ids := func(assistant string, number aurora.Phone, limit int) []string {
		t.Helper()
		calls, err := s.CallsOf(t.Context(), assistant, number, limit)
		if err != nil {
			t.Fatal(err)
		}
		all := []string{}
		for _, c := range calls {
			if c.Summary != "about "+c.ID || c.CallKey != (aurora.CallKey{AssistantID: assistant, Day: "2026-11-18", CallID: c.ID}) {
				t.Errorf("%+v", c)
			}
			all = append(all, c.ID)
		}
		return all
	}
	for _, look := range []struct {
		assistant string
		caller    aurora.Phone
		limit     int
		want      []string
	}{
		{"a1", caller, 10, []string{"third", "second", "first"}}, {"a1", caller, 2, []string{"third", "second"}}, {"a1", caller, 0, []string{"third"}},
		{"a1", other, 10, []string{"others"}}, {"a2", caller, 10, []string{"elsewhere"}}, {"a3", caller, 10, []string{}},
		{aurora.NoAssistant, caller, 10, []string{}}, {"", caller, 10, []string{}}, {"a1", "", 10, []string{}},
	} {
		if got := ids(look.assistant, look.caller, look.limit); !reflect.DeepEqual(got, look.want) {
			t.Errorf("%s %s %d: %v, want %v", look.assistant, look.caller, look.limit, got, look.want)
		}
	}
	// A later report may correct who called.
	_, err := s.Put(t.Context(), aurora.Call{CallKey: aurora.CallKey{AssistantID: "a1", Day: "2026-11-18", CallID: "others"}, Version: "2", ID: "others", Customer: "+14155550102", Summary: "about others"})
	if err != nil || len(ids("a1", other, 10)) != 0 || len(ids("a1", "+14155550102", 10)) != 1 {
		t.Errorf("%v", err)
	}
	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		return errorReply(400, "AccessDeniedException"), false
	})
	if _, err := s.CallsOf(t.Context(), "a1", caller, 1); !fault.Is(err, fault.Unavailable) || strings.Contains(fault.From(err).Message, "callerKey") {
		t.Errorf("%v", err)
	}
}

func TestDoNotCall(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	const number aurora.Phone = "+14155550100"
	is := func(want bool) {
		t.Helper()
		if got, err := s.IsDoNotCall(t.Context(), number); got != want || err != nil {
			t.Errorf("refused = %v, %v", got, err)
		}
	}
	is(false)
	for _, source := range []string{"assistant a1", "sms STOP"} {
		if err := s.AddDoNotCall(t.Context(), number, source); err != nil {
			t.Error(err)
		}
		is(true)
	}
	c.advance(10 * 365 * 24 * time.Hour)
	is(true)
	for _, bad := range []aurora.Phone{"", "4155550100", "+1 415 555 0100", "+14155550100#x"} {
		if err := s.AddDoNotCall(t.Context(), bad, "x"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", string(bad), err)
		}
	}
	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		return errorReply(400, "AccessDeniedException"), false
	})
	if _, err := s.IsDoNotCall(t.Context(), number); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	if err := s.AddDoNotCall(t.Context(), number, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

func TestSessions(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewSessions(config, "ledger", c.now)
	load := func(assistant, call string) string {
		t.Helper()
		k, err := s.Load(t.Context(), assistant, call)
		if err != nil {
			t.Error(err)
		}
		b, _ := json.Marshal(k)
		return string(b)
	}
	const none = `{"ActiveAgent":"","ContextVariables":null}`
	save := func(assistant, call string, k aurora.SessionState) {
		t.Helper()
		if err := s.Save(t.Context(), assistant, call, k); err != nil {
			t.Error(err)
		}
	}
	if got := load("a1", "c1"); got != none {
		t.Error(got)
	}
	save("a1", "c1", aurora.SessionState{ActiveAgent: "billing", ContextVariables: map[string]any{"tier": "gold", "n": json.Number("12345678901234567890"), "list": []any{1.5, nil, true}, "": ""}})
	if got, want := load("a1", "c1"), `{"ActiveAgent":"billing","ContextVariables":{"":"","list":[1.5,null,true],"n":12345678901234567890,"tier":"gold"}}`; got != want {
		t.Error(got)
	}
	for _, other := range [][2]string{{"a2", "c1"}, {"a1", "c2"}, {"a1#c1", ""}, {"a1", "c1#"}} {
		if got := load(other[0], other[1]); got != none {
			t.Errorf("%v: %s", other, got)
		}
	}
	hostile := strings.Repeat("#/é", 2000)
	save("a1", hostile, aurora.SessionState{ActiveAgent: "x"})
	if got := load("a1", hostile); !strings.Contains(got, `"x"`) {
		t.Error(got)
	}
	c.advance(2*time.Hour - time.Second)
	if load("a1", "c1") == none {
		t.Error("forgotten before its time")
	}
	save("a1", "c1", aurora.SessionState{}) // begins anew, and replaces what was there
	if got := load("a1", "c1"); got != none {
		t.Error(got)
	}
	save("a1", "c1", aurora.SessionState{ActiveAgent: "b"})
	c.advance(2 * time.Hour)
	if got := load("a1", "c1"); got != none {
		t.Errorf("after two hours: %s", got)
	}
	if err := s.Save(t.Context(), "a1", "c1", aurora.SessionState{ContextVariables: map[string]any{"x": strings.Repeat("y", 300<<10)}}); !fault.Is(err, fault.TooLarge) {
		t.Errorf("%v", err)
	}
	f.setRule(func(string, int) (func(*http.Request) (*http.Response, error), bool) {
		return errorReply(400, "ThrottlingException"), false
	})
	began := time.Now()
	if _, err := s.Load(t.Context(), "a1", "c1"); !fault.Is(err, fault.Unavailable) || time.Since(began) > time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}
