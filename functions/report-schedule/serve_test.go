package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/usecase/report"
)

// fakeAssistants has an internal assistant in New York, one with a report schedule in Auckland, and one in Kathmandu that is
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

// outcome is what an event led to.
type outcome struct {
	Answer result   `json:"answer"`
	Error  string   `json:"error,omitempty"`
	Queued []string `json:"queued"`
}

func TestEvents(t *testing.T) {
	now := func() time.Time { return time.Date(2026, 11, 18, 15, 20, 0, 0, time.UTC) }
	golden.Events(t, "report-schedule", func(t *testing.T, name string, raw json.RawMessage) {
		q := make(fakeQueue, 10)
		handle := serve(&report.Scheduler{Assistants: fakeAssistants{}, Queue: q, Now: now, Count: func(context.Context, string) {}}, now)
		var e event
		got := outcome{Queued: []string{}}
		err := json.Unmarshal(raw, &e) // as Lambda does before it calls the handler
		if err == nil {
			got.Answer, err = handle(t.Context(), e)
		}
		if err != nil {
			got.Error = fmt.Sprint(err)
		}
		close(q)
		for job := range q {
			got.Queued = append(got.Queued, job)
		}
		slices.Sort(got.Queued)
		golden.JSON(t, name, got)
	})
}
