package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// scheduler queues the reports that are due at a time, or those of all assistants.
type scheduler interface {
	QueueScheduled(ctx context.Context, period aurora.Period, at time.Time, all bool) (int, error)
}

// event is what the schedules of template.yaml send, and operators who want all reports now.
type event struct {
	Period string `json:"period"`
	// At is the time for which the event was scheduled, as RFC 3339; empty stands for now.
	At string `json:"at"`
	// All queues the reports of every assistant, whatever its local time.
	All bool `json:"all"`
}

// result says how many reports were queued.
type result struct {
	Queued int `json:"queued"`
}

// serve returns the handler of an event. After an error Lambda tries again, and at last moves the event to the dead-letter
// queue.
func serve(s scheduler, now func() time.Time) func(context.Context, event) (result, error) {
	return func(ctx context.Context, e event) (result, error) {
		period, err := aurora.ParsePeriod(e.Period)
		if err != nil {
			return result{}, err
		}
		at := now()
		if e.At != "" {
			if at, err = time.Parse(time.RFC3339, e.At); err != nil {
				return result{}, fmt.Errorf("read the scheduled time: %w", err)
			}
		}
		queued, err := s.QueueScheduled(ctx, period, at, e.All)
		slog.InfoContext(ctx, "reports queued", "event", "reports.queued", "period", string(period), "at", at.UTC().Format(time.RFC3339), "reports", queued)
		return result{queued}, err
	}
}
