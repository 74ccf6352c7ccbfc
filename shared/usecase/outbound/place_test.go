package outbound

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

const firstSID = "CA00000000000000000000000000000001"

func TestPlace(t *testing.T) {
	b := newHarness(t)
	a, err := b.place(newRequest("k1"))
	if err != nil {
		t.Fatal(err)
	}
	answer := PlacedCall{AssistantNumber: "4639465275", Name: canaryName, Number: "+1 (415) 555-0100", SID: firstSID, RecordID: "oc_1"}
	if a != answer {
		t.Errorf("placed %+v, want %+v", a, answer)
	}
	d := aurora.CallRequest{From: "+14639465275", To: recipient, AssistantID: riley, RecordID: "oc_1", StreamURL: "wss://voice.example.com/stream",
		StatusURL: "https://api.example.com/prod/api/outbound-call-status?record=oc_1", RingTime: 30 * time.Second, TalkTime: 30 * time.Minute}
	if len(b.provider.requests) != 1 || b.provider.requests[0] != d {
		t.Errorf("%+v", b.provider.requests)
	}
	r := b.onlyRecord()
	if r.State != aurora.OutboundPlaced || r.SID != firstSID || r.Email != canaryEmail || len(b.ledger.pending[recipient]) != 0 {
		t.Errorf("%+v", r)
	}
	known := aurora.OutboundContext{CallRecordID: "oc_1", CallSID: firstSID, PhoneNumber: recipient, Name: canaryName, Email: canaryEmail}
	if c := aurora.FindOutboundContext(t.Context(), b.ledger, "", "unknown", firstSID); c == nil || *c != known {
		t.Errorf("found %+v, want %+v", c, known)
	}
	if b.quotasTaken() != "country 1, key 1, minute 1, spend 100000, to 1" {
		t.Error(b.quotasTaken())
	}
}

