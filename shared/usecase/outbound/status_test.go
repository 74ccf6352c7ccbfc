package outbound

import (
	"context"
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const strangeSID = "CA000000000000000000000000000000ff"

func TestStatus(t *testing.T) {
	b := newBench(t)
	if _, err := b.place(request("k1")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		status, by, class string
		want              aurora.CallStatus
	}{
		{"initiated", "", "", aurora.CallInitiated}, {"ringing", "", "", aurora.CallRinging}, {"initiated", "", "", aurora.CallRinging},
		{"in-progress", "", "", aurora.CallInProgress}, {"", "human", "", aurora.CallInProgress}, {"ringing", "", "", aurora.CallInProgress},
		{"soon-to-be-invented", "", "", aurora.CallInProgress}, {"completed", "", "answered", aurora.CallCompleted},
		{"busy", "", "answered", aurora.CallCompleted}, {"in-progress", "machine_start", "answered", aurora.CallCompleted},
	} {
		p, err := b.Status(t.Context(), callback("oc_1", firstSID, step.status, "AnsweredBy", step.by))
		if err != nil || p.Record.Status != step.want || string(p.Call.Class) != step.class || (step.class != "") != (len(p.Names) == 1) {
			t.Errorf("%s: %v %+v", step.status, err, p)
		}
		b.pass(time.Second)
	}
	r := b.one()
	if r.AnsweredBy != "human" || r.AnsweredAt.IsZero() || !r.EndedAt.After(r.AnsweredAt) {
		t.Errorf("%+v", r)
	}
}

// A call that never reached the assistant is known, and its row is older than any report.
func TestStatusRows(t *testing.T) {
	for status, class := range map[string]aurora.Class{"busy": aurora.Busy, "no-answer": aurora.NoAnswer, "failed": aurora.Failed, "canceled": aurora.NoAnswer} {
		b := newBench(t)
		_, _ = b.place(request("k1"))
		p, err := b.Status(t.Context(), callback("", firstSID, status, "Timestamp", "Wed, 18 Nov 2026 17:30:40 +0000", "CallDuration", "0"))
		if err != nil || p.Names[0] != firstSID {
			t.Fatalf("%s: %v %+v", status, err, p)
		}
		zero := 0.0
		c := p.Call
		if c.Class != class || c.EndedReason != status || c.Direction != aurora.Outbound || c.Customer != someone || c.AssistantID != riley || c.Day != "2026-11-18" ||
			!c.EndedAt.Equal(b.clock.Add(40*time.Second)) || c.Seconds == nil || *c.Seconds != zero || c.ID != firstSID {
			t.Errorf("%s: %+v", status, c)
		}
		if c.Version >= aurora.Version(time.Time{}, b.clock, "eoc/x") || c.Version >= aurora.Version(b.clock, b.clock, "eoc/x") {
			t.Errorf("the row's version %s is not older than a report's", c.Version)
		}
	}
	b := newBench(t)
	_, _ = b.place(request("k1"))
	_, _ = b.Status(t.Context(), callback("oc_1", firstSID, "", "AnsweredBy", "machine_end_beep"))
	if p, _ := b.Status(t.Context(), callback("oc_1", firstSID, "completed")); p.Call.Class != aurora.Voicemail {
		t.Errorf("a machine answered: %s", p.Call.Class)
	}
}

// An unknown call is placed as soon as its callback says so, and its key answers from then on.
func TestStatusResolves(t *testing.T) {
	b := newBench(t)
	b.phone.say = func(int) (bool, error) { return true, lostReply }
	if _, err := b.place(request("k1")); code(err) != "call_state_unknown" {
		t.Fatal(err)
	}
	b.phone.away = lostReply
	if _, err := b.place(request("k1")); code(err) != "idempotency_state_unknown" {
		t.Fatal(err)
	}
	if _, err := b.Status(t.Context(), callback("oc_1", firstSID, "initiated")); err != nil {
		t.Fatal(err)
	}
	if a, err := b.place(request("k1")); err != nil || !a.Replayed || a.SID != firstSID {
		t.Errorf("%+v %v", a, err)
	}
	// A callback that is faster than the lost reply is the answer.
	b = newBench(t)
	b.phone.say = func(int) (bool, error) {
		_, err := b.Status(context.Background(), callback("oc_1", firstSID, "initiated"))
		if err != nil {
			t.Error(err)
		}
		return true, lostReply
	}
	if a, err := b.place(request("k1")); err != nil || a.SID != firstSID || a.Replayed {
		t.Errorf("%+v %v", a, err)
	}
}

func TestStatusOfStrangers(t *testing.T) {
	b := newBench(t)
	_, _ = b.place(request("k1"))
	if _, err := b.Status(t.Context(), callback("oc_nobody", firstSID, "completed")); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if _, err := b.Status(t.Context(), callback("", strangeSID, "completed")); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if p, err := b.Status(t.Context(), callback("oc_1", strangeSID, "completed")); err != nil || p.Names != nil || b.one().SID != firstSID || b.one().Status.Final() {
		t.Errorf("%+v %v", p, err)
	}
	b.ledger.spoil = func(string, int) error { return lostReply }
	if _, err := b.Status(t.Context(), callback("oc_1", firstSID, "completed")); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	for _, form := range []url.Values{{}, {"CallSid": {"CA1"}}, {"CallSid": {firstSID + "\n"}}} {
		if _, err := ReadCallback("oc_1", form); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", form, err)
		}
	}
	if _, err := ReadCallback("../x", url.Values{"CallSid": {firstSID}}); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

// In whatever order callbacks come and however often, the record never goes back, and the calls' row is final once.
func TestStatusNeverGoesBack(t *testing.T) {
	statuses := []string{"", "queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"}
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		_, _ = b.place(request("k1"))
		rank, final := 0, aurora.CallStatus("")
		for _, status := range rapid.SliceOfN(rapid.SampledFrom(statuses), 1, 20).Draw(rt, "statuses") {
			p, err := b.Status(t.Context(), callback("oc_1", firstSID, status))
			if err != nil {
				rt.Fatal(err)
			}
			if p.Record.Status.Rank() < rank || final != "" && p.Record.Status != final {
				rt.Fatalf("%s after %d, %s", p.Record.Status, rank, final)
			}
			if rank = p.Record.Status.Rank(); p.Record.Status.Final() {
				final = p.Record.Status
			}
			if (len(p.Names) > 0) != (final != "") {
				rt.Fatalf("%s gives %v", p.Record.Status, p.Names)
			}
		}
	})
}

