package main

import (
	"context"
	"encoding/json"

	"example.com/aurora/shared/usecase/retention"
)

// sweeper deletes what has expired.
type sweeper interface {
	Sweep(ctx context.Context) (retention.Result, error)
}

// serve returns the handler of the daily event, whose content does not matter. After an error Lambda tries again: what was deleted
// stays deleted.
func serve(s sweeper) func(context.Context, json.RawMessage) (retention.Result, error) {
	return func(ctx context.Context, _ json.RawMessage) (retention.Result, error) { return s.Sweep(ctx) }
}
