package outbound

import (
	"context"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const unknownSID = "CA000000000000000000000000000000ff"

func TestCallbacks(t *testing.T) {
	b := newHarness(t)
	if _, err := b.place(newRequest("k1")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		status     aurora.CallStatus
		answeredBy string
		want       aurora.CallStatus
		rows       int
	}{
		{"initiated", "", aurora.CallInitiated, 0},
		{"ringing", "", aurora.CallRinging, 0},
		{"initiated", "", aurora.CallRinging, 0}, // came late
		{"in-progress", "", aurora.CallInProgress, 0},
		{"", "human", aurora.CallInProgress, 0},
		{"ringing", "", aurora.CallInProgress, 0},
		{"completed", "", aurora.CallCompleted, 1},
		{"busy", "", aurora.CallCompleted, 2}, // the first final status counts; the same row is written again
		{"in-progress", "machine_start", aurora.CallCompleted, 3},
	} {
		if err := b.HandleCallback(t.Context(), newCallback("oc_1", firstSID, step.status, answeredBy(step.answeredBy))); err != nil {
			t.Errorf("%s: %v", step.status, err)
		}
		if got := b.onlyRecord().Status; got != step.want {
			t.Errorf("after %q the status is %q, want %q", step.status, got, step.want)
		}
		if len(b.index.rows) != step.rows {
			t.Errorf("after %q %d rows were written, want %d", step.status, len(b.index.rows), step.rows)
		}
		b.advance(time.Second)
	}
	for _, row := range b.index.rows {
		if row.Disposition != aurora.DispositionAnswered {
			t.Errorf("disposition %s, want answered", row.Disposition)
		}
	}
	r := b.onlyRecord()
	if r.AnsweredBy != "human" {
		t.Errorf("answered by %q, want the first report, human", r.AnsweredBy)
	}
	if r.AnsweredAt.IsZero() || !r.EndedAt.After(r.AnsweredAt) {
		t.Errorf("answered at %s and ended at %s", r.AnsweredAt, r.EndedAt)
	}
}

// The row of a call that never reached the assistant is complete, and older than any report.
func TestRowOfFinalStatus(t *testing.T) {
	for status, want := range map[aurora.CallStatus]aurora.Disposition{"busy": aurora.DispositionBusy, "no-answer": aurora.DispositionNoAnswer,
		"failed": aurora.DispositionFailed, "canceled": aurora.DispositionNoAnswer} {
		b := newHarness(t)
		_, _ = b.place(newRequest("k1"))
		zero, endedAt := 0.0, b.clock.Add(40*time.Second)
		err := b.HandleCallback(t.Context(), newCallback("", firstSID, status, func(cb *Callback) { cb.At, cb.Seconds = endedAt, &zero }))
		if err != nil || len(b.index.rows) != 1 || b.index.names[0] != firstSID {
			t.Fatalf("%s: %v, rows %+v of %v", status, err, b.index.rows, b.index.names)
		}
		got := b.index.rows[0]
		if got.Seconds == nil || *got.Seconds != 0 {
			t.Errorf("%s: seconds %v, want 0", status, got.Seconds)
		}
		if got.Version >= aurora.NewVersion(time.Time{}, b.clock, "eoc/x") || got.Version >= aurora.NewVersion(b.clock, b.clock, "eoc/x") {
			t.Errorf("%s: the version %s is not smaller than a report's", status, got.Version)
		}
		row := aurora.Call{CallKey: aurora.CallKey{AssistantID: riley, Day: "2026-11-18"}, ID: firstSID, Version: got.Version, StartedAt: b.clock, EndedAt: endedAt,
			Seconds: got.Seconds, EndedReason: string(status), Disposition: want, Direction: aurora.DirectionOutbound, Customer: recipient, CustomerName: canaryName}
		if !reflect.DeepEqual(got, row) {
			t.Errorf("%s: row\n     %+v\nwant %+v", status, got, row)
		}
	}
}

func TestMachineThatAnswersIsAVoicemail(t *testing.T) {
	b := newHarness(t)
	_, _ = b.place(newRequest("k1"))
	for _, cb := range []Callback{newCallback("oc_1", firstSID, "", answeredBy("machine_end_beep")), newCallback("oc_1", firstSID, "completed")} {
		if err := b.HandleCallback(t.Context(), cb); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.index.rows) != 1 || b.index.rows[0].Disposition != aurora.DispositionVoicemail {
		t.Errorf("rows %+v, want one voicemail", b.index.rows)
	}
}

// A callback makes an unknown call placed, and its idempotency key answers with it from then on.
func TestCallbackResolvesUnknownCall(t *testing.T) {
	b := newHarness(t)
	b.provider.respond = func(int) (bool, error) { return true, errReplyLost }
	if _, err := b.place(newRequest("k1")); faultCode(err) != "call_state_unknown" {
		t.Fatalf("the reply is lost: %v, want call_state_unknown", err)
	}
	b.provider.listErr = errReplyLost
	if _, err := b.place(newRequest("k1")); faultCode(err) != "idempotency_state_unknown" {
		t.Fatalf("the provider does not list calls: %v, want idempotency_state_unknown", err)
	}
	if err := b.HandleCallback(t.Context(), newCallback("oc_1", firstSID, "initiated")); err != nil {
		t.Fatal(err)
	}
	if a, err := b.place(newRequest("k1")); err != nil || !a.Replayed || a.SID != firstSID {
		t.Errorf("after the callback: %+v, %v; want a replay", a, err)
	}
}

func TestCallbackBeforeTheLostReply(t *testing.T) {
	b := newHarness(t)
	b.provider.respond = func(int) (bool, error) {
		if err := b.HandleCallback(context.Background(), newCallback("oc_1", firstSID, "initiated")); err != nil {
			t.Error(err)
		}
		return true, errReplyLost
	}
	if a, err := b.place(newRequest("k1")); err != nil || a.SID != firstSID || a.Replayed {
		t.Errorf("%+v, %v; want the call that the callback named", a, err)
	}
}

func TestCallbackForUnknownCall(t *testing.T) {
	b := newHarness(t)
	_, _ = b.place(newRequest("k1"))
	for name, cb := range map[string]Callback{"record": newCallback("oc_other", firstSID, "completed"), "sid": newCallback("", unknownSID, "completed")} {
		if err := b.HandleCallback(t.Context(), cb); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown %s: %v, want fault.NotFound", name, err)
		}
	}
	if err := b.HandleCallback(t.Context(), newCallback("oc_1", unknownSID, "completed")); err != nil {
		t.Errorf("another call's callback for a record: %v, want it ignored", err)
	}
	if r := b.onlyRecord(); r.SID != firstSID || r.Status.IsFinal() || len(b.index.rows) != 0 {
		t.Errorf("another call's callback changed the record: %+v, rows %+v", r, b.index.rows)
	}
}