func TestReconcile(t *testing.T) {
	b := newBench(t)
	for i, say := range []func(int) (bool, error){
		func(int) (bool, error) { return true, lostReply }, func(int) (bool, error) { return false, lostReply }, nil,
	} {
		b.phone.say = say
		r := request("none")
		r.PhoneNumber = []string{"+14155550100", "+14155550101", "+14155550102"}[i]
		_, _ = b.place(r)
	}
	r := request("k1")
	r.PhoneNumber = "+14155550103"
	b.phone.say = func(int) (bool, error) { return false, lostReply }
	_, _ = b.place(r)
	for _, step := range []struct {
		later time.Duration
		want  Reconciled
	}{{0, Reconciled{Placed: 1, Unknown: 2}}, {time.Minute, Reconciled{Unknown: 2}}, {certain, Reconciled{NotPlaced: 2}}, {time.Hour, Reconciled{}}} {
		b.pass(step.later)
		got, err := b.Reconcile(t.Context(), b.ledger)
		if err != nil || got != step.want {
			t.Errorf("after %s: %+v %v, want %+v", step.later, got, err, step.want)
		}
	}
	b.phone.say = nil
	if a, err := b.place(r); err != nil || a.Replayed { // it was certainly never placed, so its key is free
		t.Errorf("%+v %v", a, err)
	}
	b.phone.say, b.phone.away = func(int) (bool, error) { return false, lostReply }, lostReply
	_, _ = b.place(request("k3"))
	b.pass(time.Hour)
	if got, err := b.Reconcile(t.Context(), b.ledger); err == nil || got != (Reconciled{Unknown: 1}) {
		t.Errorf("the provider away: %+v %v", got, err)
	}
}

// Two unknown calls to one number: a call that is found is one record's, and no record takes a call that another has.
func TestResolveTakesNobodyElsesCall(t *testing.T) {
	b := newBench(t)
	b.phone.say = func(n int) (bool, error) { return n != 1, lostReply } // the first never arrived
	_, _ = b.place(request("k1"))
	b.pass(time.Second)
	_, _ = b.place(request("k2"))
	b.phone.say = nil
	b.pass(time.Hour)
	if a, err := b.place(request("k3")); err != nil || a.Replayed { // looks for both before
		t.Fatalf("%+v %v", a, err)
	}
	b.pass(time.Hour)
	for _, key := range []string{"k1", "k2", "k3"} {
		_, _ = b.place(request(key))
	}
	owners := map[string]string{}
	for _, r := range b.ledger.records {
		if owners[r.SID] != "" {
			t.Errorf("%q is both %s's and %s's", r.SID, owners[r.SID], r.ID)
		}
		owners[r.SID] = r.ID
	}
	if b.phone.posts() != 3 || len(owners) != 3 || owners[""] == "" {
		t.Errorf("%d posts, %v", b.phone.posts(), owners)
	}
}

// While another call to the same number is being placed nothing is looked for: that call could be taken for the
// unknown one.
func TestResolveWaitsForOthers(t *testing.T) {
	b := newBench(t)
	b.phone.say = func(int) (bool, error) { return false, lostReply }
	_, _ = b.place(request("k1"))
	b.phone.say, b.phone.during = nil, func() {
		b.pass(11 * time.Second) // long enough to look again
		if _, err := b.place(request("k1")); code(err) != "idempotency_state_unknown" {
			t.Error(err)
		}
	}
	b.pass(20 * time.Second)
	lists := b.phone.lists
	if _, err := b.place(request("k2")); err != nil || b.phone.lists != lists+1 { // before k2's own call, and not within
		t.Errorf("%v, %d lists", err, b.phone.lists-lists)
	}
}

// Whoever comes to the call too late does not ask for it: others may have taken them for dead.
func TestLateIsNotPlaced(t *testing.T) {
	b := newBench(t)
	b.ledger.spoil = func(call string, _ int) error {
		if call == "Opened" {
			b.pass(sending)
		}
		return nil
	}
	if _, err := b.place(request("k1")); code(err) != "call_not_placed" || !fault.Is(err, fault.Unavailable) || b.phone.posts() != 0 || b.taken() != "" || len(b.ledger.keys) != 0 {
		t.Errorf("%v, %d posts", err, b.phone.posts())
	}
}
