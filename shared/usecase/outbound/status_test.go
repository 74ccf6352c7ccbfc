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

const unknownSID = "CA000000000000000000000000000000ff"

func TestStatus(t *testing.T) {
	b := newHarness(t)
	if _, err := b.place(newRequest("k1")); err != nil {
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
		p, err := b.Status(t.Context(), mustParseCallback("oc_1", firstSID, step.status, "AnsweredBy", step.by))
		if err != nil || p.Record.Status != step.want || string(p.Call.Disposition) != step.class || (step.class != "") != (len(p.Names) == 1) {
			t.Errorf("%s: %v %+v", step.status, err, p)
		}
		b.advance(time.Second)
	}
	r := b.onlyRecord()
	if r.AnsweredBy != "human" || r.AnsweredAt.IsZero() || !r.EndedAt.After(r.AnsweredAt) {
		t.Errorf("%+v", r)
	}
}

// A call that never reached the assistant is known, and its row is older than any report.
func TestRowOfFinalStatus(t *testing.T) {
	for status, class := range map[string]aurora.Disposition{"busy": aurora.DispositionBusy, "no-answer": aurora.DispositionNoAnswer, "failed": aurora.DispositionFailed, "canceled": aurora.DispositionNoAnswer} {
		b := newHarness(t)
		_, _ = b.place(newRequest("k1"))
		p, err := b.Status(t.Context(), mustParseCallback("", firstSID, status, "Timestamp", "Wed, 18 Nov 2026 17:30:40 +0000", "CallDuration", "0"))
		if err != nil || p.Names[0] != firstSID {
			t.Fatalf("%s: %v %+v", status, err, p)
		}
		zero := 0.0
		c := p.Call
		if c.Disposition != class || c.EndedReason != status || c.Direction != aurora.DirectionOutbound || c.Customer != recipient || c.AssistantID != riley || c.Day != "2026-11-18" ||
			!c.EndedAt.Equal(b.clock.Add(40*time.Second)) || c.Seconds == nil || *c.Seconds != zero || c.ID != firstSID {
			t.Errorf("%s: %+v", status, c)
		}
		if c.Version >= aurora.NewVersion(time.Time{}, b.clock, "eoc/x") || c.Version >= aurora.NewVersion(b.clock, b.clock, "eoc/x") {
			t.Errorf("the row's version %s is not older than a report's", c.Version)
		}
	}
	b := newHarness(t)
	_, _ = b.place(newRequest("k1"))
	_, _ = b.Status(t.Context(), mustParseCallback("oc_1", firstSID, "", "AnsweredBy", "machine_end_beep"))
	if p, _ := b.Status(t.Context(), mustParseCallback("oc_1", firstSID, "completed")); p.Call.Disposition != aurora.DispositionVoicemail {
		t.Errorf("a machine answered: %s", p.Call.Disposition)
	}
}

// An unknown call is placed as soon as its callback says so, and its key answers from then on.
func TestCallbackResolvesUnknownCall(t *testing.T) {
	b := newHarness(t)
	b.provider.respond = func(int) (bool, error) { return true, errReplyLost }
	if _, err := b.place(newRequest("k1")); faultCode(err) != "call_state_unknown" {
		t.Fatal(err)
	}
	b.provider.listErr = errReplyLost
	if _, err := b.place(newRequest("k1")); faultCode(err) != "idempotency_state_unknown" {
		t.Fatal(err)
	}
	if _, err := b.Status(t.Context(), mustParseCallback("oc_1", firstSID, "initiated")); err != nil {
		t.Fatal(err)
	}
	if a, err := b.place(newRequest("k1")); err != nil || !a.Replayed || a.SID != firstSID {
		t.Errorf("%+v %v", a, err)
	}
	// A callback that is faster than the lost reply is the answer.
	b = newHarness(t)
	b.provider.respond = func(int) (bool, error) {
		_, err := b.Status(context.Background(), mustParseCallback("oc_1", firstSID, "initiated"))
		if err != nil {
			t.Error(err)
		}
		return true, errReplyLost
	}
	if a, err := b.place(newRequest("k1")); err != nil || a.SID != firstSID || a.Replayed {
		t.Errorf("%+v %v", a, err)
	}
}

func TestCallbackForUnknownCall(t *testing.T) {
	b := newHarness(t)
	_, _ = b.place(newRequest("k1"))
	if _, err := b.Status(t.Context(), mustParseCallback("oc_nobody", firstSID, "completed")); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if _, err := b.Status(t.Context(), mustParseCallback("", unknownSID, "completed")); !fault.Is(err, fault.NotFound) {
		t.Error(err)
	}
	if p, err := b.Status(t.Context(), mustParseCallback("oc_1", unknownSID, "completed")); err != nil || p.Names != nil || b.onlyRecord().SID != firstSID || b.onlyRecord().Status.IsFinal() {
		t.Errorf("%+v %v", p, err)
	}
	b.ledger.failBefore = func(string, int) error { return errReplyLost }
	if _, err := b.Status(t.Context(), mustParseCallback("oc_1", firstSID, "completed")); !fault.Is(err, fault.Unavailable) {
		t.Error(err)
	}
	for _, form := range []url.Values{{}, {"CallSid": {"CA1"}}, {"CallSid": {firstSID + "\n"}}} {
		if _, err := ParseCallback("oc_1", form); !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %v", form, err)
		}
	}
	if _, err := ParseCallback("../x", url.Values{"CallSid": {firstSID}}); !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

