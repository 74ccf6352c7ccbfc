package main

import (
	"encoding/json"
	"testing"

	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/transport/authorizer"
)

func TestEvents(t *testing.T) {
	handle := serve(eventtest.CallKeys())
	golden.Events(t, "authorizer-partner", func(t *testing.T, name string, event json.RawMessage) {
		var r authorizer.Request
		if err := json.Unmarshal(event, &r); err != nil {
			t.Fatal(err)
		}
		response, err := handle(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		golden.JSON(t, name, response)
	})
}
