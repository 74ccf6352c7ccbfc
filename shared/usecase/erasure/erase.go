package erasure

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/trace"
)

// maxSearches ends a run in which every search finds something: a call is going on, or a store brings data back.
const maxSearches = 6

// Erase removes the data of a number. The receipt is valid also with an error: it says what was done so far. After an error,
// or if the process ends, the same call goes on where it stopped.
func (s *Service) Erase(ctx context.Context, number aurora.Phone) (Receipt, error) {
	return s.run(ctx, number, false)
}

// Preview says what Erase would do, and changes nothing. SQS counts one more receive of each message that waits.
func (s *Service) Preview(ctx context.Context, number aurora.Phone) (Receipt, error) {
	return s.run(ctx, number, true)
}

func (s *Service) run(ctx context.Context, number aurora.Phone, dryRun bool) (r Receipt, err error) {
	r = newReceipt(number, s.Now())
	r.DryRun = dryRun
	defer func() { r.Ended = s.Now().UTC().Truncate(time.Second) }()
	e := &eraser{search: s.newSearch(number), dryRun: dryRun, folders: map[string]int{}}
	if err := e.checkOwn(ctx); err != nil {
		return r, err
	}
	for r.Searches < maxSearches {
		r.Searches++
		counts, err := e.pass(ctx, r.Searches == 1)
		r.Counts.add(counts)
		if err != nil {
			return r, err
		}
		if dryRun {
			return r, nil
		}
		if !counts.found() {
			err = e.finish(ctx)
			r.Complete = err == nil
			return r, err
		}
	}
	return r, fault.New(fault.Unavailable, "Data of the number is still being written. Run the command again when no call with it is going on.")
}

// eraser is one run.
type eraser struct {
	*search
	dryRun  bool
	folders map[string]int // how often a report was to be made again, by the prefix of its objects
	counts  Counts
}

// do runs a change unless nothing is to be changed. A conflict is no error: the next search finds the data again.
func (e *eraser) do(change func() error) error {
	if e.dryRun {
		return nil
	}
	if err := change(); !fault.Is(err, fault.Conflict) {
		return err
	}
	return nil
}

// pass is one search, with all that follows from it. What leads to the rest is remembered first, and reports are made again
// after the rows are gone.
func (e *eraser) pass(ctx context.Context, first bool) (Counts, error) {
	e.counts = Counts{}
	if err := e.find(ctx); err != nil {
		return e.counts, err
	}
	if first { // a message that is received too often moves to the dead-letter queue, so it is received once in a run
		if err := e.sweepQueues(ctx); err != nil {
			return e.counts, err
		}
	}
	if err := e.do(func() error { return e.mark(ctx) }); err != nil {
		return e.counts, err
	}
	e.counts.Calls = len(e.calls.assistants)
	affected := map[string][]aurora.ObjectVersion{}
	for _, step := range []func(context.Context) error{
		func(ctx context.Context) error { return e.eraseObjects(ctx, affected) }, e.eraseLedger, e.eraseRows, e.eraseTraces,
		func(ctx context.Context) error { return e.remakeReports(ctx, affected) },
	} {
		if err := step(ctx); err != nil {
			return e.counts, err
		}
	}
	return e.counts, nil
}

