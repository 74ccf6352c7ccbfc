package outbound

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

// What the provider answers, what the caller gets, and what is stored.
func TestProviderFaults(t *testing.T) {
	type respond func(int) (accept bool, err error)
	always := func(accept bool, err error) respond {
		return func(int) (bool, error) { return accept, err }
	}
	once := func(err error) respond {
		failed := false
		return func(int) (bool, error) {
			if failed {
				return true, nil
			}
			failed = true
			return false, err
		}
	}
	for name, c := range map[string]struct {
		respond  respond
		kind     fault.Kind
		code     string
		requests int
		state    aurora.OutboundState
	}{
		"fault 44: Twilio answers 400":      {always(false, errInvalid21211), fault.Invalid, "twilio_21211", 1, aurora.OutboundRejected},
		"fault 45: Twilio answers 429":      {always(false, errBusy20429), fault.RateLimited, "twilio_20429", 2, aurora.OutboundRejected},
		"fault 45: Twilio answers 429 once": {once(errBusy20429), 0, "", 2, aurora.OutboundPlaced},
		"fault 46: the reply is lost":       {always(true, errReplyLost), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		"fault 46: the request is lost":     {always(false, errReplyLost), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		"fault 46: an error of no kind":     {always(true, errors.New("boom")), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		"fault 47: no connection":           {always(false, errNotSent), fault.Upstream, "telephone_unreachable", 0, aurora.OutboundRejected},
		"fault 47: no connection once":      {once(errNotSent), 0, "", 1, aurora.OutboundPlaced},
		"a wrong token":                     {always(false, errWrongToken), fault.Unavailable, "telephone_auth", 0, aurora.OutboundRejected},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				h.provider.respond = c.respond
				_, err := h.place(newRequest("k1"))
				if faultCode(err) != c.code || err != nil && fault.From(err).Kind != c.kind {
					t.Errorf("%v (%q); want %s %q", err, faultCode(err), c.kind, c.code)
				}
				if c.kind == fault.RateLimited && fault.From(err).RetryAfter < time.Second {
					t.Errorf("Retry-After is %s, want at least a second", fault.From(err).RetryAfter)
				}
				h.expectRequests(c.requests)
				h.expectState(c.state, err)
				h.provider.respond = nil
				_, _ = h.place(newRequest("k1"))
				if c.state == aurora.OutboundRejected { // its key was released, so the call is placed now
					h.expectRequests(c.requests + 1)
				} else {
					h.expectRequests(c.requests)
				}
			})
		})
	}
}

// expectState checks the only record, and what a call in its state still holds.
func (h *harness) expectState(want aurora.OutboundState, err error) {
	h.t.Helper()
	if got := h.onlyRecord().State; got != want {
		h.t.Errorf("the record is %s, want %s", got, want)
	}
	switch want {
	case aurora.OutboundUnknown:
		if !strings.Contains(fault.From(err).Message, "oc_1") {
			h.t.Errorf("%q does not name the record", fault.From(err).Message)
		}
		if h.quotasTaken() == "" {
			h.t.Error("an unknown call returned its quotas")
		}
	case aurora.OutboundRejected:
		h.expectQuotas("")
		if keys, pending := len(h.ledger.keys), len(h.ledger.pending[recipient]); keys+pending != 0 {
			h.t.Errorf("a rejected call still has %d keys and %d pending entries", keys, pending)
		}
	}
}

// Whatever call of the ledger fails before the call is placed: no call is placed, and the answer is 503.
func TestFault53StoreUnavailable(t *testing.T) {
	newConsentHarness := func() *harness {
		h := newHarness(t)
		h.Guards.RequireConsent = true
		h.ledger.consent[recipient] = true
		return h
	}
	synctest.Test(t, func(t *testing.T) {
		complete := newConsentHarness()
		if _, err := complete.place(newRequest("k1")); err != nil {
			t.Fatal(err)
		}
		calls := complete.ledger.calls[:slices.Index(complete.ledger.calls, "ClaimSID")] // the first one after the call
		for i, method := range calls {
			if method == "Pending" {
				continue // best effort: it resolves other calls
			}
			for _, applied := range []bool{false, true} {
				h := newConsentHarness()
				fail := func(_ string, n int) error {
					if n > i {
						return fault.New(fault.Unavailable, "unavailable")
					}
					return nil
				}
				if applied {
					h.ledger.failAfter = fail
				} else {
					h.ledger.failBefore = fail
				}
				_, err := h.place(newRequest("k1"))
				if !fault.Is(err, fault.Unavailable) || faultCode(err) != "store_unavailable" || h.provider.requestCount() != 0 {
					t.Errorf("%s fails, applied %v: %v, %d requests; want store_unavailable and no request", method, applied, err, h.provider.requestCount())
				}
			}
		}
		h := newHarness(t)
		h.assistants.Err = errors.New("unavailable")
		if _, err := h.place(newRequest("k1")); err == nil {
			t.Error("the assistants cannot be read: no error")
		}
		h.expectRequests(0)
	})
}

