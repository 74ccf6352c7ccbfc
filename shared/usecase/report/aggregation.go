package report

import (
	"context"
	"fmt"
	"iter"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/safego"
)

// Calls are the rows that reports are counted from.
type Calls interface {
	// Day yields the rows of one assistant and day (UTC) in batches, without their summaries and extracted data.
	Day(ctx context.Context, assistantID, day string) iter.Seq2[[]aurora.Call, error]
	// Row returns a row with all its fields. ok is false if there is none.
	Row(ctx context.Context, at aurora.CallKey) (c aurora.Call, ok bool, err error)
}

const (
	parallelDays = 8 // days that are read at the same time
	batchesAhead = 2 // batches of one day that may wait to be counted
)

// aggregation counts the rows of three windows in one pass: the reported window, the previous one for comparison, and the
// one before that, which tells who of the previous window's callers had called earlier.
type aggregation struct {
	window, previous, before     aurora.Window
	reportedTally, previousTally *tally
	callers                      *callers
	attention                    ranking
	sample                       sample
	onCall                       func(c *aurora.Call) // called for every call of the reported window; may be nil
}

func newAggregation(w aurora.Window) *aggregation {
	a := &aggregation{window: w, previous: w.Previous(), callers: newCallers()}
	a.before = a.previous.Previous()
	a.reportedTally, a.previousTally = newTally(a.window), newTally(a.previous)
	return a
}

// partitionDays returns the days (UTC) whose partitions may hold a call of one of the windows. A row's day is fixed when the
// row is first written, by what was known then. So one more day is read on each side, and each call is counted by the time
// when it really ended.
func (a *aggregation) partitionDays() []string {
	var days []string
	year, month, day := a.before.From.UTC().Date()
	last := a.window.Until.UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	for day--; len(days) == 0 || days[len(days)-1] < last; day++ {
		days = append(days, time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	return days
}

// add counts one row.
func (a *aggregation) add(c *aurora.Call) {
	when := c.CountedAt()
	switch {
	case a.window.Contains(when):
		a.reportedTally.add(c)
		a.callers.add(callerOf(c), inReported)
		a.attention.add(c)
		a.sample.add(c)
		if a.onCall != nil {
			a.onCall(c)
		}
	case a.previous.Contains(when):
		a.previousTally.add(c)
		a.callers.add(callerOf(c), inPrevious)
	case a.before.Contains(when):
		a.callers.add(callerOf(c), inBefore)
	}
}

// callerOf returns the number by which callers are told apart, in its one spelling; empty for a number that is withheld.
func callerOf(c *aurora.Call) aurora.Phone {
	if c.IsWithheld() {
		return ""
	}
	if p, ok := aurora.ParsePhone(string(c.Customer)); ok {
		return p
	}
	return c.Customer
}

// run reads and counts all rows, day by day.
func (a *aggregation) run(ctx context.Context, calls Calls, assistantID string) error {
	for rows, err := range readInOrder(ctx, calls, assistantID, a.partitionDays()) {
		if err != nil {
			return err
		}
		for i := range rows {
			a.add(&rows[i])
		}
	}
	return nil
}

// figures returns the figures of the reported and of the previous window.
func (a *aggregation) figures() (reported, previous aurora.Figures) {
	return a.reportedTally.figures(a.callers.figures(inReported, inPrevious)), a.previousTally.figures(a.callers.figures(inPrevious, inBefore))
}

type batch struct {
	calls []aurora.Call
	err   error
}

// readInOrder reads several days at the same time and yields their rows in the order of the days.
func readInOrder(ctx context.Context, calls Calls, assistantID string, days []string) iter.Seq2[[]aurora.Call, error] {
	return func(yield func([]aurora.Call, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		batches := make([]chan batch, len(days))
		start := func(i int) {
			if i < len(days) {
				batches[i] = make(chan batch, batchesAhead)
				safego.Go(ctx, func() { readDay(ctx, calls, assistantID, days[i], batches[i]) }, nil)
			}
		}
		for i := range parallelDays {
			start(i)
		}
		for i := range days {
			for b := range batches[i] {
				if b.err != nil {
					yield(nil, fmt.Errorf("read the calls of %s: %w", days[i], b.err))
					return
				}
				if !yield(b.calls, nil) {
					return
				}
			}
			start(i + parallelDays)
		}
		if err := ctx.Err(); err != nil { // readDay does not report it
			yield(nil, err)
		}
	}
}

// readDay sends the batches of one day, and the first error, until ctx ends.
func readDay(ctx context.Context, calls Calls, assistantID, day string, to chan<- batch) {
	defer close(to)
	send := func(b batch) bool {
		select {
		case to <- b:
			return true
		case <-ctx.Done():
			return false
		}
	}
	err := safego.Call(func() error {
		for calls, err := range calls.Day(ctx, assistantID, day) {
			if err != nil {
				return err
			}
			if !send(batch{calls: calls}) {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		safego.LogPanic(ctx, err)
		send(batch{err: err})
	}
}
