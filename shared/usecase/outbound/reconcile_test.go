package outbound

import (
	"testing"
	"time"
)

func TestReconcile(t *testing.T) {
	h := newHarness(t)
	lost := func(accepted bool) func(int) (bool, error) {
		return func(int) (bool, error) { return accepted, errReplyLost }
	}
	newRequestTo := func(key, number string) Request {
		r := newRequest(key)
		r.PhoneNumber = number
		return r
	}
	for number, respond := range map[string]func(int) (bool, error){"+14155550100": lost(true), "+14155550101": lost(false), "+14155550102": nil} {
		h.provider.respond = respond
		_, _ = h.place(newRequestTo("none", number))
	}
	h.provider.respond = lost(false)
	_, _ = h.place(newRequestTo("k1", "+14155550103"))
	for _, step := range []struct {
		later time.Duration
		want  ReconcileResult
	}{
		{0, ReconcileResult{Placed: 1, Unknown: 2}},
		{time.Minute, ReconcileResult{Unknown: 2}},
		{neverPlacedAfter, ReconcileResult{NotPlaced: 2}},
		{time.Hour, ReconcileResult{}},
	} {
		h.advance(step.later)
		if got, err := h.Reconcile(t.Context(), h.ledger); err != nil || got != step.want {
			t.Errorf("%s later: %+v, %v; want %+v", step.later, got, err, step.want)
		}
	}
	h.provider.respond = nil
	if answer, err := h.place(newRequestTo("k1", "+14155550103")); err != nil || answer.Replayed {
		t.Errorf("the key of a call that was never placed: %+v, %v; want a new call", answer, err)
	}
	h.provider.respond, h.provider.listErr = lost(false), errReplyLost
	_, _ = h.place(newRequest("k3"))
	h.advance(time.Hour)
	if got, err := h.Reconcile(t.Context(), h.ledger); err == nil || got != (ReconcileResult{Unknown: 1}) {
		t.Errorf("the provider does not list calls: %+v, %v; want one unknown call and an error", got, err)
	}
}

// Of two unknown calls to one number, one arrived. One record gets it, and the other stays unknown.
func TestResolveAssignsEachCallOnce(t *testing.T) {
	h := newHarness(t)
	h.provider.respond = func(n int) (bool, error) { return n != 1, errReplyLost }
	_, _ = h.place(newRequest("k1"))
	h.advance(time.Second)
	_, _ = h.place(newRequest("k2"))
	h.provider.respond = nil
	h.advance(time.Hour)
	if answer, err := h.place(newRequest("k3")); err != nil || answer.Replayed { // resolves both before its own call
		t.Fatalf("a third call: %+v, %v; want a new call", answer, err)
	}
	h.advance(time.Hour)
	for _, key := range []string{"k1", "k2", "k3"} {
		_, _ = h.place(newRequest(key))
	}
	h.expectRequests(3)
	owners := map[string]string{}
	for _, r := range h.ledger.records {
		if owners[r.SID] != "" {
			t.Errorf("the call %q belongs to the records %s and %s", r.SID, owners[r.SID], r.ID)
		}
		owners[r.SID] = r.ID
	}
	if len(owners) != 3 || owners[""] == "" {
		t.Errorf("records by sid: %v; want two calls and one record without", owners)
	}
}

// While another call to the number is in progress, an unknown call is not looked up: the other one could be mistaken for
// it.
func TestResolveWaitsForCallInProgress(t *testing.T) {
	h := newHarness(t)
	h.provider.respond = func(int) (bool, error) { return false, errReplyLost }
	_, _ = h.place(newRequest("k1"))
	h.provider.respond, h.provider.onCreate = nil, func() {
		h.advance(checkInterval + time.Second)
		if _, err := h.place(newRequest("k1")); faultCode(err) != "idempotency_state_unknown" {
			t.Errorf("while another call is in progress: %v, want idempotency_state_unknown", err)
		}
	}
	h.advance(20 * time.Second)
	before := h.provider.listCount
	if _, err := h.place(newRequest("k2")); err != nil {
		t.Fatal(err)
	}
	if n := h.provider.listCount - before; n != 1 {
		t.Errorf("the provider's calls were listed %d times, want once: before the call of k2", n)
	}
}
