package outbound

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/dev/testkit"
)

// fakeLedger is a Ledger in memory. Each method is one conditional write or one read, as in DynamoDB.
type fakeLedger struct {
	mu        sync.Mutex
	now       func() time.Time
	records   map[string]aurora.OutboundCall
	sids      map[string]string
	pending   map[aurora.Phone]map[string]bool
	keys      map[string]idempotency.Claim
	counts    map[string]int64
	lastTaker map[string]string
	doNotCall map[aurora.Phone]bool
	consent   map[aurora.Phone]bool
	calls     []string // names of the methods
	// failBefore and failAfter fail the nth call, before or after it is applied.
	failBefore, failAfter func(method string, n int) error
}

func newFakeLedger(now func() time.Time) *fakeLedger {
	return &fakeLedger{now: now, records: map[string]aurora.OutboundCall{}, sids: map[string]string{}, pending: map[aurora.Phone]map[string]bool{},
		keys: map[string]idempotency.Claim{}, counts: map[string]int64{}, lastTaker: map[string]string{}, doNotCall: map[aurora.Phone]bool{}, consent: map[aurora.Phone]bool{}}
}

// ledgerStep runs one method under the lock.
func ledgerStep[T any](m *fakeLedger, method string, f func() T) (v T, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, method)
	if m.failBefore != nil {
		if err = m.failBefore(method, len(m.calls)); err != nil {
			return v, err
		}
	}
	v = f()
	if m.failAfter != nil {
		err = m.failAfter(method, len(m.calls))
	}
	return v, err
}

func (m *fakeLedger) IsDoNotCall(_ context.Context, p aurora.Phone) (bool, error) {
	return ledgerStep(m, "IsDoNotCall", func() bool { return m.doNotCall[p] })
}

func (m *fakeLedger) HasConsent(_ context.Context, p aurora.Phone) (bool, error) {
	return ledgerStep(m, "HasConsent", func() bool { return m.consent[p] })
}

func (m *fakeLedger) CreateRecord(_ context.Context, r aurora.OutboundCall) error {
	_, err := ledgerStep(m, "CreateRecord", func() bool { m.records[r.ID] = r; return true })
	return err
}

func (m *fakeLedger) Record(_ context.Context, id string) (r aurora.OutboundCall, ok bool, err error) {
	r, err = ledgerStep(m, "Record", func() aurora.OutboundCall {
		if named, is := m.sids[id]; is {
			id = named
		}
		r, ok = m.records[id]
		return r
	})
	return r, ok && err == nil, err
}

func (m *fakeLedger) UpdateRecord(ctx context.Context, r aurora.OutboundCall) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return ledgerStep(m, "UpdateRecord", func() bool {
		if m.records[r.ID].Revision != r.Revision-1 {
			return false
		}
		m.records[r.ID] = r
		return true
	})
}

func (m *fakeLedger) ClaimSID(_ context.Context, sid, record string) (string, error) {
	return ledgerStep(m, "ClaimSID", func() string {
		if m.sids[sid] == "" {
			m.sids[sid] = record
		}
		return m.sids[sid]
	})
}

func (m *fakeLedger) AddPending(_ context.Context, to aurora.Phone, record string) error {
	_, err := ledgerStep(m, "AddPending", func() bool {
		if m.pending[to] == nil {
			m.pending[to] = map[string]bool{}
		}
		m.pending[to][record] = true
		return true
	})
	return err
}

func (m *fakeLedger) RemovePending(_ context.Context, to aurora.Phone, record string) error {
	_, err := ledgerStep(m, "RemovePending", func() bool { delete(m.pending[to], record); return true })
	return err
}

func (m *fakeLedger) Pending(_ context.Context, to aurora.Phone) ([]string, error) {
	return ledgerStep(m, "Pending", func() []string { return slices.Sorted(maps.Keys(m.pending[to])) })
}

func (m *fakeLedger) FindClaim(_ context.Context, key string) (c idempotency.Claim, ok bool, err error) {
	c, err = ledgerStep(m, "FindClaim", func() idempotency.Claim {
		c, ok = m.keys[key]
		ok = ok && c.LeaseUntil.After(m.now())
		return c
	})
	return c, ok && err == nil, err
}

func (m *fakeLedger) ClaimKey(_ context.Context, c idempotency.Claim, replace string) (idempotency.Claim, error) {
	return ledgerStep(m, "ClaimKey", func() idempotency.Claim {
		held, ok := m.keys[c.Key]
		if ok && held.LeaseUntil.After(m.now()) && (replace == "" || held.Owner != replace) {
			return held
		}
		m.keys[c.Key] = c
		return c
	})
}

