package timeline_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/usecase/timeline"
)

const (
	callID = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"
	sid    = "CA00000000000000000000000000000001"
)

var began = time.Date(2026, 11, 18, 10, 3, 0, 0, time.UTC)

// record returns a record, some milliseconds after the call began, with further fields as JSON.
func record(t *testing.T, ms int, fields string) trace.Record {
	t.Helper()
	var r trace.Record
	at := began.Add(time.Duration(ms) * time.Millisecond).Format(time.RFC3339Nano)
	whole := fmt.Sprintf(`{"id":"r%d","at":%q,"gen_ai.conversation.id":[%q],"aurora.assistant.id":"riley",%s`, ms, at, callID, strings.TrimPrefix(fields, "{"))
	if err := json.Unmarshal([]byte(whole), &r); err != nil {
		t.Fatalf("%s: %v", whole, err)
	}
	return r
}

func speech(t *testing.T, ms int, role, status string) trace.Record {
	return record(t, ms, fmt.Sprintf(`{"message":{"aurora.message.type":"speech-update","aurora.message.role":%q,"aurora.message.status":%q,"http.response.status_code":200}}`, role, status))
}

func message(t *testing.T, ms int, kind string) trace.Record {
	return record(t, ms, fmt.Sprintf(`{"message":{"aurora.message.type":%q,"http.response.status_code":200}}`, kind))
}

const goodTurn = `{"turn":{"aurora.outcome":"answered","aurora.first_byte_ms":900,"models":[{"at_ms":20,"gen_ai.request.model":"gpt-4o","gen_ai.response.time_to_first_chunk":0.8,"aurora.duration_ms":1000,"aurora.outcome":"answered"}]}}`

func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		records []trace.Record
		stage   timeline.Stage
		words   string
	}{
		"a good call": {[]trace.Record{speech(t, 0, "user", "stopped"), record(t, 100, goodTurn), speech(t, 1400, "assistant", "started")}, timeline.StageNone, "No problem"},
		"no assistant": {[]trace.Record{record(t, 0, `{"error.type":"assistant_not_found","message":{"aurora.message.type":"assistant-request","http.response.status_code":200}}`), message(t, 50, "hang")},
			timeline.StageAssistant, "assistant_not_found"},
		"a model that slept": {[]trace.Record{record(t, 0, `{"aurora.duration_ms":8100,"error.type":"upstream_timeout","turn":{"aurora.outcome":"fallback","aurora.fallback":true,"aurora.filler_ms":1500,"models":[{"at_ms":20,"gen_ai.request.model":"gpt-slow","aurora.duration_ms":8000,"aurora.outcome":"failed"}]}}`),
			message(t, 5000, "hang")}, timeline.StageModel, "The model gpt-slow was late: in the turn at 10:03:00.000 it was waited for 8.0 s, and said nothing."},
		"a slow model that answered": {[]trace.Record{record(t, 0, `{"turn":{"aurora.outcome":"answered","aurora.first_byte_ms":9000,"models":[{"at_ms":20,"gen_ai.request.model":"gpt-slow","gen_ai.response.time_to_first_chunk":9,"aurora.duration_ms":9500,"aurora.outcome":"answered"}]}}`)},
			timeline.StageModel, "9.0 s"},
		"a tool that failed": {[]trace.Record{record(t, 0, `{"tools":[{"at_ms":500,"gen_ai.tool.name":"book","aurora.duration_ms":120,"error.type":"tool_failed"}],"turn":{"aurora.outcome":"answered","aurora.first_byte_ms":1200}}`)},
			timeline.StageTool, "The tool book failed"},
		"a tool that was late": {[]trace.Record{record(t, 0, `{"tools":[{"at_ms":500,"gen_ai.tool.name":"book","aurora.duration_ms":4800}],"message":{"aurora.message.type":"tool-calls"}}`)}, timeline.StageTool, "took 4.8 s"},
		"a fallback":           {[]trace.Record{record(t, 0, `{"error.type":"empty_answer","turn":{"aurora.outcome":"fallback","aurora.fallback":true,"aurora.first_byte_ms":700}}`)}, timeline.StageFallback, "empty_answer"},
		"a voice that was late": {[]trace.Record{record(t, 0, goodTurn), speech(t, 100, "user", "stopped"), speech(t, 7000, "assistant", "started")}, timeline.StageVoice,
			"Our words were out 0.9 s after the request at 10:03:00.000, and the provider's voice began only after 7.0 s."},
		"a provider that hung after our words": {[]trace.Record{record(t, 0, goodTurn), message(t, 5000, "hang")}, timeline.StageVoice, "still heard nothing"},
		"a voice that never began":             {[]trace.Record{speech(t, 0, "user", "stopped"), record(t, 50, goodTurn), message(t, 9000, "end-of-call-report")}, timeline.StageVoice, "had not begun"},
		"a caller who cut in":                  {[]trace.Record{record(t, 0, goodTurn), speech(t, 2000, "user", "started"), speech(t, 9000, "assistant", "started")}, timeline.StageNone, ""},
		"a turn that was never asked for":      {[]trace.Record{record(t, 0, goodTurn), speech(t, 1200, "assistant", "started"), speech(t, 9000, "user", "stopped"), message(t, 20_000, "end-of-call-report")}, timeline.StageUnreached, "asked for no turn within 5.0 s"},
		"a call without any turn":              {[]trace.Record{message(t, 0, "status-update"), message(t, 9000, "end-of-call-report")}, timeline.StageUnreached, "Nothing reached us"},
		"nothing":                              {nil, timeline.StageNoRecords, "Nothing is recorded"},
	} {
		if v := timeline.Judge(c.records); v.Stage != c.stage || !strings.Contains(v.Sentence, c.words) {
			t.Errorf("%s: the verdict is %s, %q; want %s with %q", name, v.Stage, v.Sentence, c.stage, c.words)
		}
	}
}

