package outbound

import (
	"bytes"
	"context"
	"encoding/json"
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
)

const firstSID = "CA00000000000000000000000000000001"

func TestPlace(t *testing.T) {
	b := newBench(t)
	a, err := b.place(request("k1"))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := json.Marshal(a.Body())
	want := `{"data":"Call initiated from assistaintPhoneNumber = 4639465275 to Zebulon Canary at +1 (415) 555-0100. Call sid = ` + firstSID + `","status":"success"}`
	if string(body) != want || a.Replayed {
		t.Errorf("%s\nwant %s", body, want)
	}
	d := aurora.OutboundDial{From: "+14639465275", To: someone, AssistantID: riley, RecordID: "oc_1", StreamURL: "wss://voice.example.com/stream",
		StatusURL: "https://api.example.com/prod/api/outbound-call-status?record=oc_1", RingTime: 30 * time.Second, TalkTime: 30 * time.Minute}
	if len(b.phone.asked) != 1 || b.phone.asked[0] != d {
		t.Errorf("%+v", b.phone.asked)
	}
	r := b.one()
	if r.State != aurora.OutboundPlaced || r.SID != firstSID || r.Email != canaryAt || len(b.ledger.open[someone]) != 0 {
		t.Errorf("%+v", r)
	}
	c, ok, err := Call(t.Context(), b.ledger, firstSID)
	if want := (aurora.OutboundCall{CallRecordID: "oc_1", CallSID: firstSID, PhoneNumber: someone, Name: canary, Email: canaryAt}); c != want || !ok || err != nil {
		t.Errorf("%+v %v %v", c, ok, err)
	}
	if b.taken() != "country 1, key 1, minute 1, spend 100000, to 1" {
		t.Error(b.taken())
	}
}

// The order of security.md, section 2, as the ledger and the provider see it.
func TestOrder(t *testing.T) {
	b := newBench(t)
	b.Guards.RequireConsent = true
	b.ledger.consent[someone] = true
	if _, err := b.place(request("k1")); err != nil {
		t.Fatal(err)
	}
	want := "Key Refused Consented OpenOf OpenRecord ClaimKey Take Take Take Take Take Opened NameCall Record ChangeRecord Settled"
	if got := strings.Join(b.ledger.calls, " "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func TestTheDocumentsExample(t *testing.T) {
	b := newBench(t)
	r, err := Read(Hyperscale, []byte(`{ "phoneNumber": "+40742070688", "name": "John Doe", "info": "Some relevant info" }`), riley)
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.place(r)
	if err != nil || a.Body().Data != "Call initiated from assistaintPhoneNumber = 4639465275 to John Doe at +40742070688. Call sid = "+firstSID {
		t.Errorf("%+v %v", a.Body(), err)
	}
	if r := b.one(); r.Info != "Some relevant info" || r.From != "+14639465275" || r.To != "+40742070688" {
		t.Errorf("%+v", r)
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
		{"44 Twilio 400", always(false, refused21211), fault.Invalid, "twilio_21211", 1, aurora.OutboundRefused},
		{"45 Twilio 429", always(false, busy20429), fault.TooMany, "twilio_20429", 2, aurora.OutboundRefused},
		{"45 Twilio 429 once", first(busy20429), 0, "", 2, aurora.OutboundPlaced},
		{"46 the reply is lost", always(true, lostReply), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		{"46 it never arrived", always(false, lostReply), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		{"46 an error of no kind", always(true, errors.New("boom")), fault.Timeout, "call_state_unknown", 1, aurora.OutboundUnknown},
		{"47 no connection", always(false, notSent), fault.Upstream, "telephone_unreachable", 0, aurora.OutboundRefused},
		{"47 no connection once", first(notSent), 0, "", 1, aurora.OutboundPlaced},
		{"a wrong token", always(false, wrongToken), fault.Unavailable, "telephone_auth", 0, aurora.OutboundRefused},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.phone.say = c.say
				_, err := b.place(request("k1"))
				if code(err) != c.code || err != nil && fault.From(err).Kind != c.kind || b.phone.posts() != c.posts || b.one().State != c.state {
					t.Errorf("%v %q, %d posts, %s", err, code(err), b.phone.posts(), b.one().State)
				}
				if c.kind == fault.TooMany && fault.From(err).RetryAfter < time.Second {
					t.Error("no Retry-After")
				}
				if c.state == aurora.OutboundUnknown && !strings.Contains(fault.From(err).Message, "oc_1") {
					t.Errorf("%q does not name the record", fault.From(err).Message)
				}
				if c.state == aurora.OutboundRefused && (b.taken() != "" || len(b.ledger.keys) != 0 || len(b.ledger.open[someone]) != 0) {
					t.Errorf("a refused call keeps %s, %d keys, %d open", b.taken(), len(b.ledger.keys), len(b.ledger.open[someone]))
				}
				if c.state == aurora.OutboundUnknown && b.taken() == "" {
					t.Error("an unknown call gave its counters back")
				}
				b.phone.say = nil
				_, err = b.place(request("k1")) // asked again: a refusal releases the key, an unknown call keeps it
				want := map[aurora.OutboundState]int{aurora.OutboundRefused: c.posts + 1, aurora.OutboundPlaced: c.posts, aurora.OutboundUnknown: c.posts}[c.state]
				if b.phone.posts() != want {
					t.Errorf("asked again: %v, %d posts, want %d", err, b.phone.posts(), want)
				}
			})
		})
	}
}

