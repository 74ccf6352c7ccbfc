package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/report"
)

const (
	backfillTimeout = 10 * time.Minute // without a new report
	backfillPoll    = time.Second
)

// backfill makes the reports of a range of dates that do not exist yet, through the worker and without mails.
func (p *program) backfill(ctx context.Context) error {
	f := p.flags("backfill")
	name := f.String("period", "", "weekly or monthly")
	from := f.String("from", "", "the first day on which a window may end, such as 2026-01-01")
	to := f.String("to", "", "the last such day")
	id := f.String("assistant", "", "an assistant's id; empty for all assistants that get reports")
	timeout := f.Duration("timeout", backfillTimeout, "how long to wait for a new report")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	period, err := aurora.ParsePeriod(*name)
	first, wrongFrom := time.Parse(time.DateOnly, *from)
	last, wrongTo := time.Parse(time.DateOnly, *to)
	if err = cmp.Or(err, wrongFrom, wrongTo); err != nil || last.Before(first) {
		return errors.New("PERIOD must be weekly or monthly, and FROM a date that is not after TO: make backfill PERIOD=weekly FROM=2026-01-01 TO=2026-11-23 [ASSISTANT=<id>] [STAGE=prod]")
	}
	r, err := p.openReportCommand(ctx, *stage)
	if err != nil {
		return err
	}
	assistants, err := r.assistantsFor(ctx, *id)
	if err != nil {
		return err
	}
	b := &backfillRun{reportCommand: r, period: period, timeout: *timeout, pending: map[string]aurora.ReportJob{}}
	for _, a := range assistants {
		for _, until := range windowEnds(period, first, last, a.Location(), time.Now()) {
			b.pending[aurora.ReportPrefix(a.ID(), period.WindowUntil(until, a.Location()))] =
				aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: until, Quiet: true}
		}
	}
	return b.run(ctx)
}

// assistantsFor returns the assistant with this id, or all that get reports if id is empty.
func (r *reportCommand) assistantsFor(ctx context.Context, id string) ([]aurora.Assistant, error) {
	if id != "" {
		a, err := r.assistants.ByID(ctx, id)
		return []aurora.Assistant{a}, err
	}
	internal, unreadable, err := r.assistants.Internal(ctx)
	if err != nil {
		return nil, err
	}
	scheduled, more, err := r.assistants.Scheduled(ctx)
	if err != nil {
		return nil, err
	}
	for _, err := range append(unreadable, more...) {
		r.printLine("left out, because it cannot be read: %v", err)
	}
	all := append(internal, scheduled...)
	slices.SortStableFunc(all, func(a, b aurora.Assistant) int { return cmp.Compare(a.ID(), b.ID()) })
	return slices.CompactFunc(all, func(a, b aurora.Assistant) bool { return a.ID() == b.ID() }), nil
}

// windowEnds returns the ends of the windows that the schedule would have reported from the first to the last day: the
// midnights at the beginning of a Monday or a 1st in the assistant's time zone. Ends in the future are left out.
func windowEnds(period aurora.Period, first, last time.Time, zone *time.Location, now time.Time) []time.Time {
	var all []time.Time
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		if period == aurora.Weekly && day.Weekday() != time.Monday || period == aurora.Monthly && day.Day() != 1 {
			continue
		}
		until, err := aurora.ParseUntil(day.Format(time.DateOnly), now, zone)
		if err == nil && !until.After(now) && until.Format(time.DateOnly) == day.Format(time.DateOnly) { // false for a day that the time zone skipped
			all = append(all, until)
		}
	}
	return all
}

// backfillRun is one run of the backfill command.
type backfillRun struct {
	*reportCommand
	period  aurora.Period
	timeout time.Duration
	pending map[string]aurora.ReportJob // by the prefix of the report's keys
	bar     *progressbar.ProgressBar
}

func (b *backfillRun) run(ctx context.Context) error {
	asked := len(b.pending)
	existing, err := b.takeFinished(ctx)
	if err != nil {
		return err
	}
	left := len(b.pending)
	b.printLine("%d reports: %d exist, %d are to be made", asked, existing, left)
	b.bar = newProgressBar(b.out, left, "reporting")
	for _, job := range b.pending {
		if err := report.Enqueue(ctx, b.queue, job); err != nil {
			return fmt.Errorf("queue the report on %s until %s: %w", job.AssistantID, job.Until.Format(time.DateOnly), err)
		}
	}
	for last := time.Now(); len(b.pending) > 0; {
		if !sleep(ctx, backfillPoll) {
			return fmt.Errorf("stopped with %d reports still to be made; run the command again to resume: %w", len(b.pending), context.Cause(ctx))
		}
		came, err := b.takeFinished(ctx)
		if err != nil {
			return err
		}
		if came > 0 {
			last = time.Now()
			if b.bar != nil {
				_ = b.bar.Add(came)
			}
		}
		if time.Since(last) > b.timeout {
			break
		}
	}
	if b.bar != nil {
		_ = b.bar.Exit()
		b.printLine("")
	}
	b.printLine("%d reports made, %d existed before, %d missing", left-len(b.pending), existing, len(b.pending))
	return b.missingError()
}

// takeFinished removes the reports that are complete from the pending ones, and returns how many these were.
func (b *backfillRun) takeFinished(ctx context.Context) (n int, err error) {
	folders := map[string]bool{} // one list request finds all reports of one assistant and period
	for prefix := range b.pending {
		folders[path.Dir(strings.TrimSuffix(prefix, "/"))+"/"] = true
	}
	for folder := range folders {
		for key, err := range b.objects.List(ctx, folder, "") {
			if err != nil {
				return n, err
			}
			prefix, complete := strings.CutSuffix(key, aurora.ReportJSONName)
			if _, ok := b.pending[prefix]; complete && ok {
				delete(b.pending, prefix)
				n++
			}
		}
	}
	return n, nil
}

// missingError returns an error that names the reports that were not made, or nil.
func (b *backfillRun) missingError() error {
	if len(b.pending) == 0 {
		return nil
	}
	var failed []error
	for prefix, job := range b.pending {
		failed = append(failed, fmt.Errorf("%s until %s was not made (%s)", job.AssistantID, job.Until.Format(time.RFC3339), prefix))
	}
	slices.SortFunc(failed, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(append(failed, errors.New("look into the log of report-worker, then run the command again to resume"))...)
}
