package outbound

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// memory is a ledger. Each of its methods is one conditional write or one read, as in DynamoDB; spoil stands before and
// after each.
type memory struct {
	mu      sync.Mutex
	now     func() time.Time
	records map[string]aurora.OutboundRecord
	sids    map[string]string
	open    map[aurora.Phone]map[string]bool
	keys    map[string]aurora.Idempotency
	counts  map[string]int64
	last    map[string]string
	dnc     map[aurora.Phone]bool
	consent map[aurora.Phone]bool
	calls   []string
	// spoil fails a call before it is made, and lose after it was.
	spoil, lose func(call string, n int) error
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, records: map[string]aurora.OutboundRecord{}, sids: map[string]string{}, open: map[aurora.Phone]map[string]bool{},
		keys: map[string]aurora.Idempotency{}, counts: map[string]int64{}, last: map[string]string{}, dnc: map[aurora.Phone]bool{}, consent: map[aurora.Phone]bool{}}
}

func do[T any](m *memory, call string, f func() T) (v T, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = append(m.calls, call)
	if m.spoil != nil {
		if err = m.spoil(call, len(m.calls)); err != nil {
			return v, err
		}
	}
	v = f()
	if m.lose != nil {
		err = m.lose(call, len(m.calls))
	}
	return v, err
}

func (m *memory) Refused(_ context.Context, p aurora.Phone) (bool, error) {
	return do(m, "Refused", func() bool { return m.dnc[p] })
}

func (m *memory) Consented(_ context.Context, p aurora.Phone) (bool, error) {
	return do(m, "Consented", func() bool { return m.consent[p] })
}

func (m *memory) OpenRecord(_ context.Context, r aurora.OutboundRecord) error {
	_, err := do(m, "OpenRecord", func() bool { m.records[r.ID] = r; return true })
	return err
}

func (m *memory) Record(_ context.Context, id string) (r aurora.OutboundRecord, ok bool, err error) {
	r, err = do(m, "Record", func() aurora.OutboundRecord {
		if named, is := m.sids[id]; is {
			id = named
		}
		r, ok = m.records[id]
		return r
	})
	return r, ok && err == nil, err
}

func (m *memory) ChangeRecord(ctx context.Context, r aurora.OutboundRecord) (bool, error) {
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	return do(m, "ChangeRecord", func() bool {
		if m.records[r.ID].Revision != r.Revision-1 {
			return false
		}
		m.records[r.ID] = r
		return true
	})
}

func (m *memory) NameCall(_ context.Context, sid, record string) (string, error) {
	return do(m, "NameCall", func() string {
		if m.sids[sid] == "" {
			m.sids[sid] = record
		}
		return m.sids[sid]
	})
}

func (m *memory) Opened(_ context.Context, to aurora.Phone, record string) error {
	_, err := do(m, "Opened", func() bool {
		if m.open[to] == nil {
			m.open[to] = map[string]bool{}
		}
		m.open[to][record] = true
		return true
	})
	return err
}

func (m *memory) Settled(_ context.Context, to aurora.Phone, record string) error {
	_, err := do(m, "Settled", func() bool { delete(m.open[to], record); return true })
	return err
}

func (m *memory) OpenOf(_ context.Context, to aurora.Phone) ([]string, error) {
	return do(m, "OpenOf", func() []string { return slices.Sorted(maps.Keys(m.open[to])) })
}

func (m *memory) Key(_ context.Context, key string) (k aurora.Idempotency, ok bool, err error) {
	k, err = do(m, "Key", func() aurora.Idempotency {
		k, ok = m.keys[key]
		ok = ok && k.Until.After(m.now())
		return k
	})
	return k, ok && err == nil, err
}

func (m *memory) ClaimKey(_ context.Context, k aurora.Idempotency, over string) (bool, error) {
	return do(m, "ClaimKey", func() bool {
		held, ok := m.keys[k.Key]
		if ok && held.Until.After(m.now()) && (over == "" || held.Record != over) {
			return held.Record == k.Record
		}
		m.keys[k.Key] = k
		return true
	})
}

