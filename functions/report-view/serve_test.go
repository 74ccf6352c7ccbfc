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
)

// made is when the links of the events were.
var made = time.Date(2026, 11, 18, 15, 20, 0, 0, time.UTC)

type secrets struct{ away bool }

func (s secrets) Secret(context.Context, string) (string, error) {
	if s.away {
		return "", fault.New(fault.Unavailable, "The secret store did not answer.").After(time.Second)
	}
	return "links-0123456789abcdef0123456789abcdef", nil
}

// objects is a bucket in which one report is left.
type objects struct{ away bool }

func (o objects) Presign(_ context.Context, key string, lifetime time.Duration) (string, error) {
	if o.away {
		return "", errors.New("no route to host")
	}
	if key != "reports/riley/weekly/2026-11-16T0000/report.html" {
		return "", fault.New(fault.NotFound, "There is no such object.")
	}
	return "https://bucket.example.com/" + key + "?for=" + lifetime.String(), nil
}

// times are how long after its making the link of an event is opened, by the event's name.
var times = map[string]time.Duration{"expired": 31 * 24 * time.Hour, "last-day": 30*24*time.Hour - time.Second, "not-yet": -10 * time.Minute, "clock-behind": -4 * time.Minute}

func TestEvents(t *testing.T) {
	in := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	eventtest.Answers(t, "report-view", func(t *testing.T, name string, event json.RawMessage) (any, any) {
		now := made.Add(times[name])
		links := &auth.Links{Secrets: secrets{name == "secrets-away"}, Name: "links", Now: func() time.Time { return now }}
		answer, err := serve(links, objects{name == "store-away"}).Invoke(in, event)
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
