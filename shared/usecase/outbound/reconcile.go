package outbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"example.com/aurora/shared/core/aurora"
)

const (
	checkInterval    = 10 * time.Second // between two look-ups of one call at the provider
	checkTimeout     = 3 * time.Second  // for one look-up: a caller waits for it
	clockSkew        = 5 * time.Second  // between the provider's clock and ours
	neverPlacedAfter = 15 * time.Minute // then a call that the provider does not list was never placed
	maxPendingChecks = 5                // calls to one number that are looked up while a caller waits
)

// resolve looks an unknown call up at the provider and returns the record as it is then. A call that the provider does
// not list stays unknown: the list may lag behind.
func (s *Service) resolve(ctx context.Context, r aurora.OutboundCall) (aurora.OutboundCall, error) {
	if r.IsOverdue(s.Now()) {
		var err error
		if r, err = s.updateRecord(ctx, r.ID, setUnknown); err != nil {
			return r, err
		}
	}
	if r.State != aurora.OutboundUnknown || s.Now().Before(r.CheckedAt.Add(checkInterval)) {
		return r, nil
	}
	r, _, err := s.findAtProvider(ctx, r)
	return r, err
}

// findAtProvider looks for a record's call among the provider's calls. A call matches if it has the same two numbers, was
// created while the record was in progress, and belongs to no other record. listed reports whether the provider's list
// was read, so that a missing call means something.
func (s *Service) findAtProvider(ctx context.Context, r aurora.OutboundCall) (now aurora.OutboundCall, listed bool, err error) {
	if busy, err := s.isOtherCallInProgress(ctx, r); busy || err != nil {
		return r, false, err // the other call could be mistaken for this one
	}
	bounded, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	calls, err := s.Provider.ListCalls(bounded, r.From, r.To, r.CreatedAt.Add(-clockSkew))
	if err != nil {
		return r, false, fmt.Errorf("list calls: %w", err)
	}
	slices.SortStableFunc(calls, func(a, b aurora.ProviderCall) int { return a.CreatedAt.Compare(b.CreatedAt) })
	for _, call := range calls {
		if call.SID == "" || call.CreatedAt.Before(r.CreatedAt.Add(-clockSkew)) || call.CreatedAt.After(r.Deadline.Add(clockSkew)) {
			continue
		}
		owner, err := s.Ledger.ClaimSID(ctx, call.SID, r.ID)
		if err != nil {
			return r, false, fmt.Errorf("claim sid: %w", err)
		}
		if owner != r.ID {
			continue
		}
		now, err := s.updateRecord(ctx, r.ID, func(now *aurora.OutboundCall) bool {
			changed := setPlaced(now, call.SID)
			return applyCallback(now, Callback{SID: call.SID, Status: call.Status, At: call.EndedAt, Seconds: call.Seconds}) || changed
		})
		if err == nil {
			slog.InfoContext(ctx, "an unknown call was found at the provider", "event", "outbound.resolved", "record", now)
			s.removePending(ctx, now)
		}
		return now, true, err
	}
	now, err = s.updateRecord(ctx, r.ID, func(now *aurora.OutboundCall) bool {
		now.CheckedAt = s.Now()
		return now.State == aurora.OutboundUnknown
	})
	return now, true, err
}

// isOtherCallInProgress reports whether another call to the same number is being placed now.
func (s *Service) isOtherCallInProgress(ctx context.Context, r aurora.OutboundCall) (bool, error) {
	pending, err := s.Ledger.Pending(ctx, r.To)
	if err != nil {
		return false, fmt.Errorf("read pending calls: %w", err)
	}
	for _, id := range pending {
		if id == r.ID {
			continue
		}
		other, ok, err := s.Ledger.Record(ctx, id)
		if err != nil {
			return false, fmt.Errorf("read record: %w", err)
		}
		if ok && other.State == aurora.OutboundInProgress && !other.IsOverdue(s.Now()) {
			return true, nil
		}
	}
	return false, nil
}

// resolvePending resolves unknown calls to a number before the next call to it. It is best effort: its result does not
// decide whether the next call is placed.
func (s *Service) resolvePending(ctx context.Context, to aurora.Phone) {
	pending, err := s.Ledger.Pending(ctx, to)
	for _, id := range pending[:min(len(pending), maxPendingChecks)] {
		var r aurora.OutboundCall
		var ok bool
		if r, ok, err = s.Ledger.Record(ctx, id); err != nil {
			break
		}
		if ok && (r.State == aurora.OutboundUnknown || r.IsOverdue(s.Now())) {
			r, err = s.resolve(ctx, r)
		}
		if err == nil && (!ok || r.State == aurora.OutboundPlaced || r.State == aurora.OutboundRejected) {
			err = s.Ledger.RemovePending(ctx, to, id)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		slog.WarnContext(ctx, "earlier calls to the number were not resolved", "event", "outbound.resolve_failed", "error", err)
	}
}

// ReconcileResult counts the calls that were unresolved, by what they are now.
type ReconcileResult struct {
	Placed    int // the provider lists them
	NotPlaced int // the provider does not list them, 15 minutes after their deadline
	Unknown   int // still not known
}

// Reconcile resolves calls for an operator. A call that the provider does not list 15 minutes after its deadline was
// never placed: its record becomes rejected, so its idempotency key is free.
func (s *Service) Reconcile(ctx context.Context, unresolved UnresolvedFinder) (ReconcileResult, error) {
	var found ReconcileResult
	var failed error
	for r, err := range unresolved.UnresolvedRecords(ctx) {
		if err != nil {
			return found, errors.Join(failed, err)
		}
		if r.State == aurora.OutboundInProgress && !r.IsOverdue(s.Now()) {
			continue
		}
		r, err := s.reconcileRecord(ctx, r)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", r.ID, err))
		}
		switch r.State {
		case aurora.OutboundPlaced:
			found.Placed++
		case aurora.OutboundRejected:
			found.NotPlaced++
		default:
			found.Unknown++
		}
	}
	return found, failed
}

func (s *Service) reconcileRecord(ctx context.Context, r aurora.OutboundCall) (aurora.OutboundCall, error) {
	r, err := s.updateRecord(ctx, r.ID, setUnknown)
	if err != nil || r.State != aurora.OutboundUnknown {
		return r, err
	}
	r, listed, err := s.findAtProvider(ctx, r)
	if err != nil || !listed || r.State != aurora.OutboundUnknown || s.Now().Before(r.Deadline.Add(neverPlacedAfter)) {
		return r, err
	}
	r, err = s.updateRecord(ctx, r.ID, func(now *aurora.OutboundCall) bool {
		if now.State != aurora.OutboundUnknown {
			return false
		}
		now.State, now.Code = aurora.OutboundRejected, "never_placed"
		return true
	})
	if err == nil {
		s.removePending(ctx, r)
	}
	return r, err
}
