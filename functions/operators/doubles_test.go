package main

import (
	"context"
	"encoding/json"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/usecase/timeline"
)

// timelineStores are the stores behind the timeline of one call of the assistant riley, whose model took 9 seconds.
type timelineStores struct{}

const timelineCall = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"

func (timelineStores) Traces(_ context.Context, call trace.Key, _ time.Time) ([]trace.Record, error) {
	if call.String() != timelineCall {
		return nil, nil
	}
	var r trace.Record
	err := json.Unmarshal([]byte(`{"kind":"turn","id":"h-00000000000000000000000000000001","at":"2026-11-18T10:03:00Z","gen_ai.conversation.id":["`+timelineCall+`"],
		"aurora.assistant.id":"riley","aurora.duration_ms":9500,"turn":{"aurora.channel":"voice","aurora.outcome":"answered","aurora.first_byte_ms":9020,
		"models":[{"at_ms":20,"gen_ai.request.model":"gpt-slow","gen_ai.response.time_to_first_chunk":9,"aurora.duration_ms":9400,"aurora.outcome":"answered"}]}}`), &r)
	return []trace.Record{r}, err
}

func (timelineStores) Alias(context.Context, string) (aurora.CallAlias, bool, error) {
	return aurora.CallAlias{}, false, nil
}

func (timelineStores) Row(context.Context, aurora.CallKey) (aurora.Call, bool, error) {
	return aurora.Call{}, false, nil
}

func (timelineStores) Record(context.Context, string) (aurora.OutboundCall, bool, error) {
	return aurora.OutboundCall{}, false, nil
}

func newTimelines() *timeline.Service {
	s := timelineStores{}
	return &timeline.Service{Records: s, Aliases: s, Rows: s, Outbound: s, Now: time.Now}
}