// eraseObjects removes the person's objects and replaces the number in others. It collects the versions of the reports that
// name the person, by the prefix of the report's objects.
func (e *eraser) eraseObjects(ctx context.Context, affected map[string][]aurora.ObjectVersion) error {
	var batch []func() error
	flush := func() error {
		err := errors.Join(safego.Each(ctx, len(batch), maxParallel, func(i int) error { return e.do(batch[i]) })...)
		batch = batch[:0]
		return err
	}
	folders := map[string][]aurora.ObjectVersion{}
	touched := map[string]bool{}
	for v, err := range e.Bucket.Versions(ctx, "") {
		if err != nil {
			return err
		}
		held := e.read[e.versionHash(v)]
		if strings.HasPrefix(v.Key, aurora.ReportsPrefix) {
			folder := reportFolder(v.Key)
			folders[folder] = append(folders[folder], v)
			touched[folder] = touched[folder] || held != clean || e.ownsKey(v.Key)
			continue
		}
		switch {
		case held == theirs || e.ownsKey(v.Key):
			e.countObject(v.Key)
			batch = append(batch, func() error { return e.Writer.RemoveVersion(ctx, v) })
		case held == mention:
			e.counts.NumbersReplaced++
			batch = append(batch, func() error { return e.replaceObject(ctx, v) })
		}
		if len(batch) == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	for folder, versions := range folders {
		if touched[folder] {
			affected[folder] = versions
		}
	}
	return flush()
}

func (e *eraser) countObject(key string) {
	switch {
	case strings.HasPrefix(key, aurora.AnalysisPrefix):
		e.counts.Analyses++
	case strings.HasPrefix(key, aurora.UnrecognisedPrefix):
		e.counts.Unrecognised++
	default:
		e.counts.CallReports++
	}
}

// replaceObject writes an object without the number, and removes the version that had it.
func (e *eraser) replaceObject(ctx context.Context, v aurora.ObjectVersion) error {
	if v.Current {
		body, err := e.Bucket.ReadVersion(ctx, v)
		if err != nil {
			return err
		}
		if err := e.Writer.Replace(ctx, v, e.number.removeFromBody(body)); err != nil {
			return err
		}
	}
	return e.Writer.RemoveVersion(ctx, v)
}

// eraseTraces removes what was recorded of the calls. Records of another assistant's call with the same id go too: the log has the
// same records.
func (e *eraser) eraseTraces(ctx context.Context) error {
	for _, name := range slices.Sorted(maps.Keys(e.calls.assistants)) {
		n, err := e.Traces.EraseTraces(ctx, trace.NewKey(name), e.dryRun)
		e.counts.Traces += n
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) eraseLedger(ctx context.Context) error {
	for item, err := range e.Ledger.All(ctx) {
		if err != nil {
			return err
		}
		key := item.Text("key")
		if number, listed := strings.CutPrefix(key, doNotCallPrefix); listed && e.number.is(number) {
			e.counts.DoNotCallEntries++
		}
		switch e.itemVerdict(item) {
		case theirs:
			if strings.HasPrefix(key, outboundPrefix) && item["to"] != nil {
				e.counts.OutboundRecords++
			} else {
				e.counts.OtherLedgerItems++
			}
			err = e.do(func() error { return e.Ledger.Remove(ctx, item) })
		case mention:
			e.counts.NumbersReplaced++
			err = e.do(func() error { return e.Ledger.Set(ctx, item, e.cleanedFields(item)) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (e *eraser) eraseRows(ctx context.Context) error {
	for item, err := range e.Calls.All(ctx) {
		if err != nil {
			return err
		}
		switch e.rowVerdict(item) {
		case theirs:
			e.counts.Rows++
			err = e.do(func() error { return e.Calls.Remove(ctx, item) })
		case mention:
			e.counts.NumbersReplaced++
			err = e.do(func() error { return e.Calls.Set(ctx, item, e.cleanedFields(item)) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepQueues removes the queued messages of the person, and replaces the number in those of others.
func (e *eraser) sweepQueues(ctx context.Context) error {
	for _, q := range e.Queues {
		e.progress("messages of the queue "+q.Name, 0)
		inFlight, err := q.Queue.Sweep(ctx, func(_ context.Context, m aurora.QueuedMessage) (v aurora.MessageVerdict, err error) {
			held, body := e.messageVerdict(m)
			switch held {
			case clean:
				return v, nil
			case theirs:
				e.counts.QueuedMessages++
			case mention:
				e.counts.NumbersReplaced++
				v.Replace = string(e.number.removeFromBody(body))
				if _, packed, err := e.Packing.Unpack(m); packed && err == nil {
					v.Replace = e.Packing.Pack([]byte(v.Replace))
				}
			}
			v.Remove = !e.dryRun
			return v, nil
		})
		n, _ := strconv.Atoi(inFlight) // "" if the queue does not say it
		e.counts.MessagesInFlight += n
		if err != nil {
			return fmt.Errorf("queue %s: %w", q.Name, err)
		}
	}
	return nil
}
