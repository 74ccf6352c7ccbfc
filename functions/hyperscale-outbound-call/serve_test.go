package main

import (
	"testing"

	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/usecase/outbound"
)

func TestCases(t *testing.T) {
	eventtest.RunCalls(t, "hyperscale-outbound-call", outbound.RouteHyperscale, serve)
}
