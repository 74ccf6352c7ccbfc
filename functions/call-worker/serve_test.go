package main

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callanalysis"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/webhook"
)

// newAnalyst asks a model at an address, through the adapter that asks in AWS.
func newAnalyst(url string) *callanalysis.Analyst {
	pool := &openai.Pool{Options: openai.Options{BaseURL: url, Key: func(context.Context) (string, error) { return "sk-test", nil },
		Limits: openai.Limits{Backoff: time.Millisecond}}}
	return &callanalysis.Analyst{Models: []string{"gpt-4o-mini"}, Chain: pool.Chain}
}

var arrivalTime = time.Date(2026, 11, 18, 15, 5, 0, 0, time.UTC)

// fakeBucket is a bucket: the first object of a key stays, as with If-None-Match: * (package bucket's tests hold S3's
// protocol to it).
type fakeBucket map[string]storedObject

type storedObject struct{ hash, body string }

func (b fakeBucket) Create(_ context.Context, key string, body []byte, hash string) (bool, error) {
	if there, ok := b[key]; ok {
		return there.hash == hash, nil
	}
	b[key] = storedObject{hash, string(body)}
	return true, nil
}

func (b fakeBucket) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	o, ok := b[key]
	if !ok {
		return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
	}
	return []byte(o.body), arrivalTime, nil
}

// fakeLedger and rows write on conditions, as DynamoDB does (package dynamo's tests hold dynalite to it).
type fakeLedger map[string]aurora.CallAlias

func (l fakeLedger) Alias(_ context.Context, name string) (aurora.CallAlias, bool, error) {
	a, ok := l[name]
	return a, ok, nil
}

func (l fakeLedger) CreateAlias(_ context.Context, a aurora.CallAlias) (bool, error) {
	if _, ok := l[a.Name]; ok {
		return false, nil
	}
	l[a.Name] = a
	return true, nil
}

func (l fakeLedger) UpdateAlias(_ context.Context, a aurora.CallAlias) (bool, error) {
	if l[a.Name].Revision != a.Revision-1 {
		return false, nil
	}
	l[a.Name] = a
	return true, nil
}

type fakeRows map[aurora.CallKey]aurora.Call

func (r fakeRows) Row(_ context.Context, at aurora.CallKey) (aurora.Call, bool, error) {
	c, ok := r[at]
	return c, ok, nil
}

func (r fakeRows) Put(_ context.Context, c aurora.Call) (aurora.Call, error) {
	if old, ok := r[c.CallKey]; ok && old.Version >= c.Version {
		return old, nil
	}
	r[c.CallKey] = c
	return c, nil
}

func (r fakeRows) Delete(_ context.Context, c aurora.Call) (bool, error) {
	delete(r, c.CallKey)
	return true, nil
}

// newAssistants returns a table that holds the assistant of the events.
func newAssistants() *testkit.Assistants {
	return testkit.NewAssistants(aurora.Assistant{Language: "en-US", Configuration: aurora.Configuration{
		AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", AssistantName: "Riley", AssistantPhoneNumber: "+15551230100"}})
}

// newBucketWithReports is a bucket with every report of the webhook's events, and a few that no webhook writes.
func newBucketWithReports(t *testing.T) fakeBucket {
	t.Helper()
	b := fakeBucket{
		"eoc/a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4/2026/11/18/unreadable.json": {body: `{"message":`},
		"eoc/_/undated/a b+c%é.json":                                          {body: `{"message":{"type":"end-of-call-report"}}`},
		"eoc/_/undated/g-minimal.json":                                        {body: `{"message":{"type":"end-of-call-report","endedReason":"customer-ended-call"}}`},
		"eoc/_/2026/11/18/CA205b9efef494de008a729d1d93c20042.json": {body: `{"message":{"type":"end-of-call-report","timestamp":1795014286703,
			"call":{"id":"CA205b9efef494de008a729d1d93c20042"},"endedAt":"2026-11-18T15:04:42Z","endedReason":"completed","cost":9}}`},
		"eoc/a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4/2026/11/18/two.json": {body: `{"message":{"type":"end-of-call-report","timestamp":1795014286704,
			"call":{"id":"two","assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"},"endedAt":"2026-11-18T15:04:42Z","cost":1}}`},
		"eoc/a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4/2026/11/18/two~beef0001.json": {body: `{"message":{"type":"end-of-call-report","timestamp":1795014286705,
			"call":{"id":"two","assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"},"endedAt":"2026-11-18T15:04:42Z","cost":2}}`},
	}
	files, err := filepath.Glob("../../events/webhook/end-of-call-report*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no reports (%v)", err)
	}
	keeper := webhook.Archive{Objects: b, Now: func() time.Time { return arrivalTime }, Count: func(context.Context, string) {}}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var event events.APIGatewayProxyRequest
		if err := json.Unmarshal(raw, &event); err != nil {
			t.Fatal(err)
		}
		body := []byte(event.Body)
		if event.IsBase64Encoded {
			if body, err = base64.StdEncoding.DecodeString(event.Body); err != nil {
				t.Fatal(err)
			}
		}
		if err := keeper.StoreReport(t.Context(), body); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return b
}

// eventResult is what an event led to.
type eventResult struct {
	Failed []string          `json:"failed"`
	Rows   []aurora.Call     `json:"rows"`
	Names  map[string]string `json:"names"`
	Kept   map[string]string `json:"kept,omitempty"`
}

func TestEvents(t *testing.T) {
	testkit.DiscardLog(t)
	golden.Events(t, "call-worker", func(t *testing.T, name string, event json.RawMessage) {
		b, l, r := newBucketWithReports(t), fakeLedger{}, fakeRows{}
		there := maps.Clone(b)
		now := func() time.Time { return arrivalTime }
		serve := serve(&callindex.Worker{
			Reader: b, Assistants: newAssistants(),
			Index:  &callindex.Index{Aliases: l, Rows: r, Now: now, Retention: 400 * 24 * time.Hour},
			Writer: b, Count: func(context.Context, string) {},
			Analyser: newAnalyst(fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer {
				return fakeopenai.Text(`{"summary":"The caller asked for the hours.","outcome":"resolved","sentiment":"neutral","topics":["hours"],"actionItems":[]}`)
			}).URL),
		}, webhook.Archive{Objects: b, Now: now, Count: func(context.Context, string) {}})
		var batch events.SQSEvent
		if err := json.Unmarshal(event, &batch); err != nil {
			t.Fatal(err)
		}
		got := eventResult{Failed: []string{}, Rows: []aurora.Call{}, Names: map[string]string{}, Kept: map[string]string{}}
		for i := range batch.Records { // one at a time, so that the golden does not depend on who is first
			one := events.SQSEvent{Records: batch.Records[i : i+1]}
			response, err := sqs.Consume(serve)(t.Context(), one)
			if err != nil {
				t.Fatal(err)
			}
			for _, failure := range response.BatchItemFailures {
				got.Failed = append(got.Failed, failure.ItemIdentifier)
			}
		}
		for _, c := range r {
			got.Rows = append(got.Rows, c)
		}
		slices.SortFunc(got.Rows, func(a, b aurora.Call) int { return cmp.Compare(a.CallID, b.CallID) })
		for name, alias := range l {
			got.Names[name] = cmp.Or(alias.Parent, "root")
		}
		for key, o := range b {
			if _, old := there[key]; !old {
				got.Kept[key] = o.body
			}
		}
		golden.JSON(t, name, got)
		if strings.Contains(string(mustJSON(t, got)), "0000\"") && strings.Contains(name, "credential") {
			t.Error("a credential was stored")
		}
	})
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
