package dynamo_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const phoneSID = "CA00000000000000000000000000000001"

// newPhoneCalls returns a store with ids that are counted.
func newPhoneCalls(config func() (aws.Config, error), c *clock) *dynamo.PhoneCalls {
	var mu sync.Mutex
	n := 0
	return dynamo.NewPhoneCalls(config, "ledger", c.now, func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprint("w", n)
	})
}

func TestPhoneCalls(t *testing.T) {
	config, _ := newTables(t)
	c := newClock()
	s := newPhoneCalls(config, c)
	if _, ok, err := s.Call(t.Context(), phoneSID); ok || err != nil {
		t.Errorf("before it is stored: found %v, %v", ok, err)
	}
	if _, err := s.UpdateCall(t.Context(), phoneSID, func(*aurora.PhoneCall) bool { return true }); !fault.Is(err, fault.NotFound) {
		t.Errorf("update of a call that is not stored: %v, want fault.NotFound", err)
	}
	want := aurora.PhoneCall{SID: phoneSID, AssistantID: "a1", Customer: "+14155550100", CreatedAt: c.now(), Direction: aurora.DirectionInbound}
	if got, err := s.CreateCall(t.Context(), want); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("create: %+v, %v", got, err)
	}
	if got, err := s.CreateCall(t.Context(), aurora.PhoneCall{SID: phoneSID, AssistantID: "a2"}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("create again: %+v, %v; want the first one", got, err)
	}
	got, err := s.UpdateCall(t.Context(), phoneSID, func(p *aurora.PhoneCall) bool {
		p.Generation, p.Waiting = 3, []aurora.CallerWords{{ID: "m1", Text: "hi", At: c.now()}}
		return true
	})
	want.Generation, want.Waiting, want.Revision = 3, []aurora.CallerWords{{ID: "m1", Text: "hi", At: c.now()}}, 1
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("update: %+v, %v; want %+v", got, err, want)
	}
	if stored, ok, err := s.Call(t.Context(), phoneSID); !ok || err != nil || !reflect.DeepEqual(stored, want) {
		t.Errorf("stored %+v, %v; want %+v", stored, err, want)
	}
	if got, err := s.UpdateCall(t.Context(), phoneSID, func(*aurora.PhoneCall) bool { return false }); err != nil || got.Revision != 1 {
		t.Errorf("a change that changes nothing: revision %d, %v; want 1", got.Revision, err)
	}
	c.advance(48 * time.Hour)
	if _, ok, err := s.Call(t.Context(), phoneSID); ok || err != nil {
		t.Errorf("after two days: found %v, %v", ok, err)
	}
	if got, err := s.CreateCall(t.Context(), aurora.PhoneCall{SID: phoneSID, AssistantID: "a2"}); err != nil || got.AssistantID != "a2" {
		t.Errorf("create over an expired one: %+v, %v", got, err)
	}
}

