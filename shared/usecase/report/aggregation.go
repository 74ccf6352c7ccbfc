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
	// Day gives the rows of an assistant's day (UTC) in batches, without their summaries and extracted data.
	Day(ctx context.Context, assistantID, day string) iter.Seq2[[]aurora.Call, error]
	// Row is a whole row; it is not ok where there is none.
	Row(ctx context.Context, at aurora.CallKey) (c aurora.Call, ok bool, err error)
}

const (
	parallelDays = 8 // days that are read at once
	batchesAhead = 2 // batches of a day that wait to be counted
)

// aggregation is one walk over the rows: of the window reported, of the one before for comparison, and of the one before that
// for who came back then.
type aggregation struct {
	window, previous, before     aurora.Window
	reportedTally, previousTally *tally
	callers                      *callers
	attention                    ranking
	sample                       sample
	onCall                       func(c *aurora.Call) // is given every call of the window reported; may be nil
}

func newAggregation(w aurora.Window) *aggregation {
	p := &aggregation{window: w, previous: w.Previous(), callers: newCallers()}
	p.before = p.previous.Previous()
	p.reportedTally, p.previousTally = newTally(p.window), newTally(p.previous)
	return p
}

// partitionDays are those whose partitions may hold a call of any of the windows. A row's day is fixed when it is first written,
// by what was known then, so a day more is read on each side, and each call is placed by its true end.
func (p *aggregation) partitionDays() []string {
	var days []string
	year, month, day := p.before.From.UTC().Date()
	last := p.window.Until.UTC().AddDate(0, 0, 1).Format(time.DateOnly)
	for day--; len(days) == 0 || days[len(days)-1] < last; day++ {
		days = append(days, time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	return days
}

// add counts one row.
func (p *aggregation) add(c *aurora.Call) {
	when := c.CountedAt()
	switch {
	case p.window.Contains(when):
		p.reportedTally.add(c)
		p.callers.add(c.Customer, inReported)
		p.attention.add(c)
		p.sample.add(c)
		if p.onCall != nil {
			p.onCall(c)
		}
	case p.previous.Contains(when):
		p.previousTally.add(c)
		p.callers.add(c.Customer, inPrevious)
	case p.before.Contains(when):
		p.callers.add(c.Customer, inBefore)
	}
}

// run walks over all rows, the days in order.
func (p *aggregation) run(ctx context.Context, calls Calls, assistantID string) error {
	for batch, err := range readInOrder(ctx, calls, assistantID, p.partitionDays()) {
		if err != nil {
			return err
		}
		for i := range batch {
			p.add(&batch[i])
		}
	}
	return nil
}

// figures are what the walk has counted of the window and of the one before.
func (p *aggregation) figures() (reported, previous aurora.Figures) {
	return p.reportedTally.figures(p.callers.figures(inReported, inPrevious)), p.previousTally.figures(p.callers.figures(inPrevious, inBefore))
}

type batch struct {
	calls []aurora.Call
	err   error
}

// readInOrder reads several days at once and gives their rows in the order of the days.
func readInOrder(ctx context.Context, calls Calls, assistantID string, days []string) iter.Seq2[[]aurora.Call, error] {
	return func(yield func([]aurora.Call, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		reading := make([]chan batch, len(days))
		begin := func(i int) {
			if i < len(days) {
				reading[i] = make(chan batch, batchesAhead)
				safego.Go(ctx, func() { readDay(ctx, calls, assistantID, days[i], reading[i]) }, nil)
			}
		}
		for i := range parallelDays {
			begin(i)
		}
		for i := range days {
			for b := range reading[i] {
				if b.err != nil {
					yield(nil, fmt.Errorf("read the calls of %s: %w", days[i], b.err))
					return
				}
				if !yield(b.calls, nil) {
					return
				}
			}
			begin(i + parallelDays)
		}
		if err := ctx.Err(); err != nil { // a day that ended early for it said nothing
			yield(nil, err)
		}
	}
}

// readDay passes on a day's rows until nobody wants them any more.
func readDay(ctx context.Context, calls Calls, assistantID, day string, to chan<- batch) {
	defer close(to)
	pass := func(b batch) bool {
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
			if !pass(batch{calls: calls}) {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		safego.LogPanic(ctx, err)
		pass(batch{err: err})
	}
}
