package timeline

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
)

// Records reads the records of turns and messages.
type Records interface {
	// Traces returns the records under one id of a call, without those that have expired.
	Traces(ctx context.Context, call trace.Key, now time.Time) ([]trace.Record, error)
}

// Aliases reads the ledger's records of calls' ids.
type Aliases interface {
	Alias(ctx context.Context, name string) (a aurora.CallAlias, ok bool, err error)
}

// Rows reads the rows of calls.
type Rows interface {
	Row(ctx context.Context, key aurora.CallKey) (c aurora.Call, ok bool, err error)
}

// OutboundCalls reads the records of outbound calls by their own id or by Twilio's.
type OutboundCalls interface {
	Record(ctx context.Context, idOrSID string) (r aurora.OutboundCall, ok bool, err error)
}

// Service finds the timelines of calls. All fields are needed.
type Service struct {
	Records  Records
	Aliases  Aliases
	Rows     Rows
	Outbound OutboundCalls
	Now      func() time.Time
}

// Timeline is what happened in a call.
type Timeline struct {
	CallID      string  `json:"callId"`      // as it was asked for
	AssistantID string  `json:"assistantId"` // empty if it is not known
	Verdict     Verdict `json:"verdict"`
	Steps       []Step  `json:"steps"`
	// Records are the whole records that the steps come from.
	Records []trace.Record `json:"records"`
}

const (
	maxIDs   = 10 // of one call
	maxDepth = 50 // of a tree of ids
)

var errNotFound = fault.New(fault.NotFound, "There is no such call.").WithCode("call_not_found")

// Find returns the timeline of the call that an id leads to. mayRead says which assistants' calls are shown. The error is
// fault.NotFound if nothing is known of such a call.
func (s *Service) Find(ctx context.Context, id string, mayRead func(assistantID string) bool) (Timeline, error) {
	f := finding{Service: s, mayRead: mayRead, seen: map[trace.Key]bool{}}
	if err := f.follow(ctx, id); err != nil {
		return Timeline{}, err
	}
	records, assistantID := f.visible()
	if len(records) == 0 && f.row == nil && f.outbound == nil {
		return Timeline{}, errNotFound
	}
	slices.SortStableFunc(records, func(a, b trace.Record) int { return a.At.Compare(b.At) })
	t := Timeline{CallID: id, AssistantID: assistantID, Verdict: Judge(records), Records: append([]trace.Record{}, records...), Steps: []Step{}}
	if f.outbound != nil {
		if v := notPlaced(*f.outbound); v != nil && len(records) == 0 {
			t.Verdict = *v
		}
		t.Steps = append(t.Steps, outboundSteps(*f.outbound)...)
	}
	for i := range records {
		t.Steps = append(t.Steps, Steps(&records[i])...)
	}
	if f.row != nil {
		t.Steps = append(t.Steps, rowSteps(*f.row)...)
	}
	slices.SortStableFunc(t.Steps, func(a, b Step) int { return a.At.Compare(b.At) })
	return t, nil
}

// finding is the state of one search.
type finding struct {
	*Service
	mayRead  func(string) bool
	seen     map[trace.Key]bool
	records  []trace.Record
	row      *aurora.Call
	outbound *aurora.OutboundCall
}

// follow reads everything that an id leads to.
func (f *finding) follow(ctx context.Context, id string) error {
	ids := []string{id}
	record, ok, err := f.Outbound.Record(ctx, id)
	if err != nil {
		return err
	}
	if ok && f.mayRead(record.AssistantID) {
		f.outbound = &record
		ids = append(ids, record.ID, record.SID)
	}
	for _, name := range slices.Clone(ids) {
		more, err := f.readRow(ctx, name)
		if err != nil {
			return err
		}
		ids = append(ids, more...)
	}
	var keys []trace.Key
	for _, name := range ids {
		keys = append(keys, trace.NewKey(name))
	}
	for i := 0; i < len(keys) && len(f.seen) < maxIDs; i++ {
		if keys[i].IsZero() || f.seen[keys[i]] {
			continue
		}
		f.seen[keys[i]] = true
		records, err := f.Records.Traces(ctx, keys[i], f.Now())
		if err != nil {
			return err
		}
		for _, r := range records {
			keys = append(keys, r.Calls...)
		}
		f.records = append(f.records, records...)
	}
	return nil
}

// readRow reads the row of the call with an id, and returns further ids of the call.
func (f *finding) readRow(ctx context.Context, id string) (more []string, err error) {
	if id == "" || f.row != nil {
		return nil, nil
	}
	name := aurora.SafeKey(id)
	for range maxDepth {
		alias, ok, err := f.Aliases.Alias(ctx, name)
		if err != nil || !ok {
			return more, err
		}
		more = append(more, alias.Name)
		if alias.Parent != "" {
			name = alias.Parent
			continue
		}
		for _, key := range slices.Backward(alias.RowKeys) {
			row, ok, err := f.Rows.Row(ctx, key)
			if err != nil {
				return more, err
			}
			if ok && f.mayRead(strings.TrimPrefix(row.AssistantID, aurora.NoAssistant)) {
				f.row = &row
				return append(more, row.ID), nil
			}
		}
		return more, nil
	}
	return more, nil
}

// visible returns the records that may be shown, and the assistant whose call it is.
func (f *finding) visible() (records []trace.Record, assistantID string) {
	hidden := false
	for _, r := range f.records {
		if name := r.Assistant.String(); name != "" {
			hidden = hidden || !f.mayRead(name)
			if f.mayRead(name) {
				assistantID = cmp.Or(assistantID, name)
			}
		}
	}
	if f.outbound != nil {
		assistantID = cmp.Or(f.outbound.AssistantID, assistantID)
	}
	if f.row != nil && f.row.AssistantID != aurora.NoAssistant {
		assistantID = f.row.AssistantID
	}
	for _, r := range f.records {
		name := r.Assistant.String()
		if name == "" && (f.mayRead("") || assistantID != "" && !hidden) || name != "" && f.mayRead(name) && (assistantID == "" || name == assistantID) {
			records = append(records, r)
		}
	}
	return records, assistantID
}
