package main

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/usecase/outbound"
)

func TestEvents(t *testing.T) {
	in := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	eventtest.Calls(t, "outbound-call-uat", outbound.RouteUAT, in, serve)
}
