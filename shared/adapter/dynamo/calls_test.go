package dynamo_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
)

func TestCalls(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewCalls(config, "calls", 24*time.Hour)
	key := aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: "c1"}
	if _, ok, err := s.Row(t.Context(), key); ok || err != nil {
		t.Fatalf("before the first write: found %v, %v", ok, err)
	}
	zero, seconds := 0.0, 21.07
	full := aurora.Call{CallKey: key, Version: "2", ObjectKey: "eoc/x.json", ID: "c1", StartedAt: newClock().now(), Seconds: &seconds, Cost: &zero,
		Disposition: aurora.DispositionBusy, Customer: "+14155550100", Spoke: true}
	for i, c := range []aurora.Call{full, {CallKey: key, Version: "3"}, {CallKey: key, Version: "3", Revision: 2}} {
		if done, err := s.Put(t.Context(), c); err != nil || done != (i == 0) {
			t.Errorf("Put of version %s and revision %d: done %v, %v", c.Version, c.Revision, done, err)
		}
	}
	if got, ok, err := s.Row(t.Context(), key); !ok || err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("read %+v, %v\nwant %+v", got, err, full)
	}
	item := getItem(t, config, "calls", map[string]types.AttributeValue{"assistantDay": stringValue("riley#2026-11-18"), "callId": stringValue("c1")})
	if got, want := item["expiresAt"].(*types.AttributeValueMemberN).Value, "1795132800"; got != want {
		t.Errorf("expires at %s, want %s: a day after the end of its day", got, want)
	}
	if _, ok := item["summary"]; ok {
		t.Error("the item has an attribute for the empty summary")
	}
	for _, other := range []aurora.Call{{CallKey: key, Version: "1"}, {CallKey: key, Version: "2", Revision: 1}} {
		if gone, err := s.Delete(t.Context(), other); gone || err != nil {
			t.Errorf("delete of version %s and revision %d: gone %v, %v; want the row kept", other.Version, other.Revision, gone, err)
		}
	}
	for full.Revision < 3 {
		full.Revision++
		full.FieldVersions = map[string]string{"answeredBy": "1"}
		for i := range 2 { // the second is the SDK's repetition after a lost reply
			if done, err := s.Put(t.Context(), full); err != nil || done != (i == 0) {
				t.Errorf("Put %d of revision %d: done %v, %v", i, full.Revision, done, err)
			}
		}
		if got, _, err := s.Row(t.Context(), key); err != nil || !reflect.DeepEqual(got, full) {
			t.Errorf("read %+v, %v\nwant %+v", got, err, full)
		}
	}
	for range 2 {
		if gone, err := s.Delete(t.Context(), full); !gone || err != nil {
			t.Errorf("delete: gone %v, %v; want it gone", gone, err)
		}
	}
}

// Whatever JSON a provider extracted, it comes back as it was stored.
func TestAnalysedCallRoundTrip(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewCalls(config, "calls", 24*time.Hour)
	key := aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: "analysed"}
	document := `{"deep":` + strings.Repeat(`{"a":`, 18) + `[1]` + strings.Repeat(`}`, 18) + `,"most":9.9e124,"least":-1e-129,"float":5e-324,"id":123456789012345678,"third":0.3333333333333333,
		"empty":"","list":[],"none":null,"yes":true,"object":{},"text":"<é\u0000 𝄞>","a.b":1,"#n":2,":v":3}`
	var extracted map[string]any
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	if err := d.Decode(&extracted); err != nil {
		t.Fatal(err)
	}
	sanitized, dropped := aurora.SanitizeExtracted(extracted)
	if !slices.Equal(dropped, []string{"float"}) {
		t.Errorf("left out: %q, want the number that DynamoDB cannot store", dropped)
	}
	cost := 0.00007875
	put := aurora.Call{CallKey: key, Version: "1+a", Disposition: aurora.DispositionAnswered, Analysis: aurora.Analysis{Outcome: aurora.OutcomeResolved,
		Sentiment: aurora.SentimentNegative, Topics: []string{"a", "b"}, ActionItems: []string{"Call back."}, Extracted: sanitized,
		AnalysisModel: "m", PromptTokens: 1, CompletionTokens: 2, AnalysisCost: &cost, AnalysisNote: "n"}}
	if put.Extracted == nil {
		t.Fatal("the data was not accepted")
	}
	if _, err := s.Put(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	got, ok, err := s.Row(t.Context(), key)
	if !ok || err != nil {
		t.Fatalf("the row: found %v, %v", ok, err)
	}
	var in, out any
	if err := json.Unmarshal(put.Extracted, &in); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got.Extracted, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("extracted data: %v\n got %s\nwant %s", err, got.Extracted, put.Extracted)
	}
	got.Extracted, put.Extracted = nil, nil
	if !reflect.DeepEqual(got, put) {
		t.Errorf("the row\n got %+v\nwant %+v", got, put)
	}
}

// A row expires with its assistant's retention if that is shorter.
func TestCallsOfAShorterRetention(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewCalls(config, "calls", 400*24*time.Hour)
	for call, days := range map[string]int{"a": 1, "b": 500} {
		key := aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: call}
		if _, err := s.Put(t.Context(), aurora.Call{CallKey: key, Version: "1", RetentionDays: days}); err != nil {
			t.Fatal(err)
		}
		item := getItem(t, config, "calls", map[string]types.AttributeValue{"assistantDay": stringValue(key.Partition()), "callId": stringValue(call)})
		if got, want := item["expiresAt"].(*types.AttributeValueMemberN).Value, map[string]string{"a": "1795132800", "b": "1829606400"}[call]; got != want {
			t.Errorf("with %d days the row expires at %s, want %s", days, got, want)
		}
	}
	if n, err := s.DeleteDay(t.Context(), "riley", "2026-11-18"); n != 2 || err != nil {
		t.Errorf("DeleteDay = %d, %v, want 2", n, err)
	}
	if n, err := s.DeleteDay(t.Context(), "riley", "2026-11-18"); n != 0 || err != nil {
		t.Errorf("again: DeleteDay = %d, %v, want none", n, err)
	}
}
