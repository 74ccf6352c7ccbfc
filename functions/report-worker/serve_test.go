package main

import (
	"encoding/json"
	"testing"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
)

func TestCases(t *testing.T) {
	testkit.DiscardLog(t)
	eventtest.Run(t, "report-worker", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		var given struct {
			Unavailable string `yaml:"unavailable"` // calls
		}
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		reports := eventtest.NewReports()
		reports.CallsUnavailable = given.Unavailable == "calls"
		failed := eventtest.Consume(t, sqs.Consume(serve(reports, reports.Count)), event)
		return eventtest.Observed{Effects: map[string]any{"failed": failed, "objects": reports.Objects(), "effects": reports.Effects}}
	})
}