func TestRow49And50(t *testing.T) {
	b := newBench(t)
	a, err := b.place(request("k1"))
	if err != nil {
		t.Fatal(err)
	}
	b.ledger.dnc[someone] = true // whatever the guards would now say
	b.stored.err = errors.New("away")
	for _, later := range []time.Duration{0, time.Hour, 22 * time.Hour} {
		b.pass(later)
		again, err := b.place(request("k1"))
		if !again.Replayed || err != nil || again.Body() != a.Body() {
			t.Errorf("49: %+v %v", again, err)
		}
	}
	for name, change := range map[string]func(*Request){
		"number": func(r *Request) { r.PhoneNumber = "+14155550101" }, "name": func(r *Request) { r.Name += "." },
		"e-mail": func(r *Request) { r.Email = "b@example.com" }, "assistant": func(r *Request) { r.AssistantID = other },
	} {
		r := request("k1")
		change(&r)
		if _, err := b.place(r); code(err) != "idempotency_conflict" || !fault.Is(err, fault.Conflict) {
			t.Errorf("50, another %s: %v", name, err)
		}
	}
	if b.phone.posts() != 1 {
		t.Errorf("%d posts", b.phone.posts())
	}
	// Another scope, and a day later, it is another key.
	b.stored.err = nil
	delete(b.ledger.dnc, someone)
	for name, change := range map[string]func(*Request){
		"another name": func(r *Request) { r.Key.Name = "voxsuite" }, "a kind": func(r *Request) { r.Key.Name = "" },
		"the other kind": func(r *Request) { r.Key = Key{Kind: "internal"} }, "a name like a kind": func(r *Request) { r.Key = Key{Name: "external"} },
		"another route": func(r *Request) { r.Route = Hyperscale }, "a day later": func(*Request) { b.pass(2 * time.Hour) },
	} {
		posts := b.phone.posts()
		r := request("k1")
		change(&r)
		if a, err := b.place(r); err != nil || a.Replayed || b.phone.posts() != posts+1 {
			t.Errorf("%s: %+v %v, %d posts", name, a, err, b.phone.posts()-posts)
		}
	}
}

// Row 51, and 50 equal requests at once without a key too.
func TestRow51(t *testing.T) {
	for _, key := range []string{"k1", ""} {
		b := newBench(t)
		b.phone.hold = make(chan struct{})
		var wait sync.WaitGroup
		codes := make(chan string, 50)
		for range 50 {
			wait.Go(func() {
				_, err := b.Place(t.Context(), request(key))
				if code(err) == "idempotency_in_progress" && fault.From(err).RetryAfter < time.Second {
					t.Error("no Retry-After")
				}
				codes <- code(err)
			})
		}
		counted := map[string]int{}
		for range 49 {
			counted[<-codes]++
		}
		close(b.phone.hold)
		wait.Wait()
		counted[<-codes]++
		if b.phone.posts() != 1 || counted["idempotency_in_progress"] != 49 || counted[""] != 1 {
			t.Errorf("%q: %d posts, %v", key, b.phone.posts(), counted)
		}
		if a, err := b.place(request(key)); !a.Replayed || err != nil || b.taken() != "country 1, key 1, minute 1, spend 100000, to 1" {
			t.Errorf("%+v %v %s", a, err, b.taken())
		}
	}
}

