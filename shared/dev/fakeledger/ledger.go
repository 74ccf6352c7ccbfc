// Package fakeledger stands in for the ledger's table in tests of functions: outbound calls in memory, with every rule of
// the real one but its failures.
package fakeledger

import (
	"context"
	"slices"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Ledger holds outbound calls. Use New.
type Ledger struct {
	// Refusals and Consents are the numbers on the lists.
	Refusals, Consents []aurora.Phone

	now     func() time.Time
	mu      sync.Mutex
	records map[string]aurora.OutboundRecord
	sids    map[string]string
	open    map[aurora.Phone][]string
	keys    map[string]aurora.Idempotency
	counts  map[string]int64
}

// New returns an empty ledger.
func New(now func() time.Time) *Ledger {
	return &Ledger{now: now, records: map[string]aurora.OutboundRecord{}, sids: map[string]string{}, open: map[aurora.Phone][]string{},
		keys: map[string]aurora.Idempotency{}, counts: map[string]int64{}}
}

// Refused reports whether a number is on the do-not-call list.
func (l *Ledger) Refused(_ context.Context, n aurora.Phone) (bool, error) {
	return slices.Contains(l.Refusals, n), nil
}

// Consented reports whether somebody agreed to be called.
func (l *Ledger) Consented(_ context.Context, n aurora.Phone) (bool, error) {
	return slices.Contains(l.Consents, n), nil
}

// OpenRecord writes a new record.
func (l *Ledger) OpenRecord(_ context.Context, r aurora.OutboundRecord) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records[r.ID] = r
	return nil
}

// Record finds a record by its id or its call's sid.
func (l *Ledger) Record(_ context.Context, idOrSID string) (aurora.OutboundRecord, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id, ok := l.sids[idOrSID]; ok {
		idOrSID = id
	}
	r, ok := l.records[idOrSID]
	return r, ok, nil
}

// ChangeRecord writes a record over the one with the revision before.
func (l *Ledger) ChangeRecord(_ context.Context, r aurora.OutboundRecord) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.records[r.ID].Revision != r.Revision-1 {
		return false, nil
	}
	l.records[r.ID] = r
	return true, nil
}

// NameCall gives a sid to the record that asks first.
func (l *Ledger) NameCall(_ context.Context, sid, record string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if owner, ok := l.sids[sid]; ok {
		return owner, nil
	}
	l.sids[sid] = record
	return record, nil
}

// Opened notes that a call to a number may be unsettled.
func (l *Ledger) Opened(_ context.Context, to aurora.Phone, record string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[to] = append(l.open[to], record)
	return nil
}

// Settled forgets that.
func (l *Ledger) Settled(_ context.Context, to aurora.Phone, record string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[to] = slices.DeleteFunc(l.open[to], func(id string) bool { return id == record })
	return nil
}

// OpenOf are the calls to a number that may be unsettled.
func (l *Ledger) OpenOf(_ context.Context, to aurora.Phone) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.open[to]), nil
}

// Key finds an idempotency key that has not expired.
func (l *Ledger) Key(_ context.Context, key string) (aurora.Idempotency, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keys[key]
	return k, ok && l.now().Before(k.Until), nil
}

// ClaimKey takes a key that is free, expired, or that the record over has.
func (l *Ledger) ClaimKey(_ context.Context, k aurora.Idempotency, over string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if there, ok := l.keys[k.Key]; ok && l.now().Before(there.Until) && there.Record != over && there.Record != k.Record {
		return false, nil
	}
	l.keys[k.Key] = k
	return true, nil
}

// ReleaseKey frees a key that is the record's.
func (l *Ledger) ReleaseKey(_ context.Context, key, record string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys[key].Record == record {
		delete(l.keys, key)
	}
	return nil
}

// Take adds to a counter within its limit.
func (l *Ledger) Take(_ context.Context, t aurora.Tally, _ string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts[t.Key]+t.Amount > t.Limit {
		return false, nil
	}
	l.counts[t.Key] += t.Amount
	return true, nil
}

// GiveBack takes it off again.
func (l *Ledger) GiveBack(_ context.Context, t aurora.Tally) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[t.Key] -= t.Amount
	return nil
}

// Counted is what a counter stands at.
func (l *Ledger) Counted(_ context.Context, key string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[key], nil
}
