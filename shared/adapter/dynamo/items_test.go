package dynamo_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func readItems(t *testing.T, s *dynamo.Items) (all []aurora.StoredItem) {
	t.Helper()
	for item, err := range s.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, item)
	}
	return all
}

func TestItems(t *testing.T) {
	config, _ := newTables(t)
	calls := dynamo.NewCalls(config, "calls", 400*24*time.Hour)
	row := aurora.Call{CallKey: aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: "c1"}, Summary: "Call +14155550100.",
		Analysis: aurora.Analysis{Topics: []string{"+14155550100"}, Extracted: json.RawMessage(`{"n":1}`)}}
	if done, err := calls.Put(t.Context(), row); !done || err != nil {
		t.Fatal(done, err)
	}
	items := dynamo.NewItems(config, "calls", "calls")
	all := readItems(t, items)
	if len(all) != 1 || all[0].Text("callId") != "c1" || all[0].Text("summary") != row.Summary {
		t.Fatalf("the items are %v", all)
	}
	cleaned := map[string]any{"summary": "Call [erased].", "topics": []any{"[erased]"}}
	if err := items.Set(t.Context(), all[0], cleaned); err != nil {
		t.Fatal(err)
	}
	if err := items.Set(t.Context(), all[0], cleaned); !fault.Is(err, fault.Conflict) {
		t.Errorf("a change of an item that has changed since: %v, want a conflict", err)
	}
	got, _, err := calls.Row(t.Context(), row.CallKey)
	if err != nil || got.Summary != "Call [erased]." || got.Topics[0] != "[erased]" || string(got.Extracted) != `{"n":1}` || got.Revision != 1 {
		t.Errorf("the row is %+v, %v", got, err)
	}
	row.Revision = 1 // a worker that read the row before the change
	if done, err := calls.Put(t.Context(), row); done || err != nil {
		t.Errorf("a worker's older row was written: %v, %v", done, err)
	}
	for range 2 {
		if err := items.Remove(t.Context(), all[0]); err != nil {
			t.Error(err)
		}
	}
	if left := readItems(t, items); len(left) != 0 {
		t.Errorf("left is %v", left)
	}
}

func TestLedgerItems(t *testing.T) {
	config, _ := newTables(t)
	putItem(t, config, "ledger", map[string]types.AttributeValue{"key": stringValue("once#k"), "result": stringValue("+14155550100")})
	items := dynamo.NewItems(config, "ledger", "ledger")
	all := readItems(t, items)
	if err := items.Set(t.Context(), all[0], map[string]any{"result": "[erased]"}); err != nil {
		t.Fatal(err)
	}
	if all = readItems(t, items); all[0].Text("result") != "[erased]" || all[0]["revision"] != nil {
		t.Errorf("the item is %v", all[0])
	}
}

func TestErasedCalls(t *testing.T) {
	config, _ := newTables(t)
	clock := newClock()
	ledger := dynamo.NewLedger(config, "ledger", clock.now)
	for _, finished := range []bool{false, true} {
		if err := ledger.MarkErased(t.Context(), []string{aurora.ErasedCall("riley", "c1"), aurora.ErasedCall("riley", "CA1")}, finished); err != nil {
			t.Fatal(err)
		}
	}
	before := clock.now().Add(-time.Hour)
	check := func(assistantID string, want bool, at time.Time, names ...string) {
		t.Helper()
		if erased, err := ledger.IsErased(t.Context(), assistantID, names, at); erased != want || err != nil {
			t.Errorf("%v of %s: erased %v, %v; want %v", names, assistantID, erased, err, want)
		}
	}
	check("riley", true, before, "c9", "CA1")
	check("riley", true, time.Time{}, "c1")
	check("riley", false, clock.now().Add(time.Hour), "c1") // a new call with the same id
	check("riley", false, before, "c9")
	check("avery", false, before, "c1", "CA1")
	for _, item := range readItems(t, dynamo.NewItems(config, "ledger", "ledger")) {
		if len(item) != 4 || item["finished"] != true {
			t.Errorf("the item %v holds more than a hash and times, or is not finished", item)
		}
	}
	clock.advance(91 * 24 * time.Hour)
	check("riley", false, before, "c1")
}
