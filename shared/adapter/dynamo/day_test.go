package dynamo_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	guregu "github.com/guregu/dynamo/v2"
	"pgregory.net/rapid"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

func readDay(t *testing.T, s *dynamo.Calls, assistantID, day string) (calls []aurora.Call, pages int, err error) {
	t.Helper()
	for page, err := range s.Day(t.Context(), assistantID, day) {
		if err != nil {
			return calls, pages, err
		}
		calls = append(calls, page...)
		pages++
	}
	return calls, pages, nil
}

// putLargeDay stores 900 rows of 3 KB each: more than two pages of 1 MB.
func putLargeDay(t *testing.T, s *dynamo.Calls) (rows int) {
	t.Helper()
	rows = 900
	for i := range rows {
		c := aurora.Call{CallKey: aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: fmt.Sprintf("c%04d", i)}, Version: "1",
			Summary: strings.Repeat("s", 3000), Disposition: "completed", Analysis: aurora.Analysis{Topics: []string{"billing"}, Extracted: json.RawMessage(`{"a":1}`)}}
		if _, err := s.Put(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	return rows
}

func TestDay(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewCalls(config, "calls", 400*24*time.Hour)
	if calls, _, err := readDay(t, s, "riley", "2026-11-18"); len(calls) != 0 || err != nil {
		t.Errorf("an empty day: %v, %v; want no calls", calls, err)
	}
	rows := putLargeDay(t, s)
	if _, err := s.Put(t.Context(), aurora.Call{CallKey: aurora.CallKey{AssistantID: "riley", Day: "2026-11-19", CallID: "c0000"}, Version: "1"}); err != nil {
		t.Fatal(err)
	}
	// The table throttles more often than a read for a caller on the phone would retry.
	queries := 0
	f.setRule(func(operation string, _ int) (reply, bool) {
		if operation != "Query" {
			return nil, false
		}
		if queries++; queries >= 2 && queries <= 5 {
			return errorReply(400, "ProvisionedThroughputExceededException"), false
		}
		return nil, false
	})
	calls, pages, err := readDay(t, s, "riley", "2026-11-18")
	if err != nil || len(calls) != rows || pages < 3 {
		t.Fatalf("%d calls on %d pages, %v; want %d calls on at least 3 pages", len(calls), pages, err, rows)
	}
	if queries < pages+4 {
		t.Errorf("%d queries for %d pages, want 4 retries", queries, pages)
	}
	for i, c := range calls {
		if c.CallKey != (aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: fmt.Sprintf("c%04d", i)}) {
			t.Fatalf("call %d has the key %+v", i, c.CallKey)
		}
		if len(c.Summary) != 3000 || string(c.Extracted) != `{"a":1}` || c.Topics[0] != "billing" {
			t.Fatalf("call %d is %+v, want topics, summary and data", i, c)
		}
	}
}

func TestDayThatFailsOrIsAbandoned(t *testing.T) {
	config, f := newTables(t)
	s := dynamo.NewCalls(config, "calls", 400*24*time.Hour)
	rows := putLargeDay(t, s)
	f.setRule(func(_ string, n int) (reply, bool) {
		if n >= 2 {
			return errorReply(400, "AccessDeniedException"), false
		}
		return nil, false
	})
	if calls, _, err := readDay(t, s, "riley", "2026-11-18"); !fault.Is(err, fault.Unavailable) || len(calls) == 0 || len(calls) == rows {
		t.Errorf("the table fails after the first page: %d calls, %v; want a part of them and fault.Unavailable", len(calls), err)
	}
	f.setRule(nil)
	for range s.Day(t.Context(), "riley", "2026-11-18") {
		break // the iterator must allow that
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Day(canceled, "riley", "2026-11-18") {
		if err == nil {
			t.Error("a page was read after the context ended")
		}
	}
}

// Row reads through JSON and Day reads attributes. Both read the same from any row.
func TestDayAndRowReadTheSame(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewCalls(config, "calls", 400*24*time.Hour)
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		word := rapid.StringMatching(`[a-zA-Z0-9 é✓-]{0,12}`)
		number := rapid.Ptr(rapid.Map(rapid.IntRange(0, 1e9), func(n int) float64 { return float64(n) / 1000 }), true)
		at := rapid.Custom(func(r *rapid.T) time.Time {
			if rapid.Bool().Draw(r, "unknown") {
				return time.Time{}
			}
			return time.Unix(rapid.Int64Range(1.7e9, 1.8e9).Draw(r, "s"), rapid.Int64Range(0, 999).Draw(r, "ms")*1e6).UTC()
		})
		c := aurora.Call{CallKey: aurora.CallKey{AssistantID: "a", Day: "2026-11-18", CallID: fmt.Sprintf("c%d", n)}, Version: word.Draw(r, "v") + "1",
			ObjectKey: word.Draw(r, "key"), ID: word.Draw(r, "id"), StartedAt: at.Draw(r, "start"), EndedAt: at.Draw(r, "end"), ReportedAt: at.Draw(r, "reported"),
			Seconds: number.Draw(r, "seconds"), Cost: number.Draw(r, "cost"), EndedReason: word.Draw(r, "reason"), Disposition: aurora.Disposition(word.Draw(r, "class")),
			Direction: aurora.Direction(word.Draw(r, "direction")), Customer: aurora.Phone(word.Draw(r, "customer")), CustomerName: word.Draw(r, "name"),
			Success: word.Draw(r, "success"), Recording: word.Draw(r, "recording"), Transcript: rapid.Bool().Draw(r, "t"), Spoke: rapid.Bool().Draw(r, "spoke"),
			Transferred: rapid.Bool().Draw(r, "transferred")}
		c.Outcome, c.Sentiment = aurora.Outcome(word.Draw(r, "o")), aurora.Sentiment(word.Draw(r, "s"))
		c.Topics, c.ActionItems = rapid.SliceOfN(word, 1, 5).Draw(r, "topics"), rapid.SliceOfN(word, 1, 3).Draw(r, "actions")
		if _, err := s.Put(t.Context(), c); err != nil {
			r.Fatal(err)
		}
		want, ok, err := s.Row(t.Context(), c.CallKey)
		if !ok || err != nil {
			r.Fatalf("the row: found %v, %v", ok, err)
		}
		calls, _, err := readDay(t, s, "a", "2026-11-18")
		if err != nil || len(calls) != n {
			r.Fatalf("%d calls, %v; want %d", len(calls), err, n)
		}
		for _, got := range calls {
			if got.CallID != c.CallID {
				continue
			}
			a, _ := json.Marshal(got)
			b, _ := json.Marshal(want)
			if string(a) != string(b) {
				r.Fatalf("Day reads\n%s\nRow reads\n%s", a, b)
			}
		}
	})
}

