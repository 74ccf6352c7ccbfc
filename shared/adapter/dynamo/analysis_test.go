package dynamo_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
)

// Whatever data may stand in a row comes back from the table as it went in.
func TestAnalysedCallRoundTrip(t *testing.T) {
	config, _ := newTables(t)
	s := dynamo.NewCalls(config, "calls", 24*time.Hour)
	at := aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: "analysed"}
	data := `{"deep":` + strings.Repeat(`{"a":`, 18) + `[1]` + strings.Repeat(`}`, 18) + `,"most":9.9e124,"least":-1e-129,"float":5e-324,"id":123456789012345678,"third":0.3333333333333333,
		"empty":"","list":[],"none":null,"yes":true,"object":{},"text":"<é\u0000 𝄞>","a.b":1,"#n":2,":v":3}`
	var v map[string]any
	d := json.NewDecoder(strings.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if aurora.SanitizeExtracted(v) != nil {
		t.Error("a number smaller than any that the table takes passed")
	}
	delete(v, "float")
	cost := 0.00007875
	put := aurora.Call{CallKey: at, Version: "1+a", Disposition: aurora.DispositionAnswered, Analysis: aurora.Analysis{Outcome: aurora.OutcomeResolved, Sentiment: aurora.SentimentNegative, Topics: []string{"a", "b"},
		ActionItems: []string{"Call back."}, Extracted: aurora.SanitizeExtracted(v), AnalysisModel: "m", PromptTokens: 1, CompletionTokens: 2, AnalysisCost: &cost, AnalysisNote: "n"}}
	if put.Extracted == nil {
		t.Fatal("no data")
	}
	if _, err := s.Put(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	got, ok, err := s.Row(t.Context(), at)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	var in, out any
	if err := json.Unmarshal(put.Extracted, &in); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got.Extracted, &out); err != nil || !reflect.DeepEqual(in, out) {
		t.Errorf("%v\n got %s\nwant %s", err, got.Extracted, put.Extracted)
	}
	got.Extracted, put.Extracted = nil, nil
	if !reflect.DeepEqual(got, put) {
		t.Errorf("\n got %+v\nwant %+v", got, put)
	}
}