// The call is placed, and nothing can be stored any more.
func TestFault54CallCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := testkit.CaptureLog(t)
		h := newHarness(t)
		failing := true
		h.ledger.failBefore = func(method string, _ int) error {
			if failing && (method == "UpdateRecord" || method == "ClaimSID") {
				return errors.New("unavailable")
			}
			return nil
		}
		first, err := h.place(newRequest("k1"))
		if err != nil || first.SID != firstSID {
			t.Fatalf("%+v, %v; want the call", first, err)
		}
		if n := strings.Count(strings.Join(h.ledger.calls, " "), "ClaimSID"); n != 3 {
			t.Errorf("the write was tried %d times, want 3", n)
		}
		if !strings.Contains(log.String(), firstSID) {
			t.Error("the sid is not in the log")
		}
		if _, err := h.place(newRequest("k1")); faultCode(err) != "idempotency_in_progress" {
			t.Errorf("before the deadline: %v, want idempotency_in_progress", err)
		}
		h.advance(abandonedAfter)
		h.provider.listErr = errors.New("unavailable")
		failing = false
		if _, err := h.place(newRequest("k1")); faultCode(err) != "idempotency_state_unknown" || h.onlyRecord().State != aurora.OutboundUnknown {
			t.Errorf("after the deadline: %v, the record is %s; want it unknown", err, h.onlyRecord().State)
		}
		h.provider.listErr = nil
		if answer, err := h.place(newRequest("k1")); err != nil || !isReplay(answer, first) {
			t.Errorf("once the provider lists the call: %+v, %v; want a replay of %+v", answer, err, first)
		}
		h.expectRequests(1)
	})
}

// No log line holds a whole number, a name, an address, or the info about a person.
func TestLogHasNoPersonalData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := testkit.CaptureLog(t)
		responses := []func(int) (bool, error){nil}
		for _, err := range []error{errInvalid21211, errBusy20429, errReplyLost, errNotSent, errWrongToken, errors.New("boom")} {
			responses = append(responses, func(int) (bool, error) { return false, err })
		}
		for _, respond := range responses {
			for failsFrom := range 20 {
				useEverything(t, respond, failsFrom)
			}
		}
		if n := len(log.String()); n < 1000 {
			t.Errorf("only %d bytes were logged", n)
		}
		for _, secret := range []string{string(recipient), "415) 555", "4155550100", "+14639465275", "4639465275", canaryName, "Zebulon", canaryInfo, canaryEmail, "lamantic-key"} {
			if i := strings.Index(log.String(), secret); i >= 0 {
				t.Errorf("%q is in the log: %s", secret, log.String()[max(0, i-200):i+60])
			}
		}
	})
}

// useEverything calls every method of the service while the ledger fails from its nth call on; 0 never fails.
func useEverything(t *testing.T, respond func(int) (bool, error), failsFrom int) {
	h := newHarness(t)
	h.provider.respond = respond
	h.ledger.failBefore = func(_ string, n int) error {
		if failsFrom > 0 && n >= failsFrom {
			return fault.New(fault.Unavailable, "unavailable")
		}
		return nil
	}
	r := newRequest("k1")
	r.Route, r.FieldPrefix, r.Info = RouteHyperscale, "", canaryInfo
	_, err := h.place(r)
	slog.ErrorContext(t.Context(), "failed", "error", err)
	h.ledger.failBefore = nil
	_, _ = h.place(r)
	h.advance(time.Minute)
	_, _ = h.place(r)
	_ = h.HandleCallback(t.Context(), newCallback("oc_1", firstSID, "completed"))
	_ = h.HandleCallback(t.Context(), newCallback("oc_1", unknownSID, "completed"))
	_, _ = h.Reconcile(t.Context(), h.ledger)
	_ = h.CheckEligible(t.Context(), r.PhoneNumber, "")
}
