package main

import (
	"context"
	"encoding/json"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/usecase/retention"
)

// fakeSweeper always deletes the same.
type fakeSweeper struct{}

func (fakeSweeper) Sweep(context.Context) (retention.Result, error) {
	return retention.Result{Assistants: 1, Objects: 2, Rows: 3}, nil
}

func TestCases(t *testing.T) {
	eventtest.Run(t, "retention", func(t *testing.T, _ *eventcase.Case, raw json.RawMessage) eventtest.Observed {
		answer, err := serve(fakeSweeper{})(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		return eventtest.Observed{Effects: map[string]any{"answer": answer}}
	})
}