// The order of security.md, section 2, as the ledger and the provider see it.
func TestOrderOfSteps(t *testing.T) {
	b := newHarness(t)
	b.Guards.RequireConsent = true
	b.ledger.consent[recipient] = true
	if _, err := b.place(newRequest("k1")); err != nil {
		t.Fatal(err)
	}
	want := "FindClaim IsDoNotCall HasConsent Pending CreateRecord ClaimKey TakeQuota TakeQuota TakeQuota TakeQuota TakeQuota AddPending ClaimSID Record UpdateRecord RemovePending"
	if got := strings.Join(b.ledger.calls, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestHyperscaleRoute(t *testing.T) {
	b := newHarness(t)
	r := Request{Route: RouteHyperscale, AssistantID: riley, PhoneNumber: "+40742070688", Name: "John Doe", Info: "Some relevant info"}
	if _, err := b.place(r); err != nil {
		t.Fatal(err)
	}
	if r := b.onlyRecord(); r.Info != "Some relevant info" || r.From != "+14639465275" || r.To != "+40742070688" {
		t.Errorf("stored %+v", r)
	}
}

// Rows 44 to 48: what the provider says, what the caller gets, and what is kept.
func TestProviderFaults(t *testing.T) {
	always := func(accept bool, err error) func(int) (bool, error) {
		return func(int) (bool, error) { return accept, err }
	}
	first := func(err error) func(int) (bool, error) {
		tried := false
		return func(int) (bool, error) {
			if !tried {
				tried = true
				return false, err
			}
			return true, nil
		}
	}
	for _, c := range []struct {
		name  string
		say   func(int) (bool, error)
		kind  fault.Kind
		code  string
		posts int
		state aurora.OutboundState
	}{
		{"44 Twilio 400", always(false, errInvalid21211), fault.Invalid, "twilio_21211", 1, aurora.OutboundRejected},
		{"45 Twilio 429", always(false, errBusy20429), fault.RateLimited, "twilio_20429", 2, aurora.OutboundRejected},
		{"45 Twilio 429 once", first(errBusy20429), 0, "", 2, aurora.OutboundPlaced},
		{"46 the reply is lost", always(true, errReplyLost), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		{"46 it never arrived", always(false, errReplyLost), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		{"46 an error of no kind", always(true, errors.New("boom")), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		{"47 no connection", always(false, errNotSent), fault.Upstream, "telephone_unreachable", 0, aurora.OutboundRejected},
		{"47 no connection once", first(errNotSent), 0, "", 1, aurora.OutboundPlaced},
		{"a wrong token", always(false, errWrongToken), fault.Unavailable, "telephone_auth", 0, aurora.OutboundRejected},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newHarness(t)
				b.provider.respond = c.say
				_, err := b.place(newRequest("k1"))
				if faultCode(err) != c.code || err != nil && fault.From(err).Kind != c.kind || b.provider.requestCount() != c.posts || b.onlyRecord().State != c.state {
					t.Errorf("%v %q, %d posts, %s", err, faultCode(err), b.provider.requestCount(), b.onlyRecord().State)
				}
				if c.kind == fault.RateLimited && fault.From(err).RetryAfter < time.Second {
					t.Error("no Retry-After")
				}
				if c.state == aurora.OutboundUnknown && !strings.Contains(fault.From(err).Message, "oc_1") {
					t.Errorf("%q does not name the record", fault.From(err).Message)
				}
				if c.state == aurora.OutboundRejected && (b.quotasTaken() != "" || len(b.ledger.keys) != 0 || len(b.ledger.pending[recipient]) != 0) {
					t.Errorf("a refused call keeps %s, %d keys, %d open", b.quotasTaken(), len(b.ledger.keys), len(b.ledger.pending[recipient]))
				}
				if c.state == aurora.OutboundUnknown && b.quotasTaken() == "" {
					t.Error("an unknown call gave its counters back")
				}
				b.provider.respond = nil
				_, err = b.place(newRequest("k1")) // asked again: a refusal releases the key, an unknown call keeps it
				want := map[aurora.OutboundState]int{aurora.OutboundRejected: c.posts + 1, aurora.OutboundPlaced: c.posts, aurora.OutboundUnknown: c.posts}[c.state]
				if b.provider.requestCount() != want {
					t.Errorf("asked again: %v, %d posts, want %d", err, b.provider.requestCount(), want)
				}
			})
		})
	}
}

func TestFault49And50ReplayAndConflict(t *testing.T) {
	b := newHarness(t)
	a, err := b.place(newRequest("k1"))
	if err != nil {
		t.Fatal(err)
	}
	b.ledger.doNotCall[recipient] = true // whatever the guards would now say
	b.assistants.Err = errors.New("away")
	for _, later := range []time.Duration{0, time.Hour, 22 * time.Hour} {
		b.advance(later)
		again, err := b.place(newRequest("k1"))
		if !again.Replayed || err != nil || !sameCall(again, a) {
			t.Errorf("49: %+v %v", again, err)
		}
	}
	for name, change := range map[string]func(*Request){
		"number": func(r *Request) { r.PhoneNumber = "+14155550101" }, "name": func(r *Request) { r.Name += "." },
		"e-mail": func(r *Request) { r.Email = "b@example.com" }, "assistant": func(r *Request) { r.AssistantID = otherAssistant },
	} {
		r := newRequest("k1")
		change(&r)
		if _, err := b.place(r); faultCode(err) != "idempotency_conflict" || !fault.Is(err, fault.Conflict) {
			t.Errorf("50, another %s: %v", name, err)
		}
	}
	if b.provider.requestCount() != 1 {
		t.Errorf("%d posts", b.provider.requestCount())
	}
	// Another scope, and a day later, it is another key.
	b.assistants.Err = nil
	delete(b.ledger.doNotCall, recipient)
	for name, change := range map[string]func(*Request){
		"another name": func(r *Request) { r.APIKey.Name = "voxsuite" }, "a kind": func(r *Request) { r.APIKey.Name = "" },
		"the other kind": func(r *Request) { r.APIKey = APIKey{Kind: "internal"} }, "a name like a kind": func(r *Request) { r.APIKey = APIKey{Name: "external"} },
		"another route": func(r *Request) { r.Route = RouteHyperscale }, "a day later": func(*Request) { b.advance(2 * time.Hour) },
	} {
		posts := b.provider.requestCount()
		r := newRequest("k1")
		change(&r)
		if a, err := b.place(r); err != nil || a.Replayed || b.provider.requestCount() != posts+1 {
			t.Errorf("%s: %+v %v, %d posts", name, a, err, b.provider.requestCount()-posts)
		}
	}
}

// Row 51, and 50 equal requests at once without a key too.
func TestFault51ConcurrentRequests(t *testing.T) {
	for _, key := range []string{"k1", ""} {
		b := newHarness(t)
		b.provider.release = make(chan struct{})
		var wait sync.WaitGroup
		codes := make(chan string, 50)
		for range 50 {
			wait.Go(func() {
				_, err := b.Place(t.Context(), newRequest(key))
				if faultCode(err) == "idempotency_in_progress" && fault.From(err).RetryAfter < time.Second {
					t.Error("no Retry-After")
				}
				codes <- faultCode(err)
			})
		}
		counted := map[string]int{}
		for range 49 {
			counted[<-codes]++
		}
		close(b.provider.release)
		wait.Wait()
		counted[<-codes]++
		if b.provider.requestCount() != 1 || counted["idempotency_in_progress"] != 49 || counted[""] != 1 {
			t.Errorf("%q: %d posts, %v", key, b.provider.requestCount(), counted)
		}
		if a, err := b.place(newRequest(key)); !a.Replayed || err != nil || b.quotasTaken() != "country 1, key 1, minute 1, spend 100000, to 1" {
			t.Errorf("%+v %v %s", a, err, b.quotasTaken())
		}
	}
}

// Row 52: no key sent.
func TestFault52NoIdempotencyKey(t *testing.T) {
	b := newHarness(t)
	for i, c := range []struct {
		later    time.Duration
		key      string
		name     string
		replayed bool
	}{
		{0, "", canaryName, false}, {0, "", canaryName, true}, {9 * time.Second, "", canaryName, true}, {time.Second, "", canaryName, false},
		{time.Second, "", "Somebody Else", false}, {time.Second, "none", canaryName, false}, {0, "none", canaryName, false}, {0, "", canaryName, true},
	} {
		b.advance(c.later)
		r := newRequest(c.key)
		r.Name = c.name
		if a, err := b.place(r); err != nil || a.Replayed != c.replayed {
			t.Errorf("%d: %+v %v", i, a, err)
		}
	}
	if b.provider.requestCount() != 5 {
		t.Errorf("%d posts", b.provider.requestCount())
	}
}

// Row 53: whatever store call fails before the call is created, there is none, and the answer is 503.
func TestFault53StoreUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := newHarness(t)
		whole.Guards.RequireConsent = true
		whole.ledger.consent[recipient] = true
		if _, err := whole.place(newRequest("k1")); err != nil {
			t.Fatal(err)
		}
		before := slices.Index(whole.ledger.calls, "ClaimSID") // the first that follows the call
		for n := 1; n <= before; n++ {
			if whole.ledger.calls[n-1] == "Pending" {
				continue // best effort: it settles other calls
			}
			for _, lost := range []bool{false, true} {
				b := newHarness(t)
				b.Guards.RequireConsent = true
				b.ledger.consent[recipient] = true
				fails := func(_ string, at int) error {
					if at >= n {
						return fault.New(fault.Unavailable, "away")
					}
					return nil
				}
				if lost {
					b.ledger.failAfter = fails
				} else {
					b.ledger.failBefore = fails
				}
				_, err := b.place(newRequest("k1"))
				if !fault.Is(err, fault.Unavailable) || faultCode(err) != "store_unavailable" || b.provider.requestCount() != 0 {
					t.Errorf("%s (lost %v): %v, %d posts", whole.ledger.calls[n-1], lost, err, b.provider.requestCount())
				}
			}
		}
		b := newHarness(t)
		b.assistants.Err = errors.New("away")
		if _, err := b.place(newRequest("k1")); err == nil || b.provider.requestCount() != 0 {
			t.Errorf("assistants away: %v", err)
		}
	})
}