// Row 52: no key sent.
func TestRow52(t *testing.T) {
	b := newBench(t)
	for i, c := range []struct {
		later    time.Duration
		key      string
		name     string
		replayed bool
	}{
		{0, "", canary, false}, {0, "", canary, true}, {9 * time.Second, "", canary, true}, {time.Second, "", canary, false},
		{time.Second, "", "Somebody Else", false}, {time.Second, "none", canary, false}, {0, "none", canary, false}, {0, "", canary, true},
	} {
		b.pass(c.later)
		r := request(c.key)
		r.Name = c.name
		if a, err := b.place(r); err != nil || a.Replayed != c.replayed {
			t.Errorf("%d: %+v %v", i, a, err)
		}
	}
	if b.phone.posts() != 5 {
		t.Errorf("%d posts", b.phone.posts())
	}
}

// Row 53: whatever store call fails before the call is created, there is none, and the answer is 503.
func TestRow53(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := newBench(t)
		whole.Guards.RequireConsent = true
		whole.ledger.consent[someone] = true
		if _, err := whole.place(request("k1")); err != nil {
			t.Fatal(err)
		}
		before := slices.Index(whole.ledger.calls, "NameCall") // the first that follows the call
		for n := 1; n <= before; n++ {
			if whole.ledger.calls[n-1] == "OpenOf" {
				continue // best effort: it settles other calls
			}
			for _, lost := range []bool{false, true} {
				b := newBench(t)
				b.Guards.RequireConsent = true
				b.ledger.consent[someone] = true
				fails := func(_ string, at int) error {
					if at >= n {
						return fault.New(fault.Unavailable, "away")
					}
					return nil
				}
				if lost {
					b.ledger.lose = fails
				} else {
					b.ledger.spoil = fails
				}
				_, err := b.place(request("k1"))
				if !fault.Is(err, fault.Unavailable) || code(err) != "store_unavailable" || b.phone.posts() != 0 {
					t.Errorf("%s (lost %v): %v, %d posts", whole.ledger.calls[n-1], lost, err, b.phone.posts())
				}
			}
		}
		b := newBench(t)
		b.stored.err = errors.New("away")
		if _, err := b.place(request("k1")); err == nil || b.phone.posts() != 0 {
			t.Errorf("assistants away: %v", err)
		}
	})
}

// Row 54: the call is placed, and nothing can be written down any more.
func TestRow54(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		defer capture(&log)()
		b := newBench(t)
		failing := true
		b.ledger.spoil = func(call string, _ int) error {
			if failing && (call == "ChangeRecord" || call == "NameCall") {
				return errors.New("away")
			}
			return nil
		}
		a, err := b.place(request("k1"))
		if err != nil || a.SID != firstSID {
			t.Fatalf("%+v %v", a, err)
		}
		if n := strings.Count(strings.Join(b.ledger.calls, " "), "NameCall"); n != 3 {
			t.Errorf("tried %d times", n)
		}
		if !strings.Contains(log.String(), firstSID) {
			t.Error("the sid is not in the log")
		}
		if _, err := b.place(request("k1")); code(err) != "idempotency_in_progress" {
			t.Errorf("before the deadline: %v", err)
		}
		b.pass(placing)
		b.phone.away = errors.New("away")
		failing = false
		if _, err := b.place(request("k1")); code(err) != "idempotency_state_unknown" || b.one().State != aurora.OutboundUnknown {
			t.Errorf("after it: %v, %s", err, b.one().State)
		}
		b.phone.away = nil
		if again, err := b.place(request("k1")); err != nil || !again.Replayed || again.Body() != a.Body() {
			t.Errorf("resolved: %+v %v", again, err)
		}
		if b.phone.posts() != 1 {
			t.Errorf("%d posts", b.phone.posts())
		}
	})
}

