package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/usecase/report"
)

// fakeAssistants has an internal assistant in New York, one in Auckland with scheduled reports, and one in Kathmandu that is
// both.
type fakeAssistants struct{}

func assistantIn(id, zone string) aurora.Assistant {
	return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: aurora.Text(id), TimeZone: aurora.Text(zone)}}
}

func (fakeAssistants) Internal(context.Context) ([]aurora.Assistant, []error, error) {
	return []aurora.Assistant{assistantIn("avery", "Asia/Kathmandu"), assistantIn("riley", "America/New_York")}, []error{errors.New("poison")}, nil
}

func (fakeAssistants) Scheduled(context.Context) ([]aurora.Assistant, []error, error) {
	return []aurora.Assistant{assistantIn("avery", "Asia/Kathmandu"), assistantIn("sam", "Pacific/Auckland")}, nil, nil
}

type fakeQueue chan string

func (q fakeQueue) Send(_ context.Context, body string, _ map[string]string) error {
	q <- body
	return nil
}

// sorted returns the queued jobs in order of their text: several are sent at the same time.
func (q fakeQueue) sorted() []json.RawMessage {
	close(q)
	var jobs []json.RawMessage
	for job := range q {
		jobs = append(jobs, json.RawMessage(job))
	}
	slices.SortFunc(jobs, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return jobs
}

func TestCases(t *testing.T) {
	eventtest.Run(t, "report-schedule", func(t *testing.T, _ *eventcase.Case, raw json.RawMessage) eventtest.Observed {
		queue := make(fakeQueue, 10)
		handle := serve(&report.Scheduler{Assistants: fakeAssistants{}, Queue: queue, Now: eventtest.ReportTime,
			Count: func(context.Context, string) {}}, eventtest.ReportTime)
		var e event
		if err := json.Unmarshal(raw, &e); err != nil { // Lambda does this before it calls the handler
			return eventtest.Observed{Effects: map[string]any{"failure": err.Error()}}
		}
		answer, err := handle(t.Context(), e)
		if err != nil {
			return eventtest.Observed{Effects: map[string]any{"failure": err.Error(), "jobs": queue.sorted()}}
		}
		return eventtest.Observed{Effects: map[string]any{"answer": answer, "jobs": queue.sorted()}}
	})
}
