package main

import (
	"encoding/json"
	"testing"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/authorizer"
)

func TestEvents(t *testing.T) {
	handle := serve(&auth.KeyStore{Secrets: testkit.EverySecret(`["aur_api_0123456789abcdef0123456789abcdef"]`), SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}})
	golden.Events(t, "authorizer-bearer", func(t *testing.T, name string, event json.RawMessage) {
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
