package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/phonecall"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestCases(t *testing.T) {
	eventtest.Run(t, "voice-worker", func(t *testing.T, _ *eventcase.Case, raw json.RawMessage) eventtest.Observed {
		testkit.DiscardLog(t)
		var batch events.SQSEvent
		if err := json.Unmarshal(raw, &batch); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var done []string
		record := func(_ context.Context, task aurora.PhoneTask) error {
			mu.Lock()
			defer mu.Unlock()
			if strings.HasSuffix(task.CallSID, "bad") {
				return errors.New("the store does not answer")
			}
			done = append(done, fmt.Sprintf("%s %s of generation %d", task.Kind, task.CallSID, task.Generation))
			return nil
		}
		h := handlers{}
		for kind := range newHandlers(&phonecall.Worker{}, nil) {
			h[kind] = record
		}
		again := &resent{}
		response, err := sqs.Consume(serve(h, again))(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(done)
		o := eventtest.Observed{Effects: map[string]any{"effects": done}}
		var failed []int
		for i, m := range batch.Records {
			if slices.ContainsFunc(response.BatchItemFailures, func(f events.SQSBatchItemFailure) bool { return f.ItemIdentifier == m.MessageId }) {
				failed = append(failed, i+1)
			}
		}
		o.Effects["failed"], o.Effects["again"] = failed, again.tasks
		return o
	})
}

// resent records the tasks that are sent again.
type resent struct {
	mu    sync.Mutex
	tasks []string
}

func (r *resent) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tasks = append(r.tasks, fmt.Sprintf("%s after %s, failed %d", task.Kind, delay, task.Failures))
	return nil
}

func TestReadPrice(t *testing.T) {
	for _, c := range []struct {
		value string
		want  *aurora.MicroUSD
		ok    bool
	}{{"", nil, true}, {"0", new(aurora.MicroUSD), true}, {"0.0085", amount(8500), true}, {"cheap", new(aurora.MicroUSD), false}, {"-1", new(aurora.MicroUSD), false}} {
		s := lambdaapp.NewSettings(func(string) (string, bool) { return "", false })
		got := readPrice(s, "VOICE_MINUTE_USD", c.value)
		if (got == nil) != (c.want == nil) || got != nil && *got != *c.want || (s.Err() == nil) != c.ok {
			t.Errorf("%q is %v, %v; want %v, valid %v", c.value, got, s.Err(), c.want, c.ok)
		}
	}
}

func amount(m aurora.MicroUSD) *aurora.MicroUSD { return &m }
