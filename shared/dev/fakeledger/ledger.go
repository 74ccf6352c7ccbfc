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
	DoNotCallList, Consents []aurora.Phone

	now     func() time.Time
	mu      sync.Mutex
	records map[string]aurora.OutboundCall
	sids    map[string]string
	pending map[aurora.Phone][]string
	keys    map[string]aurora.IdempotencyClaim
	counts  map[string]int64
}

// New returns an empty ledger.
func New(now func() time.Time) *Ledger {
	return &Ledger{now: now, records: map[string]aurora.OutboundCall{}, sids: map[string]string{}, pending: map[aurora.Phone][]string{},
		keys: map[string]aurora.IdempotencyClaim{}, counts: map[string]int64{}}
}

// IsDoNotCall reports whether a number is on the do-not-call list.
func (l *Ledger) IsDoNotCall(_ context.Context, n aurora.Phone) (bool, error) {
	return slices.Contains(l.DoNotCallList, n), nil
}

// HasConsent reports whether somebody agreed to be called.
func (l *Ledger) HasConsent(_ context.Context, n aurora.Phone) (bool, error) {
	return slices.Contains(l.Consents, n), nil
}

// CreateRecord writes a new record.
func (l *Ledger) CreateRecord(_ context.Context, r aurora.OutboundCall) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records[r.ID] = r
	return nil
}

// Record finds a record by its id or its call's sid.
func (l *Ledger) Record(_ context.Context, idOrSID string) (aurora.OutboundCall, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if id, ok := l.sids[idOrSID]; ok {
		idOrSID = id
	}
	r, ok := l.records[idOrSID]
	return r, ok, nil
}

// UpdateRecord writes a record over the one with the revision before.
func (l *Ledger) UpdateRecord(_ context.Context, r aurora.OutboundCall) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.records[r.ID].Revision != r.Revision-1 {
		return false, nil
	}
	l.records[r.ID] = r
	return true, nil
}

// ClaimSID gives a sid to the record that asks first.
func (l *Ledger) ClaimSID(_ context.Context, sid, record string) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if owner, ok := l.sids[sid]; ok {
		return owner, nil
	}
	l.sids[sid] = record
	return record, nil
}

// AddPending notes that a call to a number may be unsettled.
func (l *Ledger) AddPending(_ context.Context, to aurora.Phone, record string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending[to] = append(l.pending[to], record)
	return nil
}

// RemovePending forgets that.
func (l *Ledger) RemovePending(_ context.Context, to aurora.Phone, record string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending[to] = slices.DeleteFunc(l.pending[to], func(id string) bool { return id == record })
	return nil
}

// Pending are the calls to a number that may be unsettled.
func (l *Ledger) Pending(_ context.Context, to aurora.Phone) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.pending[to]), nil
}

// Key finds an idempotency key that has not expired.
func (l *Ledger) Key(_ context.Context, key string) (aurora.IdempotencyClaim, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keys[key]
	return k, ok && l.now().Before(k.ExpiresAt), nil
}

// ClaimKey takes a key that is free, expired, or that the record over has.
func (l *Ledger) ClaimKey(_ context.Context, k aurora.IdempotencyClaim, over string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if there, ok := l.keys[k.Key]; ok && l.now().Before(there.ExpiresAt) && there.RecordID != over && there.RecordID != k.RecordID {
		return false, nil
	}
	l.keys[k.Key] = k
	return true, nil
}

// ReleaseKey frees a key that is the record's.
func (l *Ledger) ReleaseKey(_ context.Context, key, record string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.keys[key].RecordID == record {
		delete(l.keys, key)
	}
	return nil
}

// TakeQuota adds to a counter within its limit.
func (l *Ledger) TakeQuota(_ context.Context, t aurora.Quota, _ string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.counts[t.Key]+t.Amount > t.Limit {
		return false, nil
	}
	l.counts[t.Key] += t.Amount
	return true, nil
}

// ReturnQuota takes it off again.
func (l *Ledger) ReturnQuota(_ context.Context, t aurora.Quota) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[t.Key] -= t.Amount
	return nil
}

// QuotaUsed is what a counter stands at.
func (l *Ledger) QuotaUsed(_ context.Context, key string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[key], nil
}
