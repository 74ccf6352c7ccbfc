package main

import (
	"testing"

	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/usecase/outbound"
)

func TestCases(t *testing.T) {
	eventtest.RunCalls(t, "outbound-call-uat", outbound.RouteUAT, serve)
}
