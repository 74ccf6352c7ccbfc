package outbound

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
)

// Callback is what the provider reports of a call.
type Callback struct {
	RecordID   string // empty if the callback's address names none
	SID        string
	Status     aurora.CallStatus // empty if the callback reports only who answered
	AnsweredBy string            // "human", "machine_start", …; empty if not known
	At         time.Time         // zero if the callback has no time
	Seconds    *float64          // of talk
}

// CallIndex stores a row for each call that is over. names are the ids by which reports may name the call.
type CallIndex interface {
	Upsert(ctx context.Context, names []string, c aurora.Call) (aurora.Call, error)
}

// HandleCallback stores what a callback reports, and the row of a call that is over. Callbacks come in any order and more
// than once: a record never goes back to an earlier status, and the first final status counts. A call without a record
// is a fault.NotFound.
func (s *Service) HandleCallback(ctx context.Context, cb Callback) error {
	id := cb.RecordID
	if id == "" {
		id = cb.SID
	}
	if cb.At.IsZero() {
		cb.At = s.Now()
	}
	otherCall := false
	r, err := s.updateRecord(ctx, id, func(r *aurora.OutboundCall) bool {
		if otherCall = r.SID != "" && r.SID != cb.SID; otherCall {
			return false
		}
		changed := setPlaced(r, cb.SID)
		return applyCallback(r, cb) || changed
	})
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return err
		}
		return errUnavailable("The call's record cannot be stored now.", err)
	}
	aurora.LogOutboundCall(ctx, r)
	slog.InfoContext(ctx, "status of a call received", "event", "outbound.status_received", "status", string(cb.Status), "answeredBy", cb.AnsweredBy, "recordStatus", string(r.Status))
	if otherCall {
		slog.WarnContext(ctx, "a callback names another call than its record", "event", "outbound.callback_mismatch", "record", r, "sid", cb.SID)
		return nil
	}
	if err := s.claimSID(ctx, cb.SID, r.ID); err != nil {
		return errUnavailable("The call's record cannot be stored now.", err)
	}
	s.removePending(ctx, r)
	if r.Status.IsFinal() && s.Index != nil {
		if _, err := s.Index.Upsert(ctx, []string{aurora.SafeKey(r.SID)}, newRow(r)); err != nil {
			return fault.New(fault.Unavailable, "The call cannot be indexed now.").Because(err)
		}
	}
	if r.VoiceMode == aurora.VoiceModeRelay && s.RelayCalls != nil {
		return s.RelayCalls.report(ctx, cb)
	}
	return nil
}

// applyCallback takes a callback into a record and reports whether it changed the record.
func applyCallback(r *aurora.OutboundCall, cb Callback) (changed bool) {
	if cb.Status.Rank() > r.Status.Rank() {
		r.Status, changed = cb.Status, true
		if cb.Status.IsFinal() && !cb.At.IsZero() {
			r.EndedAt = cb.At
		}
		if cb.Status.IsFinal() && !r.Storage.IsEverything() { // only the assistant on the call needed them
			r.Name, r.Email, r.Info = "", "", ""
		}
	}
	if cb.Status == aurora.CallInProgress && r.AnsweredAt.IsZero() && !cb.At.IsZero() {
		r.AnsweredAt, changed = cb.At, true
	}
	if cb.AnsweredBy != "" && cb.AnsweredBy != r.AnsweredBy && (r.AnsweredBy == "" || r.AnsweredBy == "unknown") {
		r.AnsweredBy, changed = cb.AnsweredBy, true
	}
	if cb.Seconds != nil && r.Seconds == nil {
		r.Seconds, changed = cb.Seconds, true
	}
	return changed
}

// newRow returns the row of a call that is over. Its version is smaller than that of any report: what the report of a call
// that reached the assistant says counts before it.
func newRow(r aurora.OutboundCall) aurora.Call {
	startedAt := r.CreatedAt
	if !r.AnsweredAt.IsZero() {
		startedAt = r.AnsweredAt
	}
	row := aurora.Call{
		CallKey: aurora.CallKey{AssistantID: aurora.AssistantKey(r.AssistantID), Day: startedAt.UTC().Format(time.DateOnly)},
		ID:      r.SID, StartedAt: startedAt, EndedAt: r.EndedAt, Seconds: r.Seconds, EndedReason: string(r.Status), Disposition: dispositionOf(r),
		Direction: aurora.DirectionOutbound, Customer: r.To, CustomerName: r.Name, AnsweredBy: r.AnsweredBy,
		Version: aurora.NewVersion(time.Time{}, time.UnixMilli(int64(r.Revision)), r.ID), RetentionDays: r.RetentionDays,
	}
	if !r.Storage.IsEverything() {
		row.Customer, row.CustomerName = "", ""
	}
	return row
}

// dispositionOf returns the disposition of a call that is over. A completed call that a machine answered is a voicemail.
func dispositionOf(r aurora.OutboundCall) aurora.Disposition {
	d := providermsg.Classify(string(r.Status), providermsg.Evidence{Spoke: true}) // the provider completes answered calls only
	if d == aurora.DispositionAnswered && aurora.IsMachine(r.AnsweredBy) {
		return aurora.DispositionVoicemail
	}
	return d
}
