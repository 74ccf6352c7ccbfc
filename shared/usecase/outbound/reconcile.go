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
	askAgain = 10 * time.Second // between two questions about one call
	asking   = 3 * time.Second  // for one, while somebody waits
	skew     = 5 * time.Second  // between the provider's clock and ours
	certain  = 15 * time.Minute // after which a call that the provider does not list was never placed
	mostOpen = 5                // calls to one number that are looked at while somebody waits
)

// settle makes a call placed, whatever was thought of it before; the provider's word counts. It reports whether that is
// news.
func settle(r *aurora.OutboundRecord, sid string) bool {
	if r.State == aurora.OutboundPlaced && r.SID == sid {
		return false
	}
	r.State, r.SID, r.Code = aurora.OutboundPlaced, sid, ""
	return true
}

// forget makes a call that was in progress unknown.
func forget(r *aurora.OutboundRecord) bool {
	if r.State != aurora.OutboundInProgress {
		return false
	}
	r.State = aurora.OutboundUnknown
	return true
}

// nameCall makes a sid lead to a record.
func (s *Service) nameCall(ctx context.Context, sid, record string) error {
	owner, err := s.Ledger.NameCall(ctx, sid, record)
	if err != nil {
		return fmt.Errorf("name call %s: %w", sid, err)
	}
	if owner != record {
		slog.ErrorContext(ctx, "a call was taken for another record's", "sid", sid, "record", record, "taken for", owner)
	}
	return nil
}

// resolve asks the provider what became of an unknown call, and returns the record as it is then. It is never placed
// again for what is found here, and a call that is not listed stays unknown.
func (s *Service) resolve(ctx context.Context, r aurora.OutboundRecord) (aurora.OutboundRecord, error) {
	if r.Overdue(s.Now()) {
		var err error
		if r, err = s.change(ctx, r.ID, forget); err != nil {
			return r, err
		}
	}
	if r.State != aurora.OutboundUnknown || s.Now().Before(r.Checked.Add(askAgain)) {
		return r, nil
	}
	r, _, err := s.look(ctx, r)
	return r, err
}

// look looks for a record's call among the provider's. It is found where one of the right numbers was made in the time
// that the record was in progress and is no other record's.
func (s *Service) look(ctx context.Context, r aurora.OutboundRecord) (now aurora.OutboundRecord, listed bool, err error) {
	if busy, err := s.busy(ctx, r); busy || err != nil {
		return r, false, err // its call could be taken for this one's
	}
	bounded, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	calls, err := s.Provider.ListCalls(bounded, r.From, r.To, r.Created.Add(-skew))
	if err != nil {
		return r, false, fmt.Errorf("list calls: %w", err)
	}
	slices.SortStableFunc(calls, func(a, b aurora.DialedCall) int { return a.Created.Compare(b.Created) })
	for _, call := range calls {
		if call.SID == "" || call.Created.Before(r.Created.Add(-skew)) || call.Created.After(r.Deadline.Add(skew)) {
			continue
		}
		owner, err := s.Ledger.NameCall(ctx, call.SID, r.ID)
		if err != nil {
			return r, false, fmt.Errorf("name call: %w", err)
		}
		if owner != r.ID {
			continue
		}
		now, err := s.change(ctx, r.ID, func(now *aurora.OutboundRecord) bool {
			news := settle(now, call.SID)
			return advance(now, Callback{SID: call.SID, Status: call.Status, At: call.Ended, Seconds: call.Seconds}) || news
		})
		if err == nil {
			slog.InfoContext(ctx, "an unknown call was found", "record", now)
			s.closed(ctx, now)
		}
		return now, true, err
	}
	now, err = s.change(ctx, r.ID, func(now *aurora.OutboundRecord) bool {
		now.Checked = s.Now()
		return now.State == aurora.OutboundUnknown
	})
	return now, true, err
}

// busy reports whether another call to the same number is being placed just now.
func (s *Service) busy(ctx context.Context, r aurora.OutboundRecord) (bool, error) {
	open, err := s.Ledger.OpenOf(ctx, r.To)
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
		if ok && other.State == aurora.OutboundInProgress && !other.Overdue(s.Now()) {
			return true, nil
		}
	}
	return false, nil
}

// settleOthers resolves what is unknown of calls to a number that is asked for again. It is best effort: nothing of it
// decides about the call that is to be placed.
func (s *Service) settleOthers(ctx context.Context, to aurora.Phone) {
	open, err := s.Ledger.OpenOf(ctx, to)
	for _, id := range open[:min(len(open), mostOpen)] {
		var r aurora.OutboundRecord
		var ok bool
		if r, ok, err = s.Ledger.Record(ctx, id); err != nil {
			break
		}
		if ok && (r.State == aurora.OutboundUnknown || r.Overdue(s.Now())) {
			r, err = s.resolve(ctx, r)
		}
		if err == nil && (!ok || r.State == aurora.OutboundPlaced || r.State == aurora.OutboundRefused) {
			err = s.Ledger.Settled(ctx, to, id)
		}
		if err != nil {
			break
		}
	}
	if err != nil {
		slog.WarnContext(ctx, "what became of earlier calls was not looked up", "error", err)
	}
}

// Reconciled is what the operator's reconcile found of the calls that nobody had settled.
type Reconciled struct {
	Placed    int // the provider lists them
	NotPlaced int // it does not, long after
	Unknown   int // still
}

// Reconcile settles what can be settled of the unsettled calls. A call that the provider does not list a quarter of an
// hour after it was asked for was never placed: its record is refused, and its key free.
func (s *Service) Reconcile(ctx context.Context, unsettled Unsettled) (Reconciled, error) {
	var found Reconciled
	var failed error
	for r, err := range unsettled.UnsettledRecords(ctx) {
		if err != nil {
			return found, errors.Join(failed, err)
		}
		if r.State == aurora.OutboundInProgress && !r.Overdue(s.Now()) {
			continue
		}
		r, err := s.reconcile(ctx, r)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", r.ID, err))
		}
		switch r.State {
		case aurora.OutboundPlaced:
			found.Placed++
		case aurora.OutboundRefused:
			found.NotPlaced++
		default:
			found.Unknown++
		}
	}
	return found, failed
}

func (s *Service) reconcile(ctx context.Context, r aurora.OutboundRecord) (aurora.OutboundRecord, error) {
	r, err := s.change(ctx, r.ID, forget)
	if err != nil || r.State != aurora.OutboundUnknown {
		return r, err
	}
	r, listed, err := s.look(ctx, r)
	if err != nil || !listed || r.State != aurora.OutboundUnknown || s.Now().Before(r.Deadline.Add(certain)) {
		return r, err
	}
	r, err = s.change(ctx, r.ID, func(now *aurora.OutboundRecord) bool {
		if now.State != aurora.OutboundUnknown {
			return false
		}
		now.State, now.Code = aurora.OutboundRefused, "never_placed"
		return true
	})
	if err == nil {
		s.closed(ctx, r)
	}
	return r, err
}