func (m *memory) ReleaseKey(_ context.Context, key, record string) error {
	_, err := do(m, "ReleaseKey", func() bool {
		if m.keys[key].Record == record {
			delete(m.keys, key)
		}
		return true
	})
	return err
}

func (m *memory) Take(_ context.Context, t aurora.Tally, taker string) (bool, error) {
	return do(m, "Take", func() bool {
		if m.counts[t.Key]+t.Amount > t.Limit || m.last[t.Key] == taker {
			return m.last[t.Key] == taker
		}
		m.counts[t.Key] += t.Amount
		m.last[t.Key] = taker
		return true
	})
}

func (m *memory) GiveBack(_ context.Context, t aurora.Tally) error {
	_, err := do(m, "GiveBack", func() bool { m.counts[t.Key] -= t.Amount; return true })
	return err
}

func (m *memory) Counted(_ context.Context, key string) (int64, error) {
	return do(m, "Counted", func() int64 { return m.counts[key] })
}

func (m *memory) UnsettledRecords(context.Context) iter.Seq2[aurora.OutboundRecord, error] {
	m.mu.Lock()
	all := slices.SortedFunc(maps.Values(m.records), func(a, b aurora.OutboundRecord) int { return strings.Compare(a.ID, b.ID) })
	m.mu.Unlock()
	return func(yield func(aurora.OutboundRecord, error) bool) {
		for _, r := range all {
			if (r.State == aurora.OutboundInProgress || r.State == aurora.OutboundUnknown) && !yield(r, nil) {
				return
			}
		}
	}
}

// stored is a table of assistants.
type stored struct {
	all []aurora.Assistant
	err error
}

func (s *stored) find(ok func(a aurora.Assistant) bool) (aurora.Assistant, error) {
	if s.err != nil {
		return aurora.Assistant{}, s.err
	}
	for _, a := range s.all {
		if ok(a) {
			return a, nil
		}
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.").Coded("assistant_not_found")
}

func (s *stored) ByID(_ context.Context, id string) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return a.ID() == id })
}

func (s *stored) ByNumber(_ context.Context, p aurora.Phone) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return slices.Contains(a.Numbers(), p) })
}

// telephone is a provider that counts. say decides what becomes of a request; nil accepts every one.
type telephone struct {
	mu    sync.Mutex
	now   func() time.Time
	asked []aurora.OutboundDial // every request that reached it
	calls []aurora.DialedCall   // those it accepted
	lists int
	say   func(n int) (accept bool, err error)
	hold  chan struct{} // where there is one, requests wait for it
	away  error         // for lists
	// during happens while a request is on its way.
	during func()
}

func (p *telephone) Create(ctx context.Context, d aurora.OutboundDial) (string, error) {
	if p.hold != nil {
		select {
		case <-p.hold:
		case <-ctx.Done():
		}
	}
	if p.during != nil {
		p.during()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	accept, err := true, error(nil)
	if p.say != nil {
		accept, err = p.say(len(p.asked) + 1)
	}
	if !fault.Is(err, fault.Unavailable) { // nothing was sent
		p.asked = append(p.asked, d)
	}
	if !accept {
		return "", err
	}
	sid := fmt.Sprintf("CA%032x", len(p.calls)+1)
	p.calls = append(p.calls, aurora.DialedCall{SID: sid, From: d.From, To: d.To, Status: aurora.CallQueued, Created: p.now().Truncate(time.Second)})
	if err != nil {
		return "", err
	}
	return sid, nil
}

func (p *telephone) ListCalls(_ context.Context, from, to aurora.Phone, since time.Time) ([]aurora.DialedCall, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lists++
	var found []aurora.DialedCall
	for _, c := range slices.Backward(p.calls) {
		if c.From == from && c.To == to && !c.Created.Before(since) {
			found = append(found, c)
		}
	}
	return found, p.away
}

func (p *telephone) posts() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.asked)
}

