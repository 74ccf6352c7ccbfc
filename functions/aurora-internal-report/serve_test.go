package main

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/usecase/report"
)

// fakeAssistants has two internal assistants, and one that cannot be read.
type fakeAssistants struct{ down bool }

func (h fakeAssistants) Internal(context.Context) ([]aurora.Assistant, []error, error) {
	if h.down {
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

// fakeQueue accepts jobs unless it is down.
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

func TestEvents(t *testing.T) {
	in := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	eventtest.Answers(t, "aurora-internal-report", func(t *testing.T, name string, event json.RawMessage) (any, any) {
		q := fakeQueue{strings.HasPrefix(name, "queue-away"), make(chan string, 10)}
		failed := 0
		s := &report.Scheduler{Assistants: fakeAssistants{strings.HasPrefix(name, "store-away")}, Queue: q, Now: func() time.Time { return eventtest.Wednesday },
			Count: func(context.Context, string) { failed++ }}
		answer, err := serve(s).Invoke(in, event)
		if err != nil {
			t.Fatal(err)
		}
		close(q.jobs)
		jobs := []string{}
		for job := range q.jobs {
			jobs = append(jobs, job)
		}
		slices.Sort(jobs)
		return answer, map[string]any{"queued": jobs, "failed": failed}
	})
}
