package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/transport/callapi"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/outbound"
)

const (
	recordID = "record-1"
	sid      = "CA00000000000000000000000000000001"
)

// fakeIndex records the rows that it gets.
type fakeIndex struct{ rows []string }

func (x *fakeIndex) Upsert(_ context.Context, names []string, c aurora.Call) (aurora.Call, error) {
	x.rows = append(x.rows, fmt.Sprintf("%s is %s (%s), %s", strings.Join(names, " "), c.EndedReason, c.Disposition, c.Direction))
	return c, nil
}

// fakeRelay holds the phone call that ConversationRelay carries, and records the tasks.
type fakeRelay struct {
	call  aurora.PhoneCall
	tasks []string
}

func (f *fakeRelay) UpdateCall(_ context.Context, _ string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error) {
	change(&f.call)
	return f.call, nil
}

func (f *fakeRelay) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	f.tasks = append(f.tasks, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s after %s", task.Kind, task.CallSID, task.AnsweredBy, delay)), " "))
	return nil
}

// newTestFunction returns the function with one call in its ledger.
func newTestFunction(t *testing.T, publicURL string, mode aurora.VoiceMode) (*web.Function, *fakeledger.Ledger, *fakeIndex, *fakeRelay) {
	t.Helper()
	now := func() time.Time { return time.Date(2026, 11, 20, 18, 0, 30, 0, time.UTC) }
	ledger, index, relay := fakeledger.New(now), &fakeIndex{}, &fakeRelay{}
	placed := aurora.OutboundCall{ID: recordID, State: aurora.OutboundPlaced, AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4",
		From: "+15551230100", To: "+14155550142", Name: "John Doe", SID: sid, VoiceMode: mode, CreatedAt: now().Add(-30 * time.Second)}
	if err := ledger.CreateRecord(t.Context(), placed); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.ClaimSID(t.Context(), sid, recordID); err != nil {
		t.Fatal(err)
	}
	client := twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) {
		return `{"accountSid":"AC00000000000000000000000000000001","authToken":"0123456789abcdef0123456789abcdef"}`, nil
	}})
	calls := &outbound.Service{Ledger: ledger, Index: index, RelayCalls: &outbound.RelayCalls{Calls: relay, Tasks: relay, Now: now}, Now: now}
	return serve(callapi.CallbackHandler(client, calls, publicURL)), ledger, index, relay
}

func TestCases(t *testing.T) {
	eventtest.Run(t, "outbound-call-status", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		var given struct {
			PublicURL string           `yaml:"publicURL"` // the setting PUBLIC_URL
			VoiceMode aurora.VoiceMode `yaml:"voiceMode"` // how the call is connected
		}
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		f, ledger, index, relay := newTestFunction(t, given.PublicURL, given.VoiceMode)
		o := eventtest.Invoke(t, f, event)
		call, _, err := ledger.Record(t.Context(), recordID)
		if err != nil {
			t.Fatal(err)
		}
		o.Effects = map[string]any{"callStatus": call.Status, "answeredBy": call.AnsweredBy, "seconds": call.Seconds, "indexed": index.rows, "tasks": relay.tasks}
		return o
	})
}