func TestDayOmitsMalformedAttributes(t *testing.T) {
	config, _ := newTables(t)
	log := testkit.CaptureLog(t)
	s := dynamo.NewCalls(config, "calls", 400*24*time.Hour)
	number := &types.AttributeValueMemberN{Value: "1"}
	invalid := map[string]types.AttributeValue{"assistantDay": stringValue("a#2026-11-18"), "callId": stringValue("invalid"),
		"endedAt": stringValue("yesterday"), "startedAt": number, "seconds": stringValue("12"), "cost": &types.AttributeValueMemberNULL{Value: true}, "spoke": stringValue("yes"),
		"topics": stringValue("billing"), "actionItems": &types.AttributeValueMemberL{Value: []types.AttributeValue{stringValue("call back"), number}},
		"class": number, "outcome": number, "customer": &types.AttributeValueMemberM{}, "endedReason": stringValue("hangup")}
	putItem(t, config, "calls", invalid)
	putItem(t, config, "calls", map[string]types.AttributeValue{"assistantDay": stringValue("a#2026-11-18"), "callId": stringValue("valid")})
	calls, _, err := readDay(t, s, "a", "2026-11-18")
	if err != nil || len(calls) != 2 {
		t.Fatalf("calls %v, %v; want 2", calls, err)
	}
	c := calls[0]
	if c.CallID != "invalid" || c.Seconds != nil || c.Cost != nil || !c.EndedAt.IsZero() || !c.StartedAt.IsZero() || c.Spoke || c.Topics != nil ||
		len(c.ActionItems) != 1 || c.Outcome != "" || c.Disposition != "" || c.Customer != "" || c.EndedReason != "hangup" {
		t.Errorf("read %+v, want the valid attributes only", c)
	}
	if got := log.String(); !strings.Contains(got, `"callId":"invalid"`) || !strings.Contains(got, `"calls":1`) || strings.Contains(got, `"callId":"valid"`) {
		t.Errorf("logged %s; want the call id of the invalid row only, and the count", got)
	}
}

// BenchmarkDayRow reads one row as Day does, and BenchmarkDayRowJSON as Row does.
func BenchmarkDayRow(b *testing.B)     { benchmarkRow(b, dynamo.ReadDayRow) }
func BenchmarkDayRowJSON(b *testing.B) { benchmarkRow(b, dynamo.ReadRowJSON) }

func benchmarkRow(b *testing.B, read func(guregu.Item) (aurora.Call, error)) {
	number := &types.AttributeValueMemberN{Value: "61.5"}
	yes := &types.AttributeValueMemberBOOL{Value: true}
	item := guregu.Item{"assistantDay": stringValue("a6ff7fee#2026-11-18"), "callId": stringValue("019a9766-ca95-7aac"), "version": stringValue("01795014286703-01795014286704-k"),
		"key": stringValue("eoc/a6ff7fee/2026/11/18/019a9766-ca95-7aac.json"), "id": stringValue("019a9766-ca95-7aac"), "startedAt": stringValue("2026-11-18T15:03:01.123Z"),
		"endedAt": stringValue("2026-11-18T15:04:42.001Z"), "seconds": number, "cost": number, "endedReason": stringValue("customer-ended-call"), "class": stringValue("completed"),
		"direction": stringValue("inbound"), "customer": stringValue("+14155550100"), "spoke": yes, "transcript": yes, "outcome": stringValue("resolved"), "sentiment": stringValue("positive"),
		"topics": &types.AttributeValueMemberL{Value: []types.AttributeValue{stringValue("billing"), stringValue("opening hours")}}}
	b.ReportAllocs()
	for b.Loop() {
		if c, err := read(item); err != nil || c.CallID == "" {
			b.Fatalf("read %+v, %v", c, err)
		}
	}
}
