package main

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callanalysis"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/webhook"
)

// newAnalyst returns an analyst that asks a model at an address, through the same adapter as in AWS.
func newAnalyst(url string) *callanalysis.Analyst {
	pool := &openai.Pool{Options: openai.Options{BaseURL: url, Key: func(context.Context) (string, error) { return "sk-test", nil },
		Limits: openai.Limits{Backoff: time.Millisecond}}}
	return &callanalysis.Analyst{Models: []string{"gpt-4o-mini"}, Chain: pool.Chain}
}

var arrivalTime = time.Date(2026, 11, 18, 15, 5, 0, 0, time.UTC)

// fakeBucket stores the first object of a key, as S3 does with If-None-Match: *. The tests of package s3 hold the adapter to
// S3's protocol.
type fakeBucket map[string]storedObject

type storedObject struct{ hash, body string }

func (b fakeBucket) Create(_ context.Context, key string, body []byte, hash string) (bool, error) {
	if old, ok := b[key]; ok {
		return old.hash == hash, nil
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

// fakeLedger and fakeRows write on conditions, as DynamoDB does. The tests of package dynamo hold the adapter to dynalite.
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

func (r fakeRows) Put(_ context.Context, c aurora.Call) (bool, error) {
	if old, ok := r[c.CallKey]; ok != (c.Revision > 0) || ok && old.Revision != c.Revision-1 {
		return false, nil
	}
	r[c.CallKey] = c
	return true, nil
}

func (r fakeRows) Delete(_ context.Context, c aurora.Call) (bool, error) {
	delete(r, c.CallKey)
	return true, nil
}

// newAssistants returns a table with Riley.
func newAssistants() *testkit.Assistants {
	return testkit.NewAssistants(aurora.Assistant{Language: "en-US", Configuration: aurora.Configuration{
		AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", AssistantName: "Riley", AssistantPhoneNumber: "+15551230100"}})
}

// newBucketWithReports returns a bucket with every report of the webhook's cases, and a few that the webhook never stores.
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
	cases, err := eventcase.Load("../..", "webhook")
	if err != nil {
		t.Fatal(err)
	}
	archive := webhook.Archive{Objects: b, Now: func() time.Time { return arrivalTime }, Count: func(context.Context, string) {}}
	reports := 0
	for _, c := range cases {
		body, err := c.Payload()
		if err != nil {
			t.Fatal(err)
		}
		var request struct{ Message struct{ Type string } }
		if json.Unmarshal(body, &request) != nil || request.Message.Type != "end-of-call-report" {
			continue
		}
		reports++
		if err := archive.StoreReport(t.Context(), body); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
	}
	if reports == 0 {
		t.Fatal("the webhook has no case with an end-of-call report")
	}
	return b
}

// TestMain also looks for golden files that no test uses.
func TestMain(m *testing.M) { os.Exit(golden.Main(m).Run()) }

func TestCases(t *testing.T) {
	testkit.DiscardLog(t)
	eventtest.Run(t, "call-worker", func(t *testing.T, _ *eventcase.Case, event json.RawMessage) eventtest.Observed {
		b, l, r := newBucketWithReports(t), fakeLedger{}, fakeRows{}
		stored := maps.Clone(b)
		now := func() time.Time { return arrivalTime }
		handle := serve(&callindex.Worker{
			Reader: b, Assistants: newAssistants(),
			Index:  &callindex.Index{Aliases: l, Rows: r, Now: now, Retention: 400 * 24 * time.Hour},
			Writer: b, Count: func(context.Context, string) {},
			Analyser: newAnalyst(fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer {
				return fakeopenai.Text(`{"summary":"The caller asked for the hours.","outcome":"resolved","sentiment":"neutral","topics":["hours"],"actionItems":[]}`)
			}).URL),
		}, webhook.Archive{Objects: b, Now: now, Count: func(context.Context, string) {}})
		failed := eventtest.Consume(t, sqs.Consume(handle), event)
		maps.DeleteFunc(b, func(key string, _ storedObject) bool { _, ok := stored[key]; return ok })
		return eventtest.Observed{Effects: map[string]any{"failed": failed, "rows": r.sorted(), "aliases": l.parents(), "stored": b.bodies(t)}}
	})
}

// sorted returns the rows by their call ids.
func (r fakeRows) sorted() []aurora.Call {
	return slices.SortedFunc(maps.Values(r), func(a, b aurora.Call) int { return cmp.Compare(a.CallID, b.CallID) })
}

// parents returns the parent of every alias, or root.
func (l fakeLedger) parents() map[string]string {
	var all map[string]string
	for name, alias := range l {
		if all == nil {
			all = map[string]string{}
		}
		all[name] = cmp.Or(alias.Parent, "root")
	}
	return all
}

// bodies returns the objects. One with a credential is a failure.
func (b fakeBucket) bodies(t *testing.T) map[string]string {
	t.Helper()
	var all map[string]string
	for key, o := range b {
		if strings.Contains(o.body, `0000"`) {
			t.Errorf("%s contains a credential: %s", key, o.body)
		}
		if all == nil {
			all = map[string]string{}
		}
		all[key] = o.body
	}
	return all
}