// stores are all stores in memory.
type stores struct {
	records map[trace.Key][]trace.Record
	aliases map[string]aurora.CallAlias
	rows    map[aurora.CallKey]aurora.Call
	placed  map[string]aurora.OutboundCall
}

func (s stores) Traces(_ context.Context, k trace.Key, _ time.Time) ([]trace.Record, error) {
	return s.records[k], nil
}

func (s stores) Alias(_ context.Context, name string) (aurora.CallAlias, bool, error) {
	a, ok := s.aliases[name]
	return a, ok, nil
}

func (s stores) Row(_ context.Context, k aurora.CallKey) (aurora.Call, bool, error) {
	c, ok := s.rows[k]
	return c, ok, nil
}

func (s stores) Record(_ context.Context, id string) (aurora.OutboundCall, bool, error) {
	r, ok := s.placed[id]
	return r, ok, nil
}

func TestFind(t *testing.T) {
	rowKey := aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: callID}
	placed := aurora.OutboundCall{ID: "oc_1", SID: sid, AssistantID: "riley", To: "+14155550100", Name: "Maria Lopez", State: "placed", CreatedAt: began.Add(-time.Second)}
	turn, bySID, foreign := record(t, 100, goodTurn), speech(t, 50, "user", "stopped"), record(t, 70, goodTurn)
	bySID.Calls = append(bySID.Calls, trace.NewKey(sid))
	foreign.Assistant = trace.NewName("other-assistant")
	s := stores{records: map[trace.Key][]trace.Record{trace.NewKey(callID): {turn, foreign}, trace.NewKey(sid): {bySID}},
		aliases: map[string]aurora.CallAlias{sid: {Name: sid, Parent: callID}, callID: {Name: callID, RowKeys: []aurora.CallKey{rowKey}}},
		rows:    map[aurora.CallKey]aurora.Call{rowKey: {CallKey: rowKey, ID: callID, EndedAt: began.Add(time.Minute), EndedReason: "customer-ended-call", Customer: "+14155550100", Summary: "Secret words."}},
		placed:  map[string]aurora.OutboundCall{"oc_1": placed, sid: placed}}
	service := &timeline.Service{Records: s, Aliases: s, Rows: s, Outbound: s, Now: func() time.Time { return began }}
	onlyRiley := func(id string) bool { return id == "riley" }
	for _, id := range []string{"oc_1", sid} {
		got, err := service.Find(t.Context(), id, onlyRiley)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Records) != 2 || got.AssistantID != "riley" || got.Verdict.Stage != timeline.StageNone {
			t.Errorf("by %s: %+v", id, got)
		}
		if !slices.IsSortedFunc(got.Steps, func(a, b timeline.Step) int { return a.At.Compare(b.At) }) {
			t.Errorf("by %s the steps are not in order: %+v", id, got.Steps)
		}
		b, _ := json.Marshal(got)
		for _, want := range []string{"claimed", "first chunk", "first bytes sent", "speech-update", "customer-ended-call"} {
			if !strings.Contains(string(b), want) {
				t.Errorf("by %s: %q is missing in %s", id, want, b)
			}
		}
		for _, never := range []string{"5550100", "Maria", "Secret", "other-assistant"} {
			if strings.Contains(string(b), never) {
				t.Errorf("by %s the timeline holds %q", id, never)
			}
		}
	}
	for id, mayRead := range map[string]func(string) bool{"unknown": onlyRiley, callID: func(string) bool { return false }} {
		if _, err := service.Find(t.Context(), id, mayRead); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v, want not found", id, err)
		}
	}
}
