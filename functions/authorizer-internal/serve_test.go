package main

import (
	"testing"

	"example.com/aurora/shared/dev/eventtest"
)

func TestCases(t *testing.T) {
	eventtest.RunAuthorizer(t, "authorizer-internal", serve(eventtest.CallKeys()))
}
