package outbound

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	firstSID = "CA00000000000000000000000000000001"

	// quotasOfOneCall is what quotasTaken returns after one call.
	quotasOfOneCall = "country 1, key 1, minute 1, spend 100000, to 1"
)

func TestPlace(t *testing.T) {
	h := newHarness(t)
	got, err := h.place(newRequest("k1"))
	if err != nil {
		t.Fatal(err)
	}
	want := PlacedCall{AssistantNumber: "4639465275", Name: canaryName, Number: "+1 (415) 555-0100", SID: firstSID, RecordID: "oc_1"}
	if got != want {
		t.Errorf("placed %+v, want %+v", got, want)
	}
	request := aurora.CallRequest{From: "+14639465275", To: recipient, AssistantID: riley, RecordID: "oc_1", StreamURL: "wss://voice.example.com/stream",
		StatusURL: "https://api.example.com/prod/api/outbound-call-status?record=oc_1", RingTime: 30 * time.Second, TalkTime: 30 * time.Minute}
	if !slices.Equal(h.provider.requests, []aurora.CallRequest{request}) {
		t.Errorf("the provider got %+v, want %+v", h.provider.requests, request)
	}
	r := h.onlyRecord()
	if r.State != aurora.OutboundPlaced || r.SID != firstSID || r.Email != canaryEmail {
		t.Errorf("the record is %+v, want it placed, with its sid and the e-mail address", r)
	}
	if n := len(h.ledger.pending[recipient]); n != 0 {
		t.Errorf("%d calls are pending, want none", n)
	}
	context := aurora.OutboundContext{CallRecordID: "oc_1", CallSID: firstSID, PhoneNumber: recipient, Name: canaryName, Email: canaryEmail}
	if c := aurora.FindOutboundContext(t.Context(), h.ledger, riley, "", "unknown", firstSID); c == nil || *c != context {
		t.Errorf("by the sid: found %+v, want %+v", c, context)
	}
	if c := aurora.FindOutboundContext(t.Context(), h.ledger, otherAssistant, firstSID); c != nil {
		t.Errorf("another assistant found %+v", c)
	}
	h.expectQuotas(quotasOfOneCall)
}

// The order of the steps, as the ledger sees it. See the package comment.
func TestOrderOfSteps(t *testing.T) {
	h := newHarness(t)
	h.Guards.RequireConsent = true
	h.ledger.consent[recipient] = true
	if _, err := h.place(newRequest("k1")); err != nil {
		t.Fatal(err)
	}
	want := "FindClaim IsDoNotCall HasConsent Pending CreateRecord ClaimKey TakeQuota TakeQuota TakeQuota TakeQuota TakeQuota AddPending ClaimSID Record UpdateRecord RemovePending"
	if got := strings.Join(h.ledger.calls, " "); got != want {
		t.Errorf("the ledger's calls are\n     %s\nwant %s", got, want)
	}
}

func TestHyperscaleRoute(t *testing.T) {
	h := newHarness(t)
	_, err := h.place(Request{Route: RouteHyperscale, AssistantID: riley, PhoneNumber: "+40742070688", Name: "John Doe", Info: "Some relevant info"})
	if err != nil {
		t.Fatal(err)
	}
	if r := h.onlyRecord(); r.Info != "Some relevant info" || r.From != "+14639465275" || r.To != "+40742070688" {
		t.Errorf("stored %+v", r)
	}
}

// A caller that disconnects does not stop the writes after the call.
func TestCallerDisconnects(t *testing.T) {
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.provider.respond = func(int) (bool, error) { cancel(); return true, nil }
	if _, err := h.Place(ctx, newRequest("k1")); err != nil || h.onlyRecord().State != aurora.OutboundPlaced {
		t.Errorf("after the call was asked for: %v, the record is %s; want it placed", err, h.onlyRecord().State)
	}
	h = newHarness(t)
	if _, err := h.Place(ctx, newRequest("k1")); err == nil {
		t.Error("before the call was asked for: no error")
	}
	h.expectRequests(0)
	h.expectQuotas("")
	if n := len(h.ledger.keys); n != 0 {
		t.Errorf("%d keys are claimed, want none", n)
	}
}