func (m *fakeLedger) ReleaseKey(_ context.Context, key, owner string) error {
	_, err := ledgerStep(m, "ReleaseKey", func() bool {
		if m.keys[key].Owner == owner {
			delete(m.keys, key)
		}
		return true
	})
	return err
}

func (m *fakeLedger) TakeQuota(_ context.Context, t aurora.Quota, taker string) (bool, error) {
	return ledgerStep(m, "TakeQuota", func() bool {
		if m.counts[t.Key]+t.Amount > t.Limit || m.lastTaker[t.Key] == taker {
			return m.lastTaker[t.Key] == taker
		}
		m.counts[t.Key] += t.Amount
		m.lastTaker[t.Key] = taker
		return true
	})
}

func (m *fakeLedger) ReturnQuota(_ context.Context, t aurora.Quota) error {
	_, err := ledgerStep(m, "ReturnQuota", func() bool { m.counts[t.Key] -= t.Amount; return true })
	return err
}

func (m *fakeLedger) QuotaUsed(_ context.Context, key string) (int64, error) {
	return ledgerStep(m, "QuotaUsed", func() int64 { return m.counts[key] })
}

func (m *fakeLedger) UnresolvedRecords(context.Context) iter.Seq2[aurora.OutboundCall, error] {
	m.mu.Lock()
	all := slices.SortedFunc(maps.Values(m.records), func(a, b aurora.OutboundCall) int { return strings.Compare(a.ID, b.ID) })
	m.mu.Unlock()
	return func(yield func(aurora.OutboundCall, error) bool) {
		for _, r := range all {
			if (r.State == aurora.OutboundInProgress || r.State == aurora.OutboundUnknown) && !yield(r, nil) {
				return
			}
		}
	}
}

// fakeProvider is a Provider in memory.
type fakeProvider struct {
	mu        sync.Mutex
	now       func() time.Time
	requests  []aurora.CallRequest  // that arrived
	calls     []aurora.ProviderCall // that it accepted
	listCount int                   // calls of ListCalls
	listErr   error                 // of ListCalls
	// respond decides about the nth request. If it is nil, every request is accepted.
	respond  func(n int) (accept bool, err error)
	release  chan struct{} // if set, requests wait until it is closed
	onCreate func()        // if set, runs before a request arrives
}

func (p *fakeProvider) CreateCall(ctx context.Context, d aurora.CallRequest) (string, error) {
	if p.release != nil {
		select {
		case <-p.release:
		case <-ctx.Done():
		}
	}
	if p.onCreate != nil {
		p.onCreate()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	accept, err := true, error(nil)
	if p.respond != nil {
		accept, err = p.respond(len(p.requests) + 1)
	}
	if !fault.Is(err, fault.Unavailable) { // nothing was sent
		p.requests = append(p.requests, d)
	}
	if !accept {
		return "", err
	}
	sid := fmt.Sprintf("CA%032x", len(p.calls)+1)
	p.calls = append(p.calls, aurora.ProviderCall{SID: sid, From: d.From, To: d.To, Status: aurora.CallQueued, CreatedAt: p.now().Truncate(time.Second)})
	if err != nil {
		return "", err
	}
	return sid, nil
}

func (p *fakeProvider) ListCalls(_ context.Context, from, to aurora.Phone, since time.Time) ([]aurora.ProviderCall, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listCount++
	var found []aurora.ProviderCall
	for _, c := range slices.Backward(p.calls) {
		if c.From == from && c.To == to && !c.CreatedAt.Before(since) {
			found = append(found, c)
		}
	}
	return found, p.listErr
}

func (p *fakeProvider) requestCount() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

// The provider's errors, as its adapter returns them.
var (
	errInvalid21211 = fault.New(fault.Invalid, "The phone number cannot be called: it is not a valid number.").WithCode("twilio_21211")
	errBusy20429    = fault.New(fault.RateLimited, "The telephone provider is busy.").WithCode("twilio_20429").WithRetryAfter(time.Second)
	errReplyLost    = fault.New(fault.Timeout, "The telephone provider did not answer.").WithCode("state_unknown")
	errNotSent      = fault.New(fault.Unavailable, "The telephone provider could not be reached.").WithCode("telephone_unreachable").WithRetryAfter(time.Second)
	errWrongToken   = fault.New(fault.Unavailable, "The telephone provider is not set up.").WithCode("telephone_auth")
)

const (
	riley                       = "9395bc40-ee5d-47e1-bcf3-b2af2f63e84a"
	otherAssistant              = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"
	recipient      aurora.Phone = "+14155550100"
	canaryName                  = "Zebulon Canary"
	canaryInfo                  = "info-canary"
	canaryEmail                 = "mail-canary@example.com"
	publicURL                   = "https://api.example.com/prod"
)

// fakeIndex remembers the rows of calls that are over, or fails.
type fakeIndex struct {
	names []string
	rows  []aurora.Call
	err   error
}

func (x *fakeIndex) Upsert(_ context.Context, names []string, c aurora.Call) (aurora.Call, error) {
	if x.err != nil {
		return c, x.err
	}
	x.names, x.rows = append(x.names, names...), append(x.rows, c)
	return c, nil
}

// harness is a service over fakes. Its clock stands still until advance moves it.
type harness struct {
	*Service
	t          testing.TB
	ledger     *fakeLedger
	provider   *fakeProvider
	assistants *testkit.Assistants
	index      *fakeIndex
	mu         sync.Mutex
	clock      time.Time
	ids        int
}

func newHarness(t testing.TB) *harness {
	t.Helper()
	h := &harness{t: t, clock: time.Date(2026, 11, 18, 17, 30, 0, 0, time.UTC)} // 09:30 in San Francisco
	h.ledger, h.provider, h.index = newFakeLedger(h.now), &fakeProvider{now: h.now}, &fakeIndex{}
	h.assistants = &testkit.Assistants{All: []aurora.Assistant{
		{Configuration: aurora.Configuration{AssistantID: riley, AssistantPhoneNumber: "4639465275", TextFromNumber: "+14155550177"}},
		{Configuration: aurora.Configuration{AssistantID: otherAssistant, AssistantPhoneNumber: "+14155550150"}},
	}}
	countries, err := contact.ParseCountries("*")
	if err != nil {
		t.Fatal(err)
	}
	h.Service = &Service{Assistants: h.assistants, Ledger: h.ledger, Provider: h.provider, Index: h.index, StreamURL: "wss://voice.example.com/stream", Now: h.now,
		NewID: func() string {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.ids++
			return fmt.Sprintf("oc_%d", h.ids)
		},
		Guards: Guards{Countries: countries, DefaultRegion: "US",
			Limits: Limits{KeyPerMinute: 1000, KeyPerDay: 1000, DestinationPerDay: 1000, CountryPerDay: 1000, SpendPerDay: 1e9, EstimatePerCall: 100_000, OfKey: 100}}}
	return h
}

func (h *harness) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *harness) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

