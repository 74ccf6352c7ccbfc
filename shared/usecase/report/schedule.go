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
	// reportHour is the hour in the time zone of the assistant in which its reports are made.
	reportHour       = 8
	maxParallelSends = 8 // jobs that are sent to the queue at the same time
)

// Scheduler queues the reports of many assistants, one job for each.
type Scheduler struct {
	// Assistants lists the assistants that get reports. unreadable has an error for each one that cannot be read.
	Assistants interface {
		Internal(ctx context.Context) (all []aurora.Assistant, unreadable []error, err error)
		Scheduled(ctx context.Context) (all []aurora.Assistant, unreadable []error, err error)
	}
	Queue interface {
		Send(ctx context.Context, body string, attributes map[string]string) error
	}
	Count func(ctx context.Context, metric string)
	Now   func() time.Time
}

// QueueInternal queues a report for every internal assistant and returns how many it queued. Each report covers the time
// until the end of the current hour in the assistant's time zone. An assistant that cannot be read is logged and counted in a
// metric, and the others are queued. An error means that some of these were not queued; all may be queued again.
func (s *Scheduler) QueueInternal(ctx context.Context, period aurora.Period) (int, error) {
	all, unreadable, err := s.Assistants.Internal(ctx)
	if err != nil {
		return 0, err
	}
	s.reportUnreadable(ctx, unreadable)
	now := s.Now()
	return s.queueJobs(ctx, all, func(a aurora.Assistant) aurora.ReportJob {
		return aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: aurora.EndOfHour(now.In(a.Location()))}
	})
}

// QueueScheduled queues the reports that are due at a time: those of the internal assistants and of the assistants with a
// report schedule whose clocks show 08:00 to 08:59 then, on a Monday (weekly) or on the 1st (monthly). Each report covers the
// time until the assistant's last midnight. With all it queues the reports of all these assistants, whatever their time. The
// jobs depend on at alone, so that a repeated or late call queues the same jobs. Errors are as those of QueueInternal.
func (s *Scheduler) QueueScheduled(ctx context.Context, period aurora.Period, at time.Time, all bool) (int, error) {
	assistants, unreadable, err := s.Assistants.Internal(ctx)
	if err != nil {
		return 0, err
	}
	others, more, err := s.Assistants.Scheduled(ctx)
	if err != nil {
		return 0, err
	}
	s.reportUnreadable(ctx, append(unreadable, more...))
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

// isDue reports whether the report of a period is made in the hour of at, in the time zone of at.
func isDue(period aurora.Period, at time.Time) bool {
	if at.Hour() != reportHour {
		return false
	}
	if period == aurora.Weekly {
		return at.Weekday() == time.Monday
	}
	return at.Day() == 1
}

// reportUnreadable logs and counts the assistants that get no report, each error once.
func (s *Scheduler) reportUnreadable(ctx context.Context, unreadable []error) {
	seen := map[string]bool{}
	for _, err := range unreadable {
		if seen[err.Error()] {
			continue
		}
		seen[err.Error()] = true
		slog.ErrorContext(ctx, "report not queued: the assistant cannot be read", "event", "report.assistant_unreadable", "error", err)
		s.Count(ctx, "ReportFailed")
	}
}

// queueJobs sends one job for each assistant, several at the same time, and returns how many were sent.
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

// Enqueue sends one job to the queue.
func Enqueue(ctx context.Context, queue interface {
	Send(ctx context.Context, body string, attributes map[string]string) error
}, job aurora.ReportJob) error {
	b, err := json.Marshal(job)
	if err != nil {
		return err
	}
	return queue.Send(ctx, string(b), nil)
}
