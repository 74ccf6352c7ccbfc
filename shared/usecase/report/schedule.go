package report

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/safego"
)

const (
	// reportHour is the hour, where the assistant is, in which its reports are made.
	reportHour       = 8
	maxParallelSends = 8 // jobs on their way to the queue at once
)

// Scheduler queues the reports of many assistants, a job each.
type Scheduler struct {
	// Assistants are those that get reports: what can be read of them, and the errors of what cannot.
	Assistants interface {
		Internal(ctx context.Context) (all []aurora.Assistant, wrong []error, err error)
		Scheduled(ctx context.Context) (all []aurora.Assistant, wrong []error, err error)
	}
	Queue interface {
		Send(ctx context.Context, body string, attributes map[string]string) error
	}
	Count func(ctx context.Context, metric string)
	Now   func() time.Time
}

// QueueInternal queues a report for every internal assistant, until the end of the hour that is running where it is, and
// says how many. An assistant that cannot be read is logged and counted, and the others are queued; an error means that
// not all of these were, and that the whole may be tried again.
func (s *Scheduler) QueueInternal(ctx context.Context, period aurora.Period) (int, error) {
	all, wrong, err := s.Assistants.Internal(ctx)
	if err != nil {
		return 0, err
	}
	s.reportUnreadable(ctx, wrong)
	now := s.Now()
	return s.queueJobs(ctx, all, func(a aurora.Assistant) aurora.ReportJob {
		return aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: aurora.EndOfHour(now.In(a.Location()))}
	})
}

// QueueScheduled queues the reports that are due in the hour of at: of the internal assistants and of those that ask for
// reports, each where 08:00 is past and 09:00 is not, on a Monday or on the 1st, until its last midnight. With all it
// queues everybody's, whatever the time. Its jobs are the same however often it is asked with one at, and when. Its
// errors are Internal's.
func (s *Scheduler) QueueScheduled(ctx context.Context, period aurora.Period, at time.Time, all bool) (int, error) {
	assistants, wrong, err := s.Assistants.Internal(ctx)
	if err != nil {
		return 0, err
	}
	others, more, err := s.Assistants.Scheduled(ctx)
	if err != nil {
		return 0, err
	}
	s.reportUnreadable(ctx, append(wrong, more...))
	assistants = append(assistants, others...)
	slices.SortStableFunc(assistants, func(a, b aurora.Assistant) int { return cmp.Compare(a.ID(), b.ID()) })
	assistants = slices.CompactFunc(assistants, func(a, b aurora.Assistant) bool { return a.ID() == b.ID() })
	if !all {
		assistants = slices.DeleteFunc(assistants, func(a aurora.Assistant) bool { return !isDue(period, at.In(a.Location())) })
	}
	return s.queueJobs(ctx, assistants, func(a aurora.Assistant) aurora.ReportJob {
		return aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: aurora.StartOfDay(at.In(a.Location()))}
	})
}

// isDue reports whether a period's report is made in the hour of at, by the clock of at's zone.
func isDue(period aurora.Period, at time.Time) bool {
	if at.Hour() != reportHour {
		return false
	}
	if period == aurora.Weekly {
		return at.Weekday() == time.Monday
	}
	return at.Day() == 1
}

// reportUnreadable says which assistants get no report, each once.
func (s *Scheduler) reportUnreadable(ctx context.Context, wrong []error) {
	said := map[string]bool{}
	for _, err := range wrong {
		if said[err.Error()] {
			continue
		}
		said[err.Error()] = true
		slog.ErrorContext(ctx, "an assistant cannot be read and gets no report", "error", err)
		s.Count(ctx, "ReportFailed")
	}
}

// queueJobs sends a job for each assistant, several at once, and says how many the queue took.
func (s *Scheduler) queueJobs(ctx context.Context, assistants []aurora.Assistant, job func(aurora.Assistant) aurora.ReportJob) (int, error) {
	failed := safego.Each(ctx, len(assistants), maxParallelSends, func(i int) error { return Enqueue(ctx, s.Queue, job(assistants[i])) })
	queued := 0
	for i, err := range failed {
		if err == nil {
			queued++
		} else {
			failed[i] = fmt.Errorf("queue the report of %s: %w", assistants[i].ID(), err)
			s.Count(ctx, "ReportFailed")
		}
	}
	if err := errors.Join(failed...); err != nil {
		return queued, fault.Newf(fault.Unavailable, "%d of %d reports could not be queued now.", len(failed)-queued, len(failed)).
			WithCode("queue_unavailable").WithRetryAfter(5 * time.Second).Because(err)
	}
	return queued, nil
}

// Enqueue sends one job.
func Enqueue(ctx context.Context, queue interface {
	Send(ctx context.Context, body string, attributes map[string]string) error
}, job aurora.ReportJob) error {
	b, err := json.Marshal(job)
	if err != nil {
		return err
	}
	return queue.Send(ctx, string(b), nil)
}
