package main

import (
	"context"
	"encoding/json"
	"testing"

	"aurora/shared/access"
	"aurora/shared/golden"
	"aurora/shared/standin/rehearsal"
)

func TestEvents(t *testing.T) {
	decide := serve(rehearsal.CallKeys())
	golden.Events(t, "authorizer-internal", func(t *testing.T, name string, event json.RawMessage) {
		var r access.Request
		if err := json.Unmarshal(event, &r); err != nil {
			t.Fatal(err)
		}
		answer, err := decide(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		golden.JSON(t, name, answer)
	})
}
