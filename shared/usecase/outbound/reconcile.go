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
	checkInterval    = 10 * time.Second // between two questions about one call
	checkTimeout     = 3 * time.Second  // for one, while somebody waits
	clockSkew        = 5 * time.Second  // between the provider's clock and ours
	neverPlacedAfter = 15 * time.Minute // after which a call that the provider does not list was never placed
	maxPendingChecks = 5                // calls to one number that are looked at while somebody waits
)

// resolve asks the provider what became of an unknown call, and returns the record as it is then. It is never placed
// again for what is found here, and a call that is not listed stays unknown.
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

// findAtProvider looks for a record's call among the provider's. It is found where one of the right numbers was made in the time
// that the record was in progress and is no other record's.
func (s *Service) findAtProvider(ctx context.Context, r aurora.OutboundCall) (now aurora.OutboundCall, listed bool, err error) {
	if busy, err := s.isOtherCallInProgress(ctx, r); busy || err != nil {
		return r, false, err // its call could be taken for this one's
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
			return r, false, fmt.Errorf("name call: %w", err)
		}
		if owner != r.ID {
			continue
		}
		now, err := s.updateRecord(ctx, r.ID, func(now *aurora.OutboundCall) bool {
			news := setPlaced(now, call.SID)
			return applyCallback(now, Callback{SID: call.SID, Status: call.Status, At: call.EndedAt, Seconds: call.Seconds}) || news
		})
		if err == nil {
			slog.InfoContext(ctx, "an unknown call was found", "record", now)
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

// isOtherCallInProgress reports whether another call to the same number is being placed just now.
func (s *Service) isOtherCallInProgress(ctx context.Context, r aurora.OutboundCall) (bool, error) {
	open, err := s.Ledger.Pending(ctx, r.To)
	if err != nil {
		return false, fmt.Errorf("read open calls: %w", err)
	}
	for _, id := range open {
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

// resolvePending resolves what is unknown of calls to a number that is asked for again. It is best effort: nothing of it
// decides about the call that is to be placed.
func (s *Service) resolvePending(ctx context.Context, to aurora.Phone) {
	open, err := s.Ledger.Pending(ctx, to)
	for _, id := range open[:min(len(open), maxPendingChecks)] {
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
		slog.WarnContext(ctx, "what became of earlier calls was not looked up", "error", err)
	}
}

// ReconcileResult is what the operator's reconcile found of the calls that nobody had settled.
type ReconcileResult struct {
	Placed    int // the provider lists them
	NotPlaced int // it does not, long after
	Unknown   int // still
}

// Reconcile settles what can be settled of the unsettled calls. A call that the provider does not list a quarter of an
// hour after it was asked for was never placed: its record is refused, and its key free.
func (s *Service) Reconcile(ctx context.Context, unsettled UnresolvedFinder) (ReconcileResult, error) {
	var found ReconcileResult
	var failed error
	for r, err := range unsettled.UnresolvedRecords(ctx) {
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
