package trace

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/aurora/shared/core/logfields"
)

// Recorder collects the record of one turn or message. It is safe for concurrent use, and its methods do nothing on nil.
type Recorder struct {
	mu     sync.Mutex
	record Record
	now    func() time.Time
	writer *Writer
	number int64 // of the record in this process
}

type contextKey struct{}

// begun counts the records that the process has begun. The first one is of a cold start.
var begun atomic.Int64

// New returns a context with a recorder that has not begun, in which code that is called later can find it.
func New(ctx context.Context) (context.Context, *Recorder) {
	r := &Recorder{}
	return context.WithValue(ctx, contextKey{}, r), r
}

// From returns the recorder of a context, or nil.
func From(ctx context.Context) *Recorder {
	r, _ := ctx.Value(contextKey{}).(*Recorder)
	return r
}

// Begin starts the record of a request that arrived at a time. writer may be nil.
func (r *Recorder) Begin(kind string, at time.Time, now func() time.Time, writer *Writer) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now, r.writer = now, writer
	r.record = Record{Kind: kind, At: at.UTC()}
	r.number = begun.Add(1)
	r.record.ColdStart = r.number == 1
	switch kind {
	case KindTurn:
		r.record.Turn = &Turn{}
	case KindMessage:
		r.record.Message = &Message{}
	}
}

// sinceBegin returns the milliseconds since the beginning. r.mu must be held.
func (r *Recorder) sinceBegin() int64 { return max(0, r.now().Sub(r.record.At).Milliseconds()) }

// change changes the record of a recorder that has begun.
func (r *Recorder) change(f func(record *Record)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.now != nil {
		f(&r.record)
	}
}

// ReadAssistant records from where the assistant was read, and how long it took. Only the first assistant of a turn counts: the one
// that was called.
func ReadAssistant(ctx context.Context, source string, took time.Duration) {
	From(ctx).change(func(record *Record) {
		if record.AssistantSource.IsZero() {
			record.AssistantSource, record.AssistantMs = NewName(source), took.Milliseconds()
		}
	})
}

// Failed records an error that is answered in another way than by a status of its own.
func Failed(ctx context.Context, err error) {
	From(ctx).change(func(record *Record) { record.Code = CodeOf(err) })
}

// RanTool records a call of a tool that has ended now.
func RanTool(ctx context.Context, name string, ms int64, code string) {
	r := From(ctx)
	r.change(func(record *Record) {
		record.Tools = append(record.Tools, Tool{AtMs: max(0, r.sinceBegin()-ms), Name: NewName(name), Ms: ms, Code: NewName(code)})
	})
}

// HandedOff records that another agent takes over.
func HandedOff(ctx context.Context, to string) {
	r := From(ctx)
	r.change(func(record *Record) {
		if record.Turn != nil {
			record.Turn.Handoffs = append(record.Turn.Handoffs, Handoff{AtMs: r.sinceBegin(), To: NewName(to)})
		}
	})
}

// ModelCall is a request to a model that is recorded. Its methods do nothing on nil.
type ModelCall struct {
	r  *Recorder
	at int // index in the record
}

// AskModel records that a model is asked now. host is the address of its server. It returns nil without the recorder of a turn.
func AskModel(ctx context.Context, name, host string) (c *ModelCall) {
	r := From(ctx)
	r.change(func(record *Record) {
		if record.Turn != nil {
			c = &ModelCall{r, len(record.Turn.Models)}
			record.Turn.Models = append(record.Turn.Models, Model{AtMs: r.sinceBegin(), Name: NewName(name), Host: NewName(host), Outcome: NewName("unfinished")})
		}
	})
	return c
}

// FirstChunk records that the first part of the answer has come.
func (c *ModelCall) FirstChunk() {
	if c == nil {
		return
	}
	c.r.change(func(record *Record) {
		if m := &record.Turn.Models[c.at]; m.FirstChunk == nil {
			seconds := float64(c.r.sinceBegin()-m.AtMs) / 1000
			m.FirstChunk = &seconds
		}
	})
}

// End records how the request ended.
func (c *ModelCall) End(outcome string, err error) {
	if c == nil {
		return
	}
	c.r.change(func(record *Record) {
		m := &record.Turn.Models[c.at]
		m.Ms, m.Outcome, m.Code = c.r.sinceBegin()-m.AtMs, NewName(outcome), CodeOf(err)
	})
}

// Sent records that the first bytes of the answer were sent. Later calls change nothing.
func (r *Recorder) Sent() {
	r.change(func(record *Record) {
		if record.Turn != nil && record.Turn.FirstByteMs == nil {
			ms := r.sinceBegin()
			record.Turn.FirstByteMs = &ms
		}
	})
}

// SentFiller records that a filler was sent.
func (r *Recorder) SentFiller() {
	r.change(func(record *Record) {
		if record.Turn != nil {
			ms := r.sinceBegin()
			record.Turn.FillerMs = &ms
		}
	})
	r.Sent()
}

// Finish completes the record, with the ids that the context's log lines have, and hands it to the writer. It returns the record for
// the log, and false if the recorder has not begun or has finished before. wait says that the record must be written before Finish
// returns; otherwise an answer is still to be sent.
func (r *Recorder) Finish(ctx context.Context, wait bool, complete func(*Record)) (record Record, ok bool) {
	r.change(func(current *Record) {
		current.Ms = r.sinceBegin()
		addFields(ctx, current)
		current.ID = NewKey(fmt.Sprint(current.Kind, current.At.UnixNano(), r.number, current.Calls, current.RequestID))
		complete(current)
		record, ok = *current, true
		r.now = nil // what comes late is not recorded any more
	})
	if ok {
		r.writer.write(ctx, record, wait)
	}
	return record, ok
}

// addFields adds the ids of the request.
func addFields(ctx context.Context, record *Record) {
	for _, a := range logfields.Attrs(ctx) {
		value := a.Value.String()
		switch a.Key {
		case logfields.CallID:
			record.addCall(value, true)
		case logfields.CallSID, logfields.RecordID:
			record.addCall(value, false)
		case logfields.OtherIDs:
			for id := range strings.FieldsSeq(value) {
				record.addCall(id, false)
			}
		case logfields.GatewayRequestID:
			record.RequestID = NewName(value)
		case logfields.AssistantID:
			record.Assistant = NewName(value)
		case logfields.AssistantVersion:
			record.Version = NewName(value)
		}
	}
}

// addCall adds an id of the call, once.
func (r *Record) addCall(id string, first bool) {
	key := NewKey(id)
	for _, known := range r.Calls {
		if known == key {
			return
		}
	}
	if r.Calls = append(r.Calls, key); first {
		r.Calls[0], r.Calls[len(r.Calls)-1] = key, r.Calls[0]
	}
}
