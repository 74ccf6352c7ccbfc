package dynamo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/trace"
)

// newTrace returns the record of a turn of a call.
func newTrace(ctx context.Context, callID string, at time.Time) trace.Record {
	ctx, r := trace.New(logfields.New(ctx))
	logfields.Set(ctx, logfields.CallID, callID, logfields.AssistantID, "riley")
	r.Begin(trace.KindTurn, at, func() time.Time { return at.Add(time.Second) }, nil)
	record, _ := r.Finish(ctx, true, func(r *trace.Record) { r.Turn.Channel = trace.NewName("voice") })
	return record
}

func TestTraces(t *testing.T) {
	config, _ := newTables(t)
	now := newClock().now()
	s := dynamo.NewTraces(config, "traces", time.Hour)
	first, second, other := newTrace(t.Context(), "c1", now), newTrace(t.Context(), "c1", now.Add(time.Minute)), newTrace(t.Context(), "+14155550100", now)
	if err := s.Write(t.Context(), []trace.Record{second}); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), []trace.Record{first, other}); err != nil {
		t.Fatal(err)
	}
	read := func(callID string, at time.Time) []trace.Record {
		t.Helper()
		records, err := s.Traces(t.Context(), trace.NewKey(callID), at)
		if err != nil {
			t.Fatal(err)
		}
		return records
	}
	if got := read("c1", now); len(got) != 2 || !got[0].At.Equal(now) || got[0].Ms != 1000 || got[1].ID != second.ID || got[0].Assistant.String() != "riley" {
		t.Errorf("the records are %+v", got)
	}
	if got := read("c1", now.Add(time.Hour)); len(got) != 1 {
		t.Errorf("%d records when one has expired, want 1", len(got))
	}
	for item, err := range dynamo.NewItems(config, "traces", "traces").All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for name, v := range item {
			if s, _ := v.(string); strings.Contains(s, "4155550100") {
				t.Errorf("%s holds the number that is the id of a call: %s", name, s)
			}
		}
	}
	for _, c := range []struct {
		dryRun bool
		left   int
	}{{true, 2}, {false, 0}} {
		if n, err := s.EraseTraces(t.Context(), trace.NewKey("c1"), c.dryRun); err != nil || n != 2 {
			t.Errorf("EraseTraces returned %d, %v; want 2", n, err)
		}
		if got := read("c1", now); len(got) != c.left {
			t.Errorf("%d records are left, want %d", len(got), c.left)
		}
	}
	if got := read("+14155550100", now); len(got) != 1 {
		t.Errorf("%d records of the other call, want 1", len(got))
	}
}

// A failed write is one error, for which the writer gives up.
func TestTracesCannotBeWritten(t *testing.T) {
	config, transport := newTables(t)
	transport.failAll(errorReply(400, "ResourceNotFoundException"))
	now := newClock().now()
	if err := dynamo.NewTraces(config, "traces", time.Hour).Write(t.Context(), []trace.Record{newTrace(t.Context(), "c1", now)}); err == nil {
		t.Error("no error")
	}
}