func TestCallbackWhenAStoreIsUnavailable(t *testing.T) {
	b := newHarness(t)
	_, _ = b.place(newRequest("k1"))
	completed := newCallback("oc_1", firstSID, "completed")
	b.index.err = errReplyLost
	if err := b.HandleCallback(t.Context(), completed); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the index fails: %v, want fault.Unavailable, so that the provider tries again", err)
	}
	b.index.err = nil
	if err := b.HandleCallback(t.Context(), completed); err != nil || len(b.index.rows) != 1 {
		t.Errorf("the next try: %v, rows %+v; want one row", err, b.index.rows)
	}
	b.ledger.failBefore = func(string, int) error { return errReplyLost }
	if err := b.HandleCallback(t.Context(), completed); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the ledger fails: %v, want fault.Unavailable", err)
	}
}

// In whatever order callbacks come and however often, the record never goes back, and rows are written only for a call
// that is over.
func TestStatusNeverGoesBack(t *testing.T) {
	statuses := []aurora.CallStatus{"", "queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"}
	rapid.Check(t, func(rt *rapid.T) {
		b := newHarness(t)
		_, _ = b.place(newRequest("k1"))
		rank, final := 0, aurora.CallStatus("")
		for _, status := range rapid.SliceOfN(rapid.SampledFrom(statuses), 1, 20).Draw(rt, "statuses") {
			if err := b.HandleCallback(t.Context(), newCallback("oc_1", firstSID, status)); err != nil {
				rt.Fatal(err)
			}
			now := b.onlyRecord().Status
			if now.Rank() < rank || final != "" && now != final {
				rt.Fatalf("the status is %q after rank %d, final %q", now, rank, final)
			}
			if rank = now.Rank(); now.IsFinal() {
				final = now
			}
			if (len(b.index.rows) > 0) != (final != "") {
				rt.Fatalf("the status is %q with %d rows", now, len(b.index.rows))
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
