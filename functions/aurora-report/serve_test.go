package main

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/dev/eventtest"
)

func wednesday() time.Time { return eventtest.Wednesday }

func TestEvents(t *testing.T) {
	in := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	eventtest.Answers(t, "aurora-report", func(t *testing.T, name string, event json.RawMessage) (any, any) {
		office := eventtest.NewOffice(wednesday)
		office.Away = strings.HasPrefix(name, "store-away")
		f := serve(&service{assistants: office.Assistants, reports: office, now: wednesday})
		if strings.HasSuffix(name, "-again") { // the same report was made before
			if _, err := f.Invoke(in, event); err != nil {
				t.Fatal(err)
			}
			office.Did = nil
		}
		answer, err := f.Invoke(in, event)
		if err != nil {
			t.Fatal(err)
		}
		return answer, map[string]any{"objects": office.Objects(), "did": office.Did}
	})
}
