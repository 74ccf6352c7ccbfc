package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
)

// linkMadeAt is when the links of the events were signed.
var linkMadeAt = time.Date(2026, 11, 18, 15, 20, 0, 0, time.UTC)

// fakeBucket is a bucket that still has one report.
type fakeBucket struct{ down bool }

func (o fakeBucket) Presign(_ context.Context, key string, lifetime time.Duration) (string, error) {
	if o.down {
		return "", errors.New("no route to host")
	}
	if key != "reports/riley/weekly/2026-11-16T0000/report.html" {
		return "", fault.New(fault.NotFound, "There is no such object.")
	}
	return "https://bucket.example.com/" + key + "?for=" + lifetime.String(), nil
}

// openedAfter says how long after linkMadeAt an event arrives, by its name; 0 for all others.
var openedAfter = map[string]time.Duration{"expired": 31 * 24 * time.Hour, "last-day": 30*24*time.Hour - time.Second, "not-yet": -10 * time.Minute, "clock-behind": -4 * time.Minute}

func TestEvents(t *testing.T) {
	in := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	eventtest.Answers(t, "report-view", func(t *testing.T, name string, event json.RawMessage) (any, any) {
		now := linkMadeAt.Add(openedAfter[name])
		secrets := testkit.EverySecret("links-0123456789abcdef0123456789abcdef")
		if name == "secrets-away" {
			secrets.Err = fault.New(fault.Unavailable, "The secret store did not answer.").WithRetryAfter(time.Second)
		}
		links := &auth.Links{Secrets: secrets, SecretName: "links", Now: func() time.Time { return now }}
		answer, err := serve(links, fakeBucket{name == "store-away"}).Invoke(in, event)
		if err != nil {
			t.Fatal(err)
		}
		header := answer.(events.APIGatewayProxyResponse).MultiValueHeaders
		also := map[string]string{}
		for _, name := range []string{"Location", "Cache-Control", "Referrer-Policy", "Retry-After"} {
			also[name] = strings.Join(header[name], ",")
		}
		return answer, also
	})
}
