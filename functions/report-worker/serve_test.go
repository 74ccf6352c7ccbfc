package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/testkit"
)

// outcome is what an event led to.
type outcome struct {
	Failed  []string `json:"failed"`
	Objects []string `json:"objects"`
	Did     []string `json:"did"`
}

func TestEvents(t *testing.T) {
	testkit.DiscardLog(t)
	golden.Events(t, "report-worker", func(t *testing.T, name string, event json.RawMessage) {
		office := eventtest.NewOffice(func() time.Time { return eventtest.Wednesday })
		office.Away = strings.HasPrefix(name, "store-away")
		consume := sqs.Consume(serve(office, office.Count))
		var batch events.SQSEvent
		if err := json.Unmarshal(event, &batch); err != nil {
			t.Fatal(err)
		}
		got := outcome{Failed: []string{}}
		for i := range batch.Records { // one at a time, so that the golden file does not depend on the order of goroutines
			response, err := consume(context.Background(), events.SQSEvent{Records: batch.Records[i : i+1]})
			if err != nil {
				t.Fatal(err)
			}
			for _, failure := range response.BatchItemFailures {
				got.Failed = append(got.Failed, failure.ItemIdentifier)
			}
		}
		got.Objects, got.Did = office.Objects(), office.Did
		golden.JSON(t, name, got)
	})
}