func newRequest(key string) Request {
	return Request{Route: RouteUAT, FieldPrefix: "client.", Principal: auth.Principal{ID: "00000000000a", Name: "lamantic", Kind: auth.KindExternal}, IdempotencyKey: key, PublicURL: publicURL,
		AssistantID: riley, PhoneNumber: "+1 (415) 555-0100", Name: canaryName, Email: canaryEmail, Info: ""}
}

func (h *harness) place(r Request) (PlacedCall, error) {
	h.t.Helper()
	return h.Place(h.t.Context(), r)
}

func faultCode(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// onlyRecord returns the record, and fails the test if there is not exactly one.
func (h *harness) onlyRecord() aurora.OutboundCall {
	h.t.Helper()
	if len(h.ledger.records) != 1 {
		h.t.Fatalf("there are %d records, want one", len(h.ledger.records))
	}
	for _, r := range h.ledger.records {
		return r
	}
	panic("unreachable")
}

// quotasTaken returns the sum of the amounts that are taken, by kind of quota.
func (h *harness) quotasTaken() string {
	sums := map[string]int64{}
	for key, n := range h.ledger.counts {
		if n != 0 {
			sums[strings.SplitN(key, "#", 3)[1]] += n
		}
	}
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(sums)) {
		all = append(all, fmt.Sprintf("%s %d", kind, sums[kind]))
	}
	return strings.Join(all, ", ")
}

// expectQuotas fails the test unless quotasTaken returns want.
func (h *harness) expectQuotas(want string) {
	h.t.Helper()
	if got := h.quotasTaken(); got != want {
		h.t.Errorf("quotas taken: %q, want %q", got, want)
	}
}

// expectRequests fails the test unless the provider got this many requests for a call.
func (h *harness) expectRequests(want int) {
	h.t.Helper()
	if got := h.provider.requestCount(); got != want {
		h.t.Errorf("the provider got %d requests, want %d", got, want)
	}
}

// newCallback returns a callback. Each change sets one more field.
func newCallback(recordID, sid string, status aurora.CallStatus, changes ...func(*Callback)) Callback {
	cb := Callback{RecordID: recordID, SID: sid, Status: status}
	for _, change := range changes {
		change(&cb)
	}
	return cb
}

func answeredBy(who string) func(*Callback) {
	return func(cb *Callback) { cb.AnsweredBy = who }
}
