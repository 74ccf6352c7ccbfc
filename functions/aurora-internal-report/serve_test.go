package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/usecase/report"
)

// fakeAssistants has two internal assistants and one that cannot be read. down makes all of them unreadable.
type fakeAssistants struct{ down bool }

func (f fakeAssistants) Internal(context.Context) ([]aurora.Assistant, []error, error) {
	if f.down {
		return nil, nil, fault.New(fault.Unavailable, "The assistants cannot be read now.").WithCode("store_unavailable").WithRetryAfter(time.Second)
	}
	return []aurora.Assistant{
		{Configuration: aurora.Configuration{AssistantID: "riley", TimeZone: "America/New_York"}},
		{Configuration: aurora.Configuration{AssistantID: "avery", TimeZone: "Asia/Kathmandu"}},
	}, []error{errors.New("poison")}, nil
}

func (fakeAssistants) Scheduled(context.Context) ([]aurora.Assistant, []error, error) {
	panic("the route asks for internal assistants only")
}

// fakeQueue accepts jobs. down makes it unreachable.
type fakeQueue struct {
	down bool
	jobs chan string
}

func (q fakeQueue) Send(_ context.Context, body string, _ map[string]string) error {
	if q.down {
		return errors.New("no route to host")
	}
	q.jobs <- body
	return nil
}

// sorted returns the queued jobs in order of their text: several are sent at the same time.
func (q fakeQueue) sorted() []json.RawMessage {
	close(q.jobs)
	var jobs []json.RawMessage
	for job := range q.jobs {
		jobs = append(jobs, json.RawMessage(job))
	}
	slices.SortFunc(jobs, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	return jobs
}

func TestCases(t *testing.T) {
	eventtest.Run(t, "aurora-internal-report", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		var given struct {
			Unavailable string `yaml:"unavailable"` // assistants or queue
		}
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		queue := fakeQueue{down: given.Unavailable == "queue", jobs: make(chan string, 10)}
		failed := 0
		o := eventtest.Invoke(t, serve(&report.Scheduler{Assistants: fakeAssistants{down: given.Unavailable == "assistants"}, Queue: queue,
			Now: eventtest.ReportTime, Count: func(context.Context, string) { failed++ }}), event)
		o.Effects = map[string]any{"jobs": queue.sorted()}
		if failed > 0 {
			o.Effects["failedReports"] = failed
		}
		return o
	})
}
