package main

import (
	"context"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/dev/eventtest"
)

// Every event, its answer, what the model was asked and what the tools did, against what a person looked at.
func TestEvents(t *testing.T) {
	in := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	eventtest.Events(t, "chat-completions-voice", in, serve)
}