// A record that a crash left behind is unknown at its deadline, and its key is never placed anew.
func TestCrash(t *testing.T) {
	b := newBench(t)
	r := request("k1")
	c, err := b.Guards.check(r)
	if err != nil {
		t.Fatal(err)
	}
	k, _ := c.key("oc_dead", b.now())
	left := aurora.OutboundRecord{ID: "oc_dead", State: aurora.OutboundInProgress, From: "+14639465275", To: someone, Created: b.now(), Deadline: b.now().Add(placing)}
	b.ledger.records["oc_dead"], b.ledger.keys[k.Key] = left, k
	for _, step := range []struct {
		later time.Duration
		code  string
		state aurora.OutboundState
	}{{0, "idempotency_in_progress", aurora.OutboundInProgress}, {placing - 1, "idempotency_in_progress", aurora.OutboundInProgress},
		{1, "idempotency_state_unknown", aurora.OutboundUnknown}, {20 * time.Hour, "idempotency_state_unknown", aurora.OutboundUnknown}} {
		b.pass(step.later)
		_, err := b.place(r)
		if code(err) != step.code || b.one().State != step.state {
			t.Errorf("after %s: %v, %s", step.later, err, b.one().State)
		}
	}
	if b.phone.posts() != 0 || b.phone.lists != 2 {
		t.Errorf("%d posts, %d lists", b.phone.posts(), b.phone.lists)
	}
}

// A caller who has gone does not stop what must be written down.
func TestCallerGone(t *testing.T) {
	b := newBench(t)
	ctx, cancel := context.WithCancel(t.Context())
	b.phone.say = func(int) (bool, error) { cancel(); return true, nil }
	if _, err := b.Place(ctx, request("k1")); err != nil || b.one().State != aurora.OutboundPlaced {
		t.Errorf("%v %s", err, b.one().State)
	}
	b = newBench(t)
	b.phone.say = nil
	if _, err := b.Place(ctx, request("k1")); err == nil || b.phone.posts() != 0 || len(b.ledger.keys) != 0 || b.taken() != "" {
		t.Errorf("%v, %d posts", err, b.phone.posts())
	}
}

func TestNotSetUp(t *testing.T) {
	b := newBench(t)
	b.StreamURL = ""
	if _, err := b.place(request("")); code(err) != "outbound_not_set_up" || len(b.ledger.calls) != 0 {
		t.Error(err)
	}
	b = newBench(t)
	r := request("")
	r.Route, r.AssistantID = Hyperscale, ""
	if _, err := b.place(r); code(err) != "outbound_not_set_up" {
		t.Error(err)
	}
	b.Guards = Guards{DefaultRegion: "US"}
	if _, err := b.place(request("")); err == nil || b.phone.posts() != 0 {
		t.Error("the zero value of the guards lets somebody be called")
	}
}

// capture turns the log into text, and returns what turns it back.
func capture(into *bytes.Buffer) func() {
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(into, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return func() { slog.SetDefault(before) }
}

// No line of the log holds a whole number, a name, an address, or what was said about somebody.
func TestLogCanary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		defer capture(&log)()
		away := fault.New(fault.Unavailable, "away")
		says := []func(int) (bool, error){nil}
		for _, err := range []error{refused21211, busy20429, lostReply, notSent, wrongToken, errors.New("boom")} {
			says = append(says, func(int) (bool, error) { return false, err })
		}
		for _, say := range says {
			for n := range 20 {
				b := newBench(t)
				b.phone.say = say
				b.ledger.spoil = func(_ string, at int) error {
					if n > 0 && at >= n {
						return away
					}
					return nil
				}
				r := request("k1")
				r.Route, r.In, r.Info = Hyperscale, "", canaryOf
				_, err := b.place(r)
				slog.Error("failed", "error", err)
				b.ledger.spoil = nil
				_, _ = b.place(r)
				b.pass(time.Minute)
				_, _ = b.place(r)
				_, _ = b.Status(t.Context(), callback("oc_1", firstSID, "completed"))
				_, _ = b.Status(t.Context(), callback("oc_1", "CA00000000000000000000000000000009", "completed"))
				_, _ = b.Reconcile(t.Context(), b.ledger)
				_ = b.Eligible(t.Context(), r.PhoneNumber, "")
			}
		}
		if log.Len() < 1000 {
			t.Errorf("only %d bytes were logged", log.Len())
		}
		for _, secret := range []string{string(someone), "415) 555", "4155550100", "+14639465275", "4639465275", canary, "Zebulon", canaryOf, canaryAt, "lamantic-key"} {
			if i := strings.Index(log.String(), secret); i >= 0 {
				t.Errorf("%q is in the log: %s", secret, log.String()[max(0, i-200):i+60])
			}
		}
	})
}
