package main

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"aurora/shared/outbound"
	"aurora/shared/standin/rehearsal"
)

func TestEvents(t *testing.T) {
	in := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	rehearsal.Calls(t, "outbound-call-uat", outbound.UAT, in, serve)
}
