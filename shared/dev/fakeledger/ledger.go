// Package fakeledger is an in-memory fake of the ledger table for outbound calls and messages, for tests of functions. It
// follows all rules of the real one except failures.
package fakeledger

import (
	"context"
	"slices"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/idempotency"
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
	claims  map[string]idempotency.Claim
	counts  map[string]int64
}

// New returns an empty ledger.
func New(now func() time.Time) *Ledger {
	return &Ledger{now: now, records: map[string]aurora.OutboundCall{}, sids: map[string]string{}, pending: map[aurora.Phone][]string{},
		claims: map[string]idempotency.Claim{}, counts: map[string]int64{}}
}

// IsDoNotCall reports whether a number is on the do-not-call list.
func (l *Ledger) IsDoNotCall(_ context.Context, n aurora.Phone) (bool, error) {
	return slices.Contains(l.DoNotCallList, n), nil
}

// HasConsent reports whether a consent is recorded for a number.
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

// RemovePending removes that note.
func (l *Ledger) RemovePending(_ context.Context, to aurora.Phone, record string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending[to] = slices.DeleteFunc(l.pending[to], func(id string) bool { return id == record })
	return nil
}

// Pending returns the calls to a number that may be unsettled.
func (l *Ledger) Pending(_ context.Context, to aurora.Phone) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.pending[to]), nil
}

// FindClaim returns the claim of a key unless it can be taken over.
func (l *Ledger) FindClaim(_ context.Context, key string) (idempotency.Claim, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c, ok := l.claims[key]
	return c, ok && l.now().Before(c.LeaseUntil), nil
}

// ClaimKey stores a claim unless another one holds the key, and returns the claim that holds it then.
func (l *Ledger) ClaimKey(_ context.Context, c idempotency.Claim, replace string) (idempotency.Claim, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if held, ok := l.claims[c.Key]; ok && l.now().Before(held.LeaseUntil) && held.Owner != replace {
		return held, nil
	}
	l.claims[c.Key] = c
	return c, nil
}

// ReleaseKey removes the claim of a key if it is the owner's.
func (l *Ledger) ReleaseKey(_ context.Context, key, owner string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.claims[key].Owner == owner {
		delete(l.claims, key)
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

// ReturnQuota subtracts from a counter.
func (l *Ledger) ReturnQuota(_ context.Context, t aurora.Quota) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[t.Key] -= t.Amount
	return nil
}

// QuotaUsed returns the value of a counter.
func (l *Ledger) QuotaUsed(_ context.Context, key string) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[key], nil
}
