package main

import (
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
)

func TestCases(t *testing.T) {
	keys := &auth.KeyStore{Now: time.Now, Secrets: testkit.EverySecret(`["` + eventtest.APIKey + `"]`), SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}}
	eventtest.RunAuthorizer(t, "authorizer-webhook", serve(keys))
}
