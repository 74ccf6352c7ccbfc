package outbound

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
)

// setPlaced makes a call placed, whatever its state was: the provider knows best. It reports whether it changed the
// record.
func setPlaced(r *aurora.OutboundCall, sid string) bool {
	if r.State == aurora.OutboundPlaced && r.SID == sid {
		return false
	}
	r.State, r.SID, r.Code = aurora.OutboundPlaced, sid, ""
	return true
}

// setUnknown makes a call unknown that was in progress. It reports whether it changed the record.
func setUnknown(r *aurora.OutboundCall) bool {
	if r.State != aurora.OutboundInProgress {
		return false
	}
	r.State = aurora.OutboundUnknown
	return true
}

// savePlaced stores that a call was placed, also after the caller has disconnected. If that fails, the call is unknown
// to later requests and never placed again; the log has its sid.
func (s *Service) savePlaced(ctx context.Context, r aurora.OutboundCall) {
	err := s.retrySave(ctx, 3, func(ctx context.Context) error {
		if err := s.claimSID(ctx, r.SID, r.ID); err != nil {
			return err
		}
		_, err := s.updateRecord(ctx, r.ID, func(now *aurora.OutboundCall) bool { return setPlaced(now, r.SID) })
		return err
	})
	if err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.ErrorContext(ctx, "a call was placed and its record was not stored", "event", "outbound.save_failed", "record", r, "error", err)
		return
	}
	s.removePending(ctx, r)
}

// claimSID makes a sid lead to a record.
func (s *Service) claimSID(ctx context.Context, sid, recordID string) error {
	owner, err := s.Ledger.ClaimSID(ctx, sid, recordID)
	if err != nil {
		return fmt.Errorf("claim sid %s: %w", sid, err)
	}
	if owner != recordID {
		slog.ErrorContext(ctx, "another record has this call's sid", "event", "outbound.sid_conflict", "sid", sid, "record", recordID, "owner", owner)
	}
	return nil
}

// markUnknown stores that the result of a call is not known, and returns the record as it is then: a callback may have
// made the call placed before.
func (s *Service) markUnknown(ctx context.Context, r aurora.OutboundCall) (now aurora.OutboundCall) {
	err := s.retrySave(ctx, 3, func(ctx context.Context) (err error) {
		now, err = s.updateRecord(ctx, r.ID, setUnknown)
		return err
	})
	if err != nil { // the record is in progress until its deadline, and unknown from then on
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.ErrorContext(ctx, "the unknown state of a call was not stored", "event", "outbound.save_failed", "record", r, "error", err)
	}
	return now
}

// markNotPlaced stores why a call was not placed and releases the attempt's key. If only one of the two writes succeeds,
// the key is free all the same: a rejected record holds no key, and a released key leads to no record.
func (s *Service) markNotPlaced(ctx context.Context, a *attempt, code string) {
	tries := 3
	if code == codeStoreUnavailable {
		tries = 1 // the store is probably still unavailable, and the caller waits
	}
	err := s.retrySave(ctx, tries, func(ctx context.Context) error {
		_, err := s.updateRecord(ctx, a.record.ID, func(now *aurora.OutboundCall) bool {
			if now.State == aurora.OutboundPlaced || now.State == aurora.OutboundRejected {
				return false
			}
			now.State, now.Code = aurora.OutboundRejected, code // also if another request made it unknown after the deadline
			return true
		})
		if err == nil && a.claimed {
			err = s.Ledger.ReleaseKey(ctx, a.claim.Key, a.record.ID)
		}
		return err
	})
	if err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "the rejection of a call was not stored", "event", "outbound.save_failed", "record", a.record, "error", err)
	}
}

// removePending takes a call off the list of pending calls. A call that stays there costs a look-up later, no more.
func (s *Service) removePending(ctx context.Context, r aurora.OutboundCall) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := s.Ledger.RemovePending(ctx, r.To, r.ID); err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "a call stays on the list of pending calls", "event", "outbound.pending_not_removed", "record", r, "error", err)
	}
}

// retrySave runs a write up to a number of times, also after the caller has disconnected.
func (s *Service) retrySave(ctx context.Context, tries int, save func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := save(ctx)
		if err == nil || try >= tries || !s.sleep(ctx, 100*time.Millisecond) {
			return err
		}
	}
}

const maxUpdateAttempts = 20 // an attempt fails only because another writer succeeded

// updateRecord changes the stored record with an optimistic lock and returns the record as it is then. change reports
// whether there is something to write; it may run several times. An id that has no record is a fault.NotFound.
func (s *Service) updateRecord(ctx context.Context, idOrSID string, change func(*aurora.OutboundCall) bool) (aurora.OutboundCall, error) {
	for range maxUpdateAttempts {
		r, ok, err := s.Ledger.Record(ctx, idOrSID)
		if err != nil {
			return r, fmt.Errorf("read record %s: %w", idOrSID, err)
		}
		if !ok {
			return r, fault.New(fault.NotFound, "There is no such call.").WithCode("call_not_found")
		}
		before := r
		if !change(&r) {
			return before, nil
		}
		r.Revision++
		done, err := s.Ledger.UpdateRecord(ctx, r)
		if err != nil {
			return before, fmt.Errorf("write record %s: %w", idOrSID, err)
		}
		if done {
			return r, nil
		}
	}
	return aurora.OutboundCall{}, fmt.Errorf("record %s was not written in %d attempts", idOrSID, maxUpdateAttempts)
}

// sleep waits for d and reports whether ctx lasted that long.
func (s *Service) sleep(ctx context.Context, d time.Duration) bool {
	if s.sleepFunc != nil {
		return s.sleepFunc(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
