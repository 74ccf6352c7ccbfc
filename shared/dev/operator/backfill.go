package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/report"
)

const (
	backfillTimeout = 10 * time.Minute // without one more report
	backfillPoll    = time.Second
)

// backfill has the worker make the reports of a range of dates that are not there yet, and mails nobody.
func (p *program) backfill(ctx context.Context) error {
	f := p.flags("backfill")
	name := f.String("period", "", "weekly or monthly")
	from := f.String("from", "", "the first day on which a window may end, such as 2026-01-01")
	to := f.String("to", "", "the last one")
	id := f.String("assistant", "", "an assistant's id; everybody who gets reports where empty")
	patience := f.Duration("patience", backfillTimeout, "how long to wait for one more report")
	stage := f.String("stage", "", "a deployed stage; the local stack where empty")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	period, err := aurora.ParsePeriod(*name)
	first, wrongFrom := time.Parse(time.DateOnly, *from)
	last, wrongTo := time.Parse(time.DateOnly, *to)
	if err = cmp.Or(err, wrongFrom, wrongTo); err != nil || last.Before(first) {
		return errors.New("PERIOD must be weekly or monthly, and FROM a date that is not after TO: make backfill PERIOD=weekly FROM=2026-01-01 TO=2026-11-23 [ASSISTANT=<id>] [STAGE=prod]")
	}
	r, err := p.newReportCommand(ctx, *stage)
	if err != nil {
		return err
	}
	assistants, err := r.assistantsFor(ctx, *id)
	if err != nil {
		return err
	}
	b := &backfillRun{reportCommand: r, period: period, timeout: *patience, pending: map[string]aurora.ReportJob{}}
	for _, a := range assistants {
		for _, until := range windowEnds(period, first, last, a.Location(), time.Now()) {
			b.pending[aurora.ReportPrefix(a.ID(), period.WindowUntil(until, a.Location()))] =
				aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: until, Quiet: true}
		}
	}
	return b.run(ctx)
}

// assistantsFor are the assistants that a backfill is for.
func (r *reportCommand) assistantsFor(ctx context.Context, id string) ([]aurora.Assistant, error) {
	if id != "" {
		a, err := r.assistants.ByID(ctx, id)
		return []aurora.Assistant{a}, err
	}
	internal, wrong, err := r.assistants.Internal(ctx)
	if err != nil {
		return nil, err
	}
	scheduled, more, err := r.assistants.Scheduled(ctx)
	if err != nil {
		return nil, err
	}
	for _, err := range append(wrong, more...) {
		r.printLine("left out: %v", err)
	}
	all := append(internal, scheduled...)
	slices.SortStableFunc(all, func(a, b aurora.Assistant) int { return cmp.Compare(a.ID(), b.ID()) })
	return slices.CompactFunc(all, func(a, b aurora.Assistant) bool { return a.ID() == b.ID() }), nil
}

// windowEnds are the ends of the windows that the schedule would have made: the midnights in which a Monday or a 1st begins
// where the assistant is, from the first day to the last one, and none that is still to come.
func windowEnds(period aurora.Period, first, last time.Time, zone *time.Location, now time.Time) []time.Time {
	var all []time.Time
	for day := first; !day.After(last); day = day.AddDate(0, 0, 1) {
		if period == aurora.Weekly && day.Weekday() != time.Monday || period == aurora.Monthly && day.Day() != 1 {
			continue
		}
		until, err := aurora.ParseUntil(day.Format(time.DateOnly), now, zone)
		if err == nil && !until.After(now) && until.Format(time.DateOnly) == day.Format(time.DateOnly) { // a day that a zone skipped is none
			all = append(all, until)
		}
	}
	return all
}

// backfillRun is one run of backfill.
type backfillRun struct {
	*reportCommand
	period  aurora.Period
	timeout time.Duration
	pending map[string]aurora.ReportJob // by their place
	bar     *progressbar.ProgressBar
}

func (b *backfillRun) run(ctx context.Context) error {
	asked := len(b.pending)
	there, err := b.takeFinished(ctx)
	if err != nil {
		return err
	}
	left := len(b.pending)
	b.printLine("%d reports; %d are there, %d are to be made", asked, there, left)
	b.startBar(left)
	for _, job := range b.pending {
		if err := report.Enqueue(ctx, b.queue, job); err != nil {
			return fmt.Errorf("queue the report on %s until %s: %w", job.AssistantID, job.Until.Format(time.DateOnly), err)
		}
	}
	for last := time.Now(); len(b.pending) > 0; {
		if !sleep(ctx, backfillPoll) {
			return fmt.Errorf("%d reports were not waited for; the same command goes on: %w", len(b.pending), context.Cause(ctx))
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
	b.printLine("%d reports made, %d were there, %d did not come", left-len(b.pending), there, len(b.pending))
	return b.missingError()
}

// takeFinished takes the reports that are whole off the list, and says how many they were.
func (b *backfillRun) takeFinished(ctx context.Context) (n int, err error) {
	prefixes := map[string]bool{}
	for place := range b.pending {
		prefixes[path.Dir(strings.TrimSuffix(place, "/"))+"/"] = true
	}
	for prefix := range prefixes {
		for key, err := range b.objects.List(ctx, prefix, "") {
			if err != nil {
				return n, err
			}
			place, whole := strings.CutSuffix(key, aurora.ReportJSONName)
			if _, waited := b.pending[place]; whole && waited {
				delete(b.pending, place)
				n++
			}
		}
	}
	return n, nil
}

// missingError names what did not come.
func (b *backfillRun) missingError() error {
	if len(b.pending) == 0 {
		return nil
	}
	var failed []error
	for place, job := range b.pending {
		failed = append(failed, fmt.Errorf("%s until %s did not come (%s)", job.AssistantID, job.Until.Format(time.RFC3339), place))
	}
	slices.SortFunc(failed, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(append(failed, errors.New("the worker's log says why; the same command goes on where this one ended"))...)
}

// startBar draws a bar where somebody is looking.
func (b *backfillRun) startBar(total int) {
	f, ok := b.out.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return
	}
	b.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(f), progressbar.OptionShowCount(), progressbar.OptionSetDescription("reporting"),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond))
}