// The provider's errors, as its adapter words them.
var (
	refused21211 = fault.New(fault.Invalid, "The phone number cannot be called: it is not a valid number.").Coded("twilio_21211")
	busy20429    = fault.New(fault.TooMany, "The telephone provider is busy.").Coded("twilio_20429").After(time.Second)
	lostReply    = fault.New(fault.Timeout, "The telephone provider did not answer.").Coded("state_unknown")
	notSent      = fault.New(fault.Unavailable, "The telephone provider could not be reached.").Coded("telephone_unreachable").After(time.Second)
	wrongToken   = fault.New(fault.Unavailable, "The telephone provider is not set up.").Coded("telephone_auth")
)

const (
	riley                  = "9395bc40-ee5d-47e1-bcf3-b2af2f63e84a"
	other                  = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"
	someone   aurora.Phone = "+14155550100"
	canary                 = "Zebulon Canary"
	canaryOf               = "info-canary"
	canaryAt               = "mail-canary@example.com"
	publicURL              = "https://api.example.com/prod"
)

// bench is a service with all its surroundings, at a time that stands still until it is moved.
type bench struct {
	*Service
	t      testing.TB
	ledger *memory
	phone  *telephone
	stored *stored
	mu     sync.Mutex
	clock  time.Time
	ids    int
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{t: t, clock: time.Date(2026, 11, 18, 17, 30, 0, 0, time.UTC)} // 09:30 in San Francisco
	b.ledger, b.phone = newMemory(b.now), &telephone{now: b.now}
	b.stored = &stored{all: []aurora.Assistant{
		{Configuration: aurora.Configuration{AssistantID: riley, AssistantPhoneNumber: "4639465275", TextFromNumber: "+14155550177"}},
		{Configuration: aurora.Configuration{AssistantID: other, AssistantPhoneNumber: "+14155550150"}},
	}}
	countries, err := ParseCountries("*")
	if err != nil {
		t.Fatal(err)
	}
	b.Service = &Service{Assistants: b.stored, Ledger: b.ledger, Provider: b.phone, StreamURL: "wss://voice.example.com/stream", Now: b.now,
		NewID: func() string {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.ids++
			return fmt.Sprintf("oc_%d", b.ids)
		},
		Guards: Guards{Countries: countries, DefaultRegion: "US",
			Limits: Limits{KeyPerMinute: 1000, KeyPerDay: 1000, DestinationPerDay: 1000, CountryPerDay: 1000, SpendPerDay: 1e9, Estimate: 100_000}}}
	return b
}

func (b *bench) now() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock = b.clock.Add(d)
}

func request(key string) Request {
	return Request{Route: UAT, In: "client.", Key: Key{Name: "lamantic", Kind: "external"}, IdemKey: key, Public: publicURL,
		AssistantID: riley, PhoneNumber: "+1 (415) 555-0100", Name: canary, Email: canaryAt, Info: ""}
}

func (b *bench) place(r Request) (Answer, error) {
	b.t.Helper()
	return b.Place(b.t.Context(), r)
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// one is the only record there is.
func (b *bench) one() aurora.OutboundRecord {
	b.t.Helper()
	if len(b.ledger.records) != 1 {
		b.t.Fatalf("%d records", len(b.ledger.records))
	}
	for _, r := range b.ledger.records {
		return r
	}
	panic("unreachable")
}

// taken is how much of each kind of counter is taken.
func (b *bench) taken() string {
	sums := map[string]int64{}
	for key, n := range b.ledger.counts {
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

func callback(record, sid, status string, more ...string) Callback {
	form := url.Values{"CallSid": {sid}, "CallStatus": {status}}
	for i := 0; i+1 < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	cb, err := ReadCallback(record, form)
	if err != nil {
		panic(err)
	}
	return cb
}
