package dynamo_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestAliases(t *testing.T) {
	config, _ := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	newAlias := func() aurora.CallAlias {
		return aurora.CallAlias{Name: "c1", Created: c.now(), ExpiresAt: c.now().Add(time.Hour), RowKeys: []aurora.CallKey{{AssistantID: "_", Day: "2026-11-18", CallID: "c1"}}}
	}
	step := func(what string, write func(context.Context, aurora.CallAlias) (bool, error), a aurora.CallAlias, want bool) {
		t.Helper()
		if done, err := write(t.Context(), a); err != nil || done != want {
			t.Errorf("%s: done %v, %v; want %v", what, done, err, want)
		}
	}
	expect := func(what, name string, want *aurora.CallAlias) {
		t.Helper()
		got, ok, err := s.Alias(t.Context(), name)
		if err != nil || ok != (want != nil) || ok && !reflect.DeepEqual(got, *want) {
			t.Errorf("%s: found %v %+v, %v; want %+v", what, ok, got, err, want)
		}
	}
	a := newAlias()
	step("create", s.CreateAlias, a, true)
	step("create again", s.CreateAlias, a, false)
	a.Revision, a.Parent = 1, "c0"
	step("update", s.UpdateAlias, a, true)
	step("update with the same revision, as after a lost reply", s.UpdateAlias, a, false)
	expect("after the update", "c1", &a)
	expect("an unknown name", "never", nil)
	c.advance(time.Hour)
	expect("an expired alias", "c1", nil)
	step("create over an expired alias", s.CreateAlias, newAlias(), true)
}

// The SDK repeats a write whose reply was lost. The condition of the repeated write fails, so CreateAlias reports that it
// was not done, although it was. The caller sees that when it reads the alias.
func TestFault36LostReply(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	a := aurora.CallAlias{Name: "c1", Created: c.now(), ExpiresAt: c.now().Add(time.Hour), RowKeys: []aurora.CallKey{{AssistantID: "_", Day: "2026-11-18", CallID: "c1"}}}
	f.loseFirstReply("PutItem")
	if done, err := s.CreateAlias(t.Context(), a); err != nil || done {
		t.Fatalf("done %v, %v; want not done and no error", done, err)
	}
	if got, ok, err := s.Alias(t.Context(), "c1"); !ok || err != nil || !reflect.DeepEqual(got, a) {
		t.Errorf("read %+v, %v; want the alias as it was written", got, err)
	}
}

const listedNumber aurora.Phone = "+14155550100"

// expectListed checks the answer of a list about listedNumber.
func expectListed(t *testing.T, what string, read func(context.Context, aurora.Phone) (bool, error), want bool) {
	t.Helper()
	if got, err := read(t.Context(), listedNumber); got != want || err != nil {
		t.Errorf("%s: %v, %v; want %v", what, got, err, want)
	}
}

func TestDoNotCall(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	s := dynamo.NewLedger(config, "ledger", c.now)
	expectListed(t, "at first", s.IsDoNotCall, false)
	for _, source := range []string{"assistant a1", "sms STOP"} {
		if err := s.AddDoNotCall(t.Context(), listedNumber, source); err != nil {
			t.Errorf("add for %s: %v", source, err)
		}
		expectListed(t, "after add for "+source, s.IsDoNotCall, true)
	}
	c.advance(10 * 365 * 24 * time.Hour)
	expectListed(t, "ten years later", s.IsDoNotCall, true)
	if removed, err := s.RemoveDoNotCall(t.Context(), listedNumber); !removed || err != nil {
		t.Errorf("remove: %v, %v; want it removed", removed, err)
	}
	expectListed(t, "after remove", s.IsDoNotCall, false)
	for _, number := range []aurora.Phone{"", "4155550100", "+1 415 555 0100", "+14155550100#x"} {
		if err := s.AddDoNotCall(t.Context(), number, "x"); !fault.Is(err, fault.Invalid) {
			t.Errorf("add %q: %v, want fault.Invalid", string(number), err)
		}
		if _, err := s.RemoveDoNotCall(t.Context(), number); !fault.Is(err, fault.Invalid) {
			t.Errorf("remove %q: %v, want fault.Invalid", string(number), err)
		}
	}
	f.failAll(errorReply(400, "AccessDeniedException"))
	if _, err := s.IsDoNotCall(t.Context(), listedNumber); !fault.Is(err, fault.Unavailable) {
		t.Errorf("read without the table: %v, want fault.Unavailable", err)
	}
	if err := s.AddDoNotCall(t.Context(), listedNumber, "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("add without the table: %v, want fault.Unavailable", err)
	}
}

// TestListsFindEverySpelling checks that an entry is found, and removed, under whatever spelling it was written.
func TestListsFindEverySpelling(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewLedger(config, "ledger", newClock().now)
	for _, c := range []struct{ key, asked string }{
		{"+5215512345678", "+525512345678"}, {"+4407400123456", "+44 (0)7400 123456"}, {"447400123456", "whatsapp:+447400123456"}, {"14155550158", "+1 415 555 0158"},
		{"+541123456789", "+54 9 11 2345 6789"}, {"+551187654321", "+55 11 98765 4321"},
	} {
		number, ok := aurora.ParsePhone(c.asked)
		if !ok {
			t.Fatalf("%q is not read", c.asked)
		}
		for list, read := range map[string]func(context.Context, aurora.Phone) (bool, error){"dnc#": s.IsDoNotCall, "consent#": s.HasConsent} {
			putItem(t, config, "ledger", map[string]types.AttributeValue{"key": stringValue(list + c.key), "source": stringValue("x"), "at": stringValue("2026-11-25T08:00:00Z")})
			if found, err := read(t.Context(), number); !found || err != nil {
				t.Errorf("%s%s is not found as %s: %v", list, c.key, c.asked, err)
			}
		}
		if removed, err := s.RemoveDoNotCall(t.Context(), number); !removed || err != nil {
			t.Errorf("%s is not removed as %s: %v", c.key, c.asked, err)
		}
		if found, err := s.IsDoNotCall(t.Context(), number); found || err != nil {
			t.Errorf("%s is still found after it was removed: %v", c.asked, err)
		}
	}
}

func TestConsent(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewLedger(config, "ledger", newClock().now)
	expectListed(t, "at first", s.HasConsent, false)
	for range 2 {
		if err := s.AddConsent(t.Context(), listedNumber, "form"); err != nil {
			t.Fatal(err)
		}
	}
	expectListed(t, "after add", s.HasConsent, true)
	for _, want := range []bool{true, false} {
		if removed, err := s.RemoveConsent(t.Context(), listedNumber); removed != want || err != nil {
			t.Errorf("remove: %v, %v; want %v", removed, err, want)
		}
	}
	expectListed(t, "after remove", s.HasConsent, false)
	for _, number := range []aurora.Phone{"", "555", "+1 415 555 0101"} {
		if err := s.AddConsent(t.Context(), number, "x"); !fault.Is(err, fault.Invalid) {
			t.Errorf("add %q: %v, want fault.Invalid", string(number), err)
		}
	}
}
