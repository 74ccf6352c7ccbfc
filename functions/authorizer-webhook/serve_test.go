package main

import (
	"context"
	"encoding/json"
	"testing"

	"aurora/shared/access"
	"aurora/shared/golden"
)

type secrets struct{}

func (secrets) Secret(context.Context, string) (string, error) {
	return `["aur_api_0123456789abcdef0123456789abcdef"]`, nil
}

func TestEvents(t *testing.T) {
	decide := serve(&access.Ring{Secrets: secrets{}, Names: map[access.Kind]string{access.API: "api"}})
	golden.Events(t, "authorizer-webhook", func(t *testing.T, name string, event json.RawMessage) {
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