// Row 54: the call is placed, and nothing can be written down any more.
func TestFault54CallCannotBeSaved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := testkit.CaptureLog(t)
		b := newHarness(t)
		failing := true
		b.ledger.failBefore = func(call string, _ int) error {
			if failing && (call == "UpdateRecord" || call == "ClaimSID") {
				return errors.New("away")
			}
			return nil
		}
		a, err := b.place(newRequest("k1"))
		if err != nil || a.SID != firstSID {
			t.Fatalf("%+v %v", a, err)
		}
		if n := strings.Count(strings.Join(b.ledger.calls, " "), "ClaimSID"); n != 3 {
			t.Errorf("tried %d times", n)
		}
		if !strings.Contains(log.String(), firstSID) {
			t.Error("the sid is not in the log")
		}
		if _, err := b.place(newRequest("k1")); faultCode(err) != "idempotency_in_progress" {
			t.Errorf("before the deadline: %v", err)
		}
		b.advance(abandonedAfter)
		b.provider.listErr = errors.New("away")
		failing = false
		if _, err := b.place(newRequest("k1")); faultCode(err) != "idempotency_state_unknown" || b.onlyRecord().State != aurora.OutboundUnknown {
			t.Errorf("after it: %v, %s", err, b.onlyRecord().State)
		}
		b.provider.listErr = nil
		if again, err := b.place(newRequest("k1")); err != nil || !again.Replayed || !sameCall(again, a) {
			t.Errorf("resolved: %+v %v", again, err)
		}
		if b.provider.requestCount() != 1 {
			t.Errorf("%d posts", b.provider.requestCount())
		}
	})
}

