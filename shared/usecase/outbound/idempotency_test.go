package outbound

import (
	"errors"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
)

// isReplay reports whether an answer repeats another one.
func isReplay(answer, first PlacedCall) bool {
	replayed := answer.Replayed
	answer.Replayed = first.Replayed
	return replayed && answer == first
}

// The answer is repeated for a day, whatever the guards would say now.
func TestFault49Replay(t *testing.T) {
	h := newHarness(t)
	first, err := h.place(newRequest("k1"))
	if err != nil {
		t.Fatal(err)
	}
	h.ledger.doNotCall[recipient] = true
	h.assistants.Err = errors.New("unavailable")
	for _, later := range []time.Duration{0, time.Hour, 22 * time.Hour} {
		h.advance(later)
		if answer, err := h.place(newRequest("k1")); err != nil || !isReplay(answer, first) {
			t.Errorf("%s later: %+v, %v; want a replay of %+v", later, answer, err, first)
		}
	}
	h.expectRequests(1)
}

func TestFault50Conflict(t *testing.T) {
	h := newHarness(t)
	if _, err := h.place(newRequest("k1")); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Request){
		"number":    func(r *Request) { r.PhoneNumber = "+14155550101" },
		"name":      func(r *Request) { r.Name += "." },
		"e-mail":    func(r *Request) { r.Email = "b@example.com" },
		"assistant": func(r *Request) { r.AssistantID = otherAssistant },
	} {
		r := newRequest("k1")
		change(&r)
		if _, err := h.place(r); faultCode(err) != "idempotency_conflict" || !fault.Is(err, fault.Conflict) {
			t.Errorf("another %s: %v, want idempotency_conflict", name, err)
		}
	}
	h.expectRequests(1)
}

// A key is another key for another caller, on another route, and a day later.
func TestScopeOfIdempotencyKeys(t *testing.T) {
	h := newHarness(t)
	if _, err := h.place(newRequest("k1")); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Request){
		"another name":                    func(r *Request) { r.Principal.Name = "voxsuite" },
		"no name":                         func(r *Request) { r.Principal.Name = "" },
		"another key without a name":      func(r *Request) { r.Principal = auth.Principal{ID: "00000000000b", Kind: r.Principal.Kind} },
		"a name that is spelled as an id": func(r *Request) { r.Principal = auth.Principal{Name: "00000000000b"} },
		"another route":                   func(r *Request) { r.Route = RouteHyperscale },
		"a day later":                     func(*Request) { h.advance(25 * time.Hour) },
	} {
		before := h.provider.requestCount()
		r := newRequest("k1")
		change(&r)
		if answer, err := h.place(r); err != nil || answer.Replayed || h.provider.requestCount() != before+1 {
			t.Errorf("%s: %+v, %v, %d requests; want a new call", name, answer, err, h.provider.requestCount()-before)
		}
	}
}

// 50 equal requests at once place one call, with an idempotency key and without.
func TestFault51ConcurrentRequests(t *testing.T) {
	for _, key := range []string{"k1", ""} {
		h := newHarness(t)
		h.provider.release = make(chan struct{})
		var callers sync.WaitGroup
		codes := make(chan string, 50)
		for range 50 {
			callers.Go(func() {
				_, err := h.Place(t.Context(), newRequest(key))
				if faultCode(err) == "idempotency_in_progress" && fault.From(err).RetryAfter < time.Second {
					t.Errorf("Retry-After is %s, want at least a second", fault.From(err).RetryAfter)
				}
				codes <- faultCode(err)
			})
		}
		count := map[string]int{}
		for range 49 {
			count[<-codes]++
		}
		close(h.provider.release)
		callers.Wait()
		count[<-codes]++
		if count["idempotency_in_progress"] != 49 || count[""] != 1 {
			t.Errorf("key %q: answers %v, want one call and 49 times idempotency_in_progress", key, count)
		}
		if answer, err := h.place(newRequest(key)); !answer.Replayed || err != nil {
			t.Errorf("key %q, once more: %+v, %v; want a replay", key, answer, err)
		}
		h.expectRequests(1)
		h.expectQuotas(quotasOfOneCall)
	}
}

// Without a key an equal body is a replay for ten seconds. The key "none" turns that off.
func TestFault52NoIdempotencyKey(t *testing.T) {
	h := newHarness(t)
	for _, c := range []struct {
		what       string
		later      time.Duration
		key        string
		name       string
		wantReplay bool
	}{
		{"the first request", 0, "", canaryName, false},
		{"a double click", 0, "", canaryName, true},
		{"after 9 seconds", 9 * time.Second, "", canaryName, true},
		{"after 10 seconds", time.Second, "", canaryName, false},
		{"another name", time.Second, "", "Somebody Else", false},
		{"the key none", time.Second, "none", canaryName, false},
		{"the key none again", 0, "none", canaryName, false},
		{"without a key again", 0, "", canaryName, true},
	} {
		h.advance(c.later)
		r := newRequest(c.key)
		r.Name = c.name
		if answer, err := h.place(r); err != nil || answer.Replayed != c.wantReplay {
			t.Errorf("%s: %+v, %v; want a replay: %v", c.what, answer, err, c.wantReplay)
		}
	}
	h.expectRequests(5)
}

// A crash leaves a record in progress. It is unknown from its deadline on, and its key is never placed again.
func TestAbandonedRecord(t *testing.T) {
	h := newHarness(t)
	request := newRequest("k1")
	valid, err := h.Guards.validate(request)
	if err != nil {
		t.Fatal(err)
	}
	claim, _ := valid.idempotencyClaim("oc_crashed", h.now())
	h.ledger.keys[claim.Key] = claim
	h.ledger.records["oc_crashed"] = aurora.OutboundCall{ID: "oc_crashed", State: aurora.OutboundInProgress, From: "+14639465275", To: recipient,
		CreatedAt: h.now(), Deadline: h.now().Add(abandonedAfter)}
	for _, step := range []struct {
		what  string
		later time.Duration
		code  string
		state aurora.OutboundState
	}{
		{"at once", 0, "idempotency_in_progress", aurora.OutboundInProgress},
		{"just before the deadline", abandonedAfter - 1, "idempotency_in_progress", aurora.OutboundInProgress},
		{"at the deadline", 1, "idempotency_state_unknown", aurora.OutboundUnknown},
		{"hours later", 20 * time.Hour, "idempotency_state_unknown", aurora.OutboundUnknown},
	} {
		h.advance(step.later)
		if _, err := h.place(request); faultCode(err) != step.code {
			t.Errorf("%s: %v, want %s", step.what, err, step.code)
		}
		if got := h.onlyRecord().State; got != step.state {
			t.Errorf("%s: the record is %s, want %s", step.what, got, step.state)
		}
	}
	h.expectRequests(0)
	if h.provider.listCount != 2 {
		t.Errorf("the provider's calls were listed %d times, want 2", h.provider.listCount)
	}
}
