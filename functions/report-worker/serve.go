package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/usecase/report"
)

// maker makes one report.
type maker interface {
	Make(ctx context.Context, job aurora.ReportJob) (report.Result, error)
}

// serve returns the handler of one job. An error makes SQS deliver the job again; mails that were sent are not sent again.
// A job for an unknown assistant is not tried again, since that would fail in the same way. Every failure is counted.
func serve(m maker, count func(ctx context.Context, metric string)) func(context.Context, sqs.Message) error {
	return func(ctx context.Context, message sqs.Message) error {
		job, err := parseJob(message.Body)
		if err != nil {
			count(ctx, "ReportFailed")
			return err
		}
		logfields.Set(ctx, logfields.AssistantID, job.AssistantID)
		made, err := m.Make(ctx, job)
		for _, warning := range made.Warnings {
			slog.WarnContext(ctx, "report made with a warning", "event", "report.warned", "assistantId", job.AssistantID, "period", string(job.Period), "warning", warning)
		}
		if err == nil {
			return nil
		}
		count(ctx, "ReportFailed")
		if fault.Is(err, fault.NotFound) {
			slog.ErrorContext(ctx, "report not made: there is no such assistant", "event", "report.assistant_missing", "assistantId", job.AssistantID, "error", err)
			return nil
		}
		return fmt.Errorf("report on %s: %w", job.AssistantID, err)
	}
}

// parseJob decodes and checks a job.
func parseJob(body string) (job aurora.ReportJob, err error) {
	if err := json.Unmarshal([]byte(body), &job); err != nil {
		return job, fmt.Errorf("read job: %w", err)
	}
	if _, err := aurora.ParsePeriod(string(job.Period)); err != nil {
		return job, fmt.Errorf("read job: %w", err)
	}
	if job.AssistantID == "" {
		return job, errors.New("read job: assistantId is missing")
	}
	if job.Until.Before(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) {
		return job, errors.New("read job: until is missing")
	}
	return job, nil
}