// In whatever order callbacks come and however often, the record never goes back, and the calls' row is final once.
func TestStatusNeverGoesBack(t *testing.T) {
	statuses := []string{"", "queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"}
	rapid.Check(t, func(rt *rapid.T) {
		b := newHarness(t)
		_, _ = b.place(newRequest("k1"))
		rank, final := 0, aurora.CallStatus("")
		for _, status := range rapid.SliceOfN(rapid.SampledFrom(statuses), 1, 20).Draw(rt, "statuses") {
			p, err := b.Status(t.Context(), mustParseCallback("oc_1", firstSID, status))
			if err != nil {
				rt.Fatal(err)
			}
			if p.Record.Status.Rank() < rank || final != "" && p.Record.Status != final {
				rt.Fatalf("%s after %d, %s", p.Record.Status, rank, final)
			}
			if rank = p.Record.Status.Rank(); p.Record.Status.IsFinal() {
				final = p.Record.Status
			}
			if (len(p.Names) > 0) != (final != "") {
				rt.Fatalf("%s gives %v", p.Record.Status, p.Names)
			}
		}
	})
}

func TestReconcile(t *testing.T) {
	b := newHarness(t)
	for i, say := range []func(int) (bool, error){
		func(int) (bool, error) { return true, errReplyLost }, func(int) (bool, error) { return false, errReplyLost }, nil,
	} {
		b.provider.respond = say
		r := newRequest("none")
		r.PhoneNumber = []string{"+14155550100", "+14155550101", "+14155550102"}[i]
		_, _ = b.place(r)
	}
	r := newRequest("k1")
	r.PhoneNumber = "+14155550103"
	b.provider.respond = func(int) (bool, error) { return false, errReplyLost }
	_, _ = b.place(r)
	for _, step := range []struct {
		later time.Duration
		want  ReconcileResult
	}{{0, ReconcileResult{Placed: 1, Unknown: 2}}, {time.Minute, ReconcileResult{Unknown: 2}}, {neverPlacedAfter, ReconcileResult{NotPlaced: 2}}, {time.Hour, ReconcileResult{}}} {
		b.advance(step.later)
		got, err := b.Reconcile(t.Context(), b.ledger)
		if err != nil || got != step.want {
			t.Errorf("after %s: %+v %v, want %+v", step.later, got, err, step.want)
		}
	}
	b.provider.respond = nil
	if a, err := b.place(r); err != nil || a.Replayed { // it was certainly never placed, so its key is free
		t.Errorf("%+v %v", a, err)
	}
	b.provider.respond, b.provider.listErr = func(int) (bool, error) { return false, errReplyLost }, errReplyLost
	_, _ = b.place(newRequest("k3"))
	b.advance(time.Hour)
	if got, err := b.Reconcile(t.Context(), b.ledger); err == nil || got != (ReconcileResult{Unknown: 1}) {
		t.Errorf("the provider away: %+v %v", got, err)
	}
}

// Two unknown calls to one number: a call that is found is one record's, and no record takes a call that another has.
func TestResolveAssignsEachCallOnce(t *testing.T) {
	b := newHarness(t)
	b.provider.respond = func(n int) (bool, error) { return n != 1, errReplyLost } // the first never arrived
	_, _ = b.place(newRequest("k1"))
	b.advance(time.Second)
	_, _ = b.place(newRequest("k2"))
	b.provider.respond = nil
	b.advance(time.Hour)
	if a, err := b.place(newRequest("k3")); err != nil || a.Replayed { // looks for both before
		t.Fatalf("%+v %v", a, err)
	}
	b.advance(time.Hour)
	for _, key := range []string{"k1", "k2", "k3"} {
		_, _ = b.place(newRequest(key))
	}
	owners := map[string]string{}
	for _, r := range b.ledger.records {
		if owners[r.SID] != "" {
			t.Errorf("%q is both %s's and %s's", r.SID, owners[r.SID], r.ID)
		}
		owners[r.SID] = r.ID
	}
	if b.provider.requestCount() != 3 || len(owners) != 3 || owners[""] == "" {
		t.Errorf("%d posts, %v", b.provider.requestCount(), owners)
	}
}

// While another call to the same number is being placed nothing is looked for: that call could be taken for the
// unknown one.
func TestResolveWaitsForCallInProgress(t *testing.T) {
	b := newHarness(t)
	b.provider.respond = func(int) (bool, error) { return false, errReplyLost }
	_, _ = b.place(newRequest("k1"))
	b.provider.respond, b.provider.onCreate = nil, func() {
		b.advance(11 * time.Second) // long enough to look again
		if _, err := b.place(newRequest("k1")); faultCode(err) != "idempotency_state_unknown" {
			t.Error(err)
		}
	}
	b.advance(20 * time.Second)
	lists := b.provider.listCount
	if _, err := b.place(newRequest("k2")); err != nil || b.provider.listCount != lists+1 { // before k2's own call, and not within
		t.Errorf("%v, %d lists", err, b.provider.listCount-lists)
	}
}

// Whoever comes to the call too late does not ask for it: others may have taken them for dead.
func TestLateRequestIsNotPlaced(t *testing.T) {
	b := newHarness(t)
	b.ledger.failBefore = func(call string, _ int) error {
		if call == "AddPending" {
			b.advance(createWithin)
		}
		return nil
	}
	if _, err := b.place(newRequest("k1")); faultCode(err) != "call_not_placed" || !fault.Is(err, fault.Unavailable) || b.provider.requestCount() != 0 || b.quotasTaken() != "" || len(b.ledger.keys) != 0 {
		t.Errorf("%v, %d posts", err, b.provider.requestCount())
	}
}
