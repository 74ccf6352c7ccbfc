package main

import (
	"context"
	"encoding/json"
	"testing"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/golden"
)

func TestEvents(t *testing.T) {
	decide := serve(eventtest.CallKeys())
	golden.Events(t, "authorizer-internal", func(t *testing.T, name string, event json.RawMessage) {
		var r auth.Request
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