func TestMissingSettings(t *testing.T) {
	h := newHarness(t)
	h.StreamURL = ""
	if _, err := h.place(newRequest("")); faultCode(err) != "outbound_not_set_up" || len(h.ledger.calls) != 0 {
		t.Errorf("without a voice server: %v, the ledger got %v; want outbound_not_set_up at once", err, h.ledger.calls)
	}
	h = newHarness(t)
	r := newRequest("")
	r.Route, r.AssistantID = RouteHyperscale, ""
	if _, err := h.place(r); faultCode(err) != "outbound_not_set_up" {
		t.Errorf("without the deployment's assistant: %v, want outbound_not_set_up", err)
	}
	h.Guards = Guards{DefaultRegion: "US"}
	if _, err := h.place(newRequest("")); err == nil {
		t.Error("the zero value of Guards allows a call")
	}
	h.expectRequests(0)
}

// A limit that allows nothing is known without the ledger: after all other rules have been checked nothing is stored.
func TestLimitsThatAllowNothing(t *testing.T) {
	none := int64(0)
	for name, test := range map[string]struct {
		change   func(h *harness, r *Request)
		wantCode string
	}{
		"of the key":                      {func(_ *harness, r *Request) { r.Principal.Limits.CallsPerDay = &none }, "key_limit"},
		"of the deployment, for one day":  {func(h *harness, _ *Request) { h.Guards.Limits.SpendPerDay = 0 }, "budget_exhausted"},
		"of both: the deployment's first": {func(h *harness, r *Request) { r.Principal.Limits.CallsPerDay, h.Guards.Limits.CountryPerDay = &none, 0 }, "country_limit"},
		"of the key, for a number on the do-not-call list": {func(h *harness, r *Request) {
			r.Principal.Limits.CallsPerDay, h.ledger.doNotCall["+40742070688"] = &none, true
		}, "do_not_call"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			r := newRequest("k1")
			r.PhoneNumber = "+40742070688"
			test.change(h, &r)
			if _, err := h.place(r); faultCode(err) != test.wantCode {
				t.Errorf("the error is %v, want %s", err, test.wantCode)
			}
			h.expectRequests(0)
			if n := len(h.ledger.records) + len(h.ledger.keys) + len(h.ledger.counts); n != 0 {
				t.Errorf("%d items are stored, want none; the ledger got %v", n, h.ledger.calls)
			}
		})
	}
}

// A worker that is late does not ask for the call: after the deadline others treat its record as abandoned.
func TestLateRequestIsNotPlaced(t *testing.T) {
	h := newHarness(t)
	h.ledger.failBefore = func(method string, _ int) error {
		if method == "AddPending" {
			h.advance(createWithin)
		}
		return nil
	}
	if _, err := h.place(newRequest("k1")); faultCode(err) != "call_not_placed" || !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v, want call_not_placed", err)
	}
	h.expectRequests(0)
	h.expectQuotas("")
	if n := len(h.ledger.keys); n != 0 {
		t.Errorf("%d keys are claimed, want none", n)
	}
}

func TestMetrics(t *testing.T) {
	respond := func(err error) func(*harness) {
		return func(h *harness) { h.provider.respond = func(int) (bool, error) { return false, err } }
	}
	for name, c := range map[string]struct {
		change func(h *harness)
		want   []string
	}{
		"a placed call":        {func(*harness) {}, nil},
		"an unknown call":      {respond(errReplyLost), []string{"CallUnknown"}},
		"a rejected call":      {respond(errInvalid21211), nil},
		"no budget":            {func(h *harness) { h.Guards.Limits.SpendPerDay = 1 }, []string{"BudgetExhausted"}},
		"another limit is hit": {func(h *harness) { h.Guards.Limits.KeyPerDay = 0 }, nil},
	} {
		h := newHarness(t)
		var counted []string
		h.Count = func(_ context.Context, metric string) { counted = append(counted, metric) }
		c.change(h)
		_, _ = h.place(newRequest("k"))
		if !slices.Equal(counted, c.want) {
			t.Errorf("%s: counted %v, want %v", name, counted, c.want)
		}
	}
}
