package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/usecase/outbound"
)

const (
	recordID = "record-1"
	sid      = "CA00000000000000000000000000000001"
)

// publicURLs are PUBLIC_URL in the events that are named after it.
var publicURLs = map[string]string{"": "https://aurora.example.com", "-with-path": "https://aurora.example.com/v1/"}

// fakeIndex notes what the index is told.
type fakeIndex struct{ rows []string }

func (r *fakeIndex) Upsert(_ context.Context, names []string, c aurora.Call) (aurora.Call, error) {
	r.rows = append(r.rows, fmt.Sprintf("%s is %s (%s), %s", strings.Join(names, " "), c.EndedReason, c.Disposition, c.Direction))
	return c, nil
}

// newTestHandler has one call under way, and Twilio's token.
func newTestHandler(t *testing.T, public string) (*callbackHandler, *fakeledger.Ledger, *fakeIndex) {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 20, 18, 0, 30, 0, time.UTC) }
	l := fakeledger.New(now)
	placed := aurora.OutboundCall{ID: recordID, State: aurora.OutboundPlaced, AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4",
		From: "+15551230100", To: "+14155550142", Name: "John Doe", SID: sid, CreatedAt: now().Add(-30 * time.Second)}
	if err := l.CreateRecord(t.Context(), placed); err != nil {
		t.Fatal(err)
	}
	if _, err := l.ClaimSID(t.Context(), sid, recordID); err != nil {
		t.Fatal(err)
	}
	r := &fakeIndex{}
	return &callbackHandler{
		verifier: twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) {
			return `{"accountSid":"AC00000000000000000000000000000001","authToken":"0123456789abcdef0123456789abcdef"}`, nil
		}}),
		calls:     &outbound.Service{Ledger: l, Now: now},
		index:     r,
		publicURL: public,
	}, l, r
}

func TestEvents(t *testing.T) {
	in := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	eventtest.Answers(t, "outbound-call-status", func(t *testing.T, name string, event json.RawMessage) (any, any) {
		public := ""
		if rest, ok := strings.CutPrefix(name, "public-url"); ok {
			public = publicURLs[rest]
		}
		s, l, r := newTestHandler(t, public)
		answer, err := serve(s).Invoke(in, event)
		if err != nil {
			t.Fatal(err)
		}
		after, _, err := l.Record(t.Context(), recordID)
		if err != nil {
			t.Fatal(err)
		}
		return answer, map[string]any{"status": after.Status, "answeredBy": after.AnsweredBy, "seconds": after.Seconds, "rows": r.rows}
	})
}
