package outbound

import (
	"context"
	"log/slog"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Callback is what the provider says of a call.
type Callback struct {
	Record     string // its id; empty where the address names none
	SID        string
	Status     aurora.CallStatus // empty where it only says who answered
	AnsweredBy string
	At         time.Time // zero where it does not say
	Seconds    *float64
}

// Progress is a record after a callback.
type Progress struct {
	Record aurora.OutboundCall
	// Names and Call are what the calls' index is to be told, once the call is over: Call's version is smaller than any
	// report's, so that a call that reached the assistant is described by its report. Without Names there is nothing.
	Names []string
	Call  aurora.Call
}

// ParseCallback reads the form that the provider posts to the address with ?record=…
func ParseCallback(record string, form url.Values) (Callback, error) {
	cb := Callback{Record: record, SID: form.Get("CallSid"), Status: aurora.CallStatus(form.Get("CallStatus")), AnsweredBy: form.Get("AnsweredBy")}
	switch {
	case record != "" && !aurora.IsSafeID(record):
		return cb, fault.New(fault.Invalid, "record must name a call's record.").WithParam("record")
	case !aurora.IsCallSID(cb.SID):
		return cb, fault.New(fault.Invalid, "CallSid must be a call's sid.").WithParam("CallSid")
	case len(cb.AnsweredBy) > 40:
		cb.AnsweredBy = ""
	}
	if cb.Status.Rank() < 0 {
		cb.Status = "" // a status that is new to us says nothing
	}
	if at, err := time.Parse(time.RFC1123Z, form.Get("Timestamp")); err == nil {
		cb.At = at.UTC()
	}
	if seconds, err := strconv.ParseFloat(form.Get("CallDuration"), 64); err == nil && seconds >= 0 && seconds < 1e6 {
		cb.Seconds = &seconds
	}
	return cb, nil
}

// Status moves a record on. Callbacks come in any order and more than once; a record never goes back. The first final
// status counts. A call whose record nobody has is a fault.NotFound.
func (s *Service) Status(ctx context.Context, cb Callback) (Progress, error) {
	id := cb.Record
	if id == "" {
		id = cb.SID
	}
	if cb.At.IsZero() {
		cb.At = s.Now()
	}
	stranger := false
	r, err := s.updateRecord(ctx, id, func(r *aurora.OutboundCall) bool {
		if stranger = r.SID != "" && r.SID != cb.SID; stranger {
			return false
		}
		news := setPlaced(r, cb.SID)
		return applyCallback(r, cb) || news
	})
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return Progress{}, err
		}
		return Progress{}, errUnavailable("The call's record cannot be written now.", err)
	}
	if stranger {
		slog.WarnContext(ctx, "a callback names another call than its record has", "record", r, "sid", cb.SID)
		return Progress{Record: r}, nil
	}
	if err := s.claimSID(ctx, cb.SID, r.ID); err != nil {
		return Progress{}, errUnavailable("The call's record cannot be written now.", err)
	}
	s.removePending(ctx, r)
	return newProgress(r), nil
}

// applyCallback takes a callback into a record and reports whether it changed anything.
func applyCallback(r *aurora.OutboundCall, cb Callback) (news bool) {
	if rank := cb.Status.Rank(); rank > r.Status.Rank() {
		r.Status, news = cb.Status, true
		if cb.Status.IsFinal() && !cb.At.IsZero() {
			r.EndedAt = cb.At
		}
	}
	if cb.Status == aurora.CallInProgress && r.AnsweredAt.IsZero() && !cb.At.IsZero() {
		r.AnsweredAt, news = cb.At, true
	}
	if cb.AnsweredBy != "" && r.AnsweredBy == "" {
		r.AnsweredBy, news = cb.AnsweredBy, true
	}
	if cb.Seconds != nil && r.Seconds == nil {
		r.Seconds, news = cb.Seconds, true
	}
	return news
}

// newProgress is what the calls' index is told of a record.
func newProgress(r aurora.OutboundCall) Progress {
	p := Progress{Record: r}
	if !r.Status.IsFinal() {
		return p
	}
	began := r.CreatedAt
	if !r.AnsweredAt.IsZero() {
		began = r.AnsweredAt
	}
	p.Names = []string{aurora.SafeKey(r.SID)}
	p.Call = aurora.Call{
		CallKey: aurora.CallKey{AssistantID: aurora.AssistantKey(r.AssistantID), Day: began.UTC().Format(time.DateOnly)},
		ID:      r.SID, StartedAt: began, EndedAt: r.EndedAt, Seconds: r.Seconds, EndedReason: string(r.Status), Disposition: dispositionOf(r),
		Direction: aurora.DirectionOutbound, Customer: r.To, CustomerName: r.Name,
		Version: aurora.NewVersion(time.Time{}, time.UnixMilli(int64(r.Revision)), r.ID),
	}
	return p
}

// dispositionOf returns the disposition of a call that is over. A completed call that a machine answered is a voicemail.
func dispositionOf(r aurora.OutboundCall) aurora.Disposition {
	const spoke = true // the provider completes answered calls only
	d := aurora.Classify(string(r.Status), spoke)
	if d == aurora.DispositionAnswered && strings.HasPrefix(r.AnsweredBy, "machine") {
		return aurora.DispositionVoicemail
	}
	return d
}
