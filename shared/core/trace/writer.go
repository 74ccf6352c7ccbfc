package trace

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"time"

	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
)

// Store stores records.
type Store interface {
	Write(ctx context.Context, records []Record) error
}

// Writer writes records to the store. It is safe for concurrent use. A nil Writer writes nothing.
type Writer struct {
	Store Store
	// Sample is the share of calls whose records are stored, in per cent. A call is stored whole or not at all, except that records
	// of a problem are always stored.
	Sample int

	mu      sync.Mutex
	waiting []Record
}

const (
	writeTimeout = 300 * time.Millisecond
	maxWaiting   = 5 // records of one write
)

// metricNotWritten counts records that were not stored.
const metricNotWritten = "TraceNotWritten"

// write stores a record, and those that were not stored yet. Without wait the caller's answer does not wait for it: on Lambda the
// process may be frozen before the write ends, and it then ends with the next request of the process.
func (w *Writer) write(ctx context.Context, r Record, wait bool) {
	if w == nil || w.Store == nil || len(r.Calls) == 0 || !w.isSampled(&r) {
		return
	}
	w.mu.Lock()
	w.waiting = append(w.waiting, r)
	w.mu.Unlock()
	ctx = context.WithoutCancel(ctx) // the turn's time may be over
	if wait {
		w.flush(ctx)
		return
	}
	safego.Go(ctx, func() { w.flush(ctx) }, nil)
}

// isSampled reports whether a record is stored.
func (w *Writer) isSampled(r *Record) bool {
	if w.Sample >= 100 || r.HasProblem() {
		return true
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.Calls[0].s)) // a hash accepts every write
	return int(h.Sum32()%100) < w.Sample
}

// flush stores what waits, at most five records.
func (w *Writer) flush(ctx context.Context) {
	w.mu.Lock()
	n := min(len(w.waiting), maxWaiting)
	records := w.waiting[:n:n]
	w.waiting = w.waiting[n:]
	w.mu.Unlock()
	if n == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	if err := w.Store.Write(ctx, records); err != nil {
		metric.CountFailure(ctx, metricNotWritten, err)
		slog.WarnContext(ctx, "records of turns or messages not stored; the log has them", "event", "trace.write_failed", "records", n, "error", err)
	}
}