// Changes at the same time are all applied, once each, also when replies are lost.
func TestPhoneCallChangesAtOnce(t *testing.T) {
	config, f := newTables(t)
	s := newPhoneCalls(config, newClock())
	if _, err := s.CreateCall(t.Context(), aurora.PhoneCall{SID: phoneSID}); err != nil {
		t.Fatal(err)
	}
	f.setRule(func(operation string, n int) (reply, bool) {
		if operation == "PutItem" && n%5 == 0 {
			return dropReply, true
		}
		return nil, false
	})
	const writers = 4
	var group sync.WaitGroup
	for range writers {
		group.Go(func() {
			_, err := s.UpdateCall(t.Context(), phoneSID, func(p *aurora.PhoneCall) bool {
				p.Generation++
				return true
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	f.setRule(nil)
	if got, _, err := s.Call(t.Context(), phoneSID); err != nil || got.Generation != writers {
		t.Errorf("generation %d after %d changes, %v", got.Generation, writers, err)
	}
}

func TestPhoneCallsWithoutTable(t *testing.T) {
	config, f := newTables(t)
	s := newPhoneCalls(config, newClock())
	f.failAll(errorReply(400, "ProvisionedThroughputExceededException"))
	_, _, err := s.Call(t.Context(), phoneSID)
	_, created := s.CreateCall(t.Context(), aurora.PhoneCall{SID: phoneSID})
	_, updated := s.UpdateCall(t.Context(), phoneSID, func(*aurora.PhoneCall) bool { return true })
	_, turns := s.Turns(t.Context(), phoneSID)
	_, _, connection := s.ConnectionCall(t.Context(), "c1")
	_, used := s.UseToken(t.Context(), "token", phoneSID)
	for name, err := range map[string]error{"read": err, "create": created, "update": updated, "turns": turns, "connection": connection, "token": used,
		"turn": s.WriteTurn(t.Context(), phoneSID, aurora.SpokenTurn{}), "issue": s.IssueToken(t.Context(), aurora.RelayToken{Token: "x"}),
		"store connection": s.PutConnection(t.Context(), "c1", phoneSID)} {
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v, want fault.Unavailable", name, err)
		}
	}
}

func TestPhoneTurns(t *testing.T) {
	config, _ := newTables(t)
	c := newClock()
	s := newPhoneCalls(config, c)
	write := func(turn aurora.SpokenTurn) {
		t.Helper()
		if err := s.WriteTurn(t.Context(), phoneSID, turn); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, want ...aurora.SpokenTurn) {
		t.Helper()
		got, err := s.Turns(t.Context(), phoneSID)
		if err != nil || len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d turns, %v; want %d", what, len(got), err, len(want))
		}
	}
	expect("at first")
	newTurn := func(generation int64, size int) aurora.SpokenTurn {
		messages, _ := json.Marshal([]string{strings.Repeat("x", size)})
		return aurora.SpokenTurn{Generation: generation, Planned: "Hello.", StartedAt: c.now(), EndedAt: c.now(), Messages: messages}
	}
	first, second := newTurn(2, 10), newTurn(11, 20)
	write(second)
	write(newTurn(2, 5))
	write(first)
	expect("two turns, one written twice", first, second)

	large := newTurn(12, 120<<10)
	write(large)
	large.Messages = nil
	expect("a turn that is too large", first, second, large)
	all := []aurora.SpokenTurn{first, second, large}
	for generation := int64(20); generation < 30; generation++ { // 900 KB
		turn := newTurn(generation, 90<<10)
		write(turn)
		all = append(all, turn)
	}
	expect("a long call", all...)
	write(newTurn(2, 90<<10))
	all[0] = newTurn(2, 90<<10)
	expect("an old turn that grows", all...)
}

func TestPhoneConnections(t *testing.T) {
	config, _ := newTables(t)
	s := newPhoneCalls(config, newClock())
	if _, ok, err := s.ConnectionCall(t.Context(), "abc="); ok || err != nil {
		t.Errorf("an unknown connection: found %v, %v", ok, err)
	}
	if err := s.PutConnection(t.Context(), "abc=", phoneSID); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := s.ConnectionCall(t.Context(), "abc="); !ok || err != nil || got != phoneSID {
		t.Errorf("found %v %q, %v; want %s", ok, got, err, phoneSID)
	}
}

func TestRelayTokens(t *testing.T) {
	const otherSID = "CA00000000000000000000000000000002"
	config, f := newTables(t)
	c := newClock()
	s := newPhoneCalls(config, c)
	issue := func(token, sid string) {
		t.Helper()
		if err := s.IssueToken(t.Context(), aurora.RelayToken{Token: token, AssistantID: "a1", CallSID: sid, RecordID: "r1", Greeting: "Hi", Recorded: true, ExpiresAt: c.now().Add(2 * time.Minute)}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what, token, sid string, valid bool) {
		t.Helper()
		got, err := s.UseToken(t.Context(), token, sid)
		if valid && (err != nil || got.AssistantID != "a1" || got.CallSID != sid || got.RecordID != "r1" || got.Greeting != "Hi" || !got.Recorded) {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		if !valid && !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: %v, want fault.Unauthorized", what, err)
		}
	}
	issue("bound", phoneSID)
	issue("free", "")
	issue("unused", "")
	expect("an unknown token", "other", phoneSID, false)
	expect("no token", "", phoneSID, false)
	expect("no call", "free", "", false)
	expect("another call than the token's", "bound", otherSID, false)
	expect("the token's call", "bound", phoneSID, true)
	f.loseFirstReply("UpdateItem")
	expect("the first call, after a lost reply", "free", phoneSID, true)
	expect("a second call", "free", otherSID, false)
	c.advance(2 * time.Minute)
	expect("a token that was not used in time", "unused", phoneSID, false)
	expect("the same call after two minutes, as when it connects again", "free", phoneSID, true)
	c.advance(48 * time.Hour)
	expect("after two days", "free", phoneSID, false)
}
