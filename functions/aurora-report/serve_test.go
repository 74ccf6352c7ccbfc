package main

import (
	"encoding/json"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
)

func TestCases(t *testing.T) {
	eventtest.Run(t, "aurora-report", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		var given struct {
			Unavailable string `yaml:"unavailable"` // calls
			Earlier     bool   `yaml:"earlier"`     // the same request was sent before
		}
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		reports := eventtest.NewReports()
		reports.CallsUnavailable = given.Unavailable == "calls"
		f := serve(&service{assistants: reports.Assistants, reports: reports, now: eventtest.ReportTime})
		if given.Earlier {
			eventtest.Invoke(t, f, event)
			reports.Effects = nil
		}
		o := eventtest.Invoke(t, f, event)
		o.Effects = map[string]any{"objects": reports.Objects(), "effects": reports.Effects}
		return o
	})
}