// A record that a crash left behind is unknown at its deadline, and its key is never placed anew.
func TestAbandonedRecord(t *testing.T) {
	b := newHarness(t)
	r := newRequest("k1")
	c, err := b.Guards.validate(r)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := c.idempotencyClaim("oc_dead", b.now())
	left := aurora.OutboundCall{ID: "oc_dead", State: aurora.OutboundInProgress, From: "+14639465275", To: recipient, CreatedAt: b.now(), Deadline: b.now().Add(abandonedAfter)}
	b.ledger.records["oc_dead"], b.ledger.keys[k.Key] = left, k
	for _, step := range []struct {
		later time.Duration
		code  string
		state aurora.OutboundState
	}{{0, "idempotency_in_progress", aurora.OutboundInProgress}, {abandonedAfter - 1, "idempotency_in_progress", aurora.OutboundInProgress},
		{1, "idempotency_state_unknown", aurora.OutboundUnknown}, {20 * time.Hour, "idempotency_state_unknown", aurora.OutboundUnknown}} {
		b.advance(step.later)
		_, err := b.place(r)
		if faultCode(err) != step.code || b.onlyRecord().State != step.state {
			t.Errorf("after %s: %v, %s", step.later, err, b.onlyRecord().State)
		}
	}
	if b.provider.requestCount() != 0 || b.provider.listCount != 2 {
		t.Errorf("%d posts, %d lists", b.provider.requestCount(), b.provider.listCount)
	}
}

// A caller who has gone does not stop what must be written down.
func TestCallerDisconnects(t *testing.T) {
	b := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.provider.respond = func(int) (bool, error) { cancel(); return true, nil }
	if _, err := b.Place(ctx, newRequest("k1")); err != nil || b.onlyRecord().State != aurora.OutboundPlaced {
		t.Errorf("%v %s", err, b.onlyRecord().State)
	}
	b = newHarness(t)
	b.provider.respond = nil
	if _, err := b.Place(ctx, newRequest("k1")); err == nil || b.provider.requestCount() != 0 || len(b.ledger.keys) != 0 || b.quotasTaken() != "" {
		t.Errorf("%v, %d posts", err, b.provider.requestCount())
	}
}

func TestMissingSettings(t *testing.T) {
	b := newHarness(t)
	b.StreamURL = ""
	if _, err := b.place(newRequest("")); faultCode(err) != "outbound_not_set_up" || len(b.ledger.calls) != 0 {
		t.Error(err)
	}
	b = newHarness(t)
	r := newRequest("")
	r.Route, r.AssistantID = RouteHyperscale, ""
	if _, err := b.place(r); faultCode(err) != "outbound_not_set_up" {
		t.Error(err)
	}
	b.Guards = Guards{DefaultRegion: "US"}
	if _, err := b.place(newRequest("")); err == nil || b.provider.requestCount() != 0 {
		t.Error("the zero value of the guards lets somebody be called")
	}
}

// No line of the log holds a whole number, a name, an address, or what was said about somebody.
func TestLogHasNoPersonalData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := testkit.CaptureLog(t)
		away := fault.New(fault.Unavailable, "away")
		says := []func(int) (bool, error){nil}
		for _, err := range []error{errInvalid21211, errBusy20429, errReplyLost, errNotSent, errWrongToken, errors.New("boom")} {
			says = append(says, func(int) (bool, error) { return false, err })
		}
		for _, say := range says {
			for n := range 20 {
				b := newHarness(t)
				b.provider.respond = say
				b.ledger.failBefore = func(_ string, at int) error {
					if n > 0 && at >= n {
						return away
					}
					return nil
				}
				r := newRequest("k1")
				r.Route, r.FieldPrefix, r.Info = RouteHyperscale, "", canaryInfo
				_, err := b.place(r)
				slog.Error("failed", "error", err)
				b.ledger.failBefore = nil
				_, _ = b.place(r)
				b.advance(time.Minute)
				_, _ = b.place(r)
				_ = b.HandleCallback(t.Context(), newCallback("oc_1", firstSID, "completed"))
				_ = b.HandleCallback(t.Context(), newCallback("oc_1", "CA00000000000000000000000000000009", "completed"))
				_, _ = b.Reconcile(t.Context(), b.ledger)
				_ = b.CheckEligible(t.Context(), r.PhoneNumber, "")
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

// sameCall reports whether two answers are about one call.
func sameCall(a, b PlacedCall) bool {
	a.Replayed, b.Replayed = false, false
	return a == b
}
