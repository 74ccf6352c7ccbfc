package outbound

import (
	"context"
	"log/slog"
	"net/url"
	"strconv"
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
	Record aurora.OutboundRecord
	// Names and Call are what the calls' index is to be told, once the call is over: Call's version is smaller than any
	// report's, so that a call that reached the assistant is described by its report. Without Names there is nothing.
	Names []string
	Call  aurora.Call
}

// ReadCallback reads the form that the provider posts to the address with ?record=…
func ReadCallback(record string, form url.Values) (Callback, error) {
	cb := Callback{Record: record, SID: form.Get("CallSid"), Status: aurora.CallStatus(form.Get("CallStatus")), AnsweredBy: form.Get("AnsweredBy")}
	switch {
	case record != "" && !aurora.SafeID(record):
		return cb, fault.New(fault.Invalid, "record must name a call's record.").In("record")
	case !aurora.CallSID(cb.SID):
		return cb, fault.New(fault.Invalid, "CallSid must be a call's sid.").In("CallSid")
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
	r, err := s.change(ctx, id, func(r *aurora.OutboundRecord) bool {
		if stranger = r.SID != "" && r.SID != cb.SID; stranger {
			return false
		}
		news := settle(r, cb.SID)
		return advance(r, cb) || news
	})
	if err != nil {
		if fault.Is(err, fault.NotFound) {
			return Progress{}, err
		}
		return Progress{}, unavailable("The call's record cannot be written now.", err)
	}
	if stranger {
		slog.WarnContext(ctx, "a callback names another call than its record has", "record", r, "sid", cb.SID)
		return Progress{Record: r}, nil
	}
	if err := s.nameCall(ctx, cb.SID, r.ID); err != nil {
		return Progress{}, unavailable("The call's record cannot be written now.", err)
	}
	s.closed(ctx, r)
	return progress(r), nil
}

// advance takes a callback into a record and reports whether it changed anything.
func advance(r *aurora.OutboundRecord, cb Callback) (news bool) {
	if rank := cb.Status.Rank(); rank > r.Status.Rank() {
		r.Status, news = cb.Status, true
		if cb.Status.Final() && !cb.At.IsZero() {
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

// progress is what the calls' index is told of a record.
func progress(r aurora.OutboundRecord) Progress {
	p := Progress{Record: r}
	if !r.Status.Final() {
		return p
	}
	began := r.Created
	if !r.AnsweredAt.IsZero() {
		began = r.AnsweredAt
	}
	p.Names = []string{aurora.SafeName(r.SID)}
	p.Call = aurora.Call{
		Place: aurora.Place{AssistantID: aurora.AssistantName(r.AssistantID), Day: began.UTC().Format(time.DateOnly)},
		ID:    r.SID, StartedAt: began, EndedAt: r.EndedAt, Seconds: r.Seconds, EndedReason: string(r.Status), Class: class(r),
		Direction: aurora.Outbound, Customer: r.To, Name: r.Name,
		Version: aurora.Version(time.Time{}, time.UnixMilli(int64(r.Revision)), r.ID),
	}
	return p
}

// class is what became of a call that is over.
func class(r aurora.OutboundRecord) aurora.Class {
	switch r.Status {
	case aurora.CallBusy:
		return aurora.Busy
	case aurora.CallNoAnswer, aurora.CallCanceled:
		return aurora.NoAnswer
	case aurora.CallFailed:
		return aurora.Failed
	}
	if len(r.AnsweredBy) >= 7 && r.AnsweredBy[:7] == "machine" {
		return aurora.Voicemail
	}
	return aurora.Answered
}
