package callfinder_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/dev/callfinder"
	"example.com/aurora/shared/dev/testkit"
)

// logLines are lines of one log, as they are written.
type logLines []string

func (l logLines) Lines(_ context.Context, texts []string) (found []callfinder.Line, err error) {
	for _, raw := range l {
		line, ok := callfinder.ParseLine("webhook", raw, time.Time{})
		if ok && slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(raw, s) }) {
			found = append(found, line)
		}
	}
	return found, nil
}

type objects map[string]string

func (o objects) List(_ context.Context, prefix, _ string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for _, key := range slices.Sorted(maps.Keys(o)) {
			if strings.HasPrefix(key, prefix) && !yield(key, nil) {
				return
			}
		}
	}
}

func (o objects) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	if body, ok := o[key]; ok {
		return []byte(body), time.Date(2026, 11, 18, 15, 5, 0, 0, time.UTC), nil
	}
	return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
}

type records map[trace.Key][]trace.Record

func (r records) Traces(_ context.Context, call trace.Key, _ time.Time) ([]trace.Record, error) {
	return r[call], nil
}

// recordOf returns the record of a turn of an assistant whose model took 9 seconds.
func recordOf(assistantID, model string) trace.Record {
	late := 9.0
	return trace.Record{Kind: trace.KindTurn, At: time.Date(2026, 11, 18, 15, 0, 2, 0, time.UTC), Assistant: trace.NewName(assistantID), Ms: 9100,
		Turn: &trace.Turn{Outcome: trace.NewName("answered"), Models: []trace.Model{{Name: trace.NewName(model), FirstChunk: &late, Ms: 9050, Outcome: trace.NewName("answered")}}}}
}

type items []aurora.StoredItem

func (i items) All(context.Context) iter.Seq2[aurora.StoredItem, error] {
	return func(yield func(aurora.StoredItem, error) bool) {
		for _, item := range i {
			if !yield(item, nil) {
				return
			}
		}
	}
}

// find returns what is printed about the calls that an id leads to.
func find(t *testing.T, f callfinder.Finder, id string) string {
	t.Helper()
	calls, err := f.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	for _, c := range calls {
		c.Print(&b)
	}
	return b.String()
}

// TestFind checks which lines, objects and items are one call's.
func TestFind(t *testing.T) {
	const sid = "CA00000000000000000000000000000001"
	line := func(second int, fields string) string {
		return fmt.Sprintf(`{"time":"2026-11-18T15:00:%02dZ","level":"INFO",%s}`, second, fields)
	}
	f := callfinder.Finder{
		Now:    time.Now,
		Traces: records{trace.NewKey("c1"): {recordOf("a", "gpt-slow"), recordOf("b", "gpt-other")}},
		Logs: logLines{
			line(1, `"event":"outbound.placed","requestId":"r1","callId":"`+sid+`","callSid":"`+sid+`","recordId":"oc_1","assistantId":"a","to":"+14155550100"`),
			line(2, `"event":"turn.ended","requestId":"r2","callId":"c1","callSid":"`+sid+`","assistantId":"a"`),
			line(3, `"event":"model.failed","requestId":"r2"`),
			line(4, `"event":"report.indexed","requestId":"r3","callId":"c1","assistantId":"a"`),
			line(5, `"event":"report.indexed","requestId":"r3","callId":"other","assistantId":"a"`),
			line(6, `"event":"batch.line","requestId":"r3"`),
			line(7, `"event":"turn.ended","requestId":"r4","callId":"c1","assistantId":"b"`),
			line(8, `"event":"turn.ended","requestId":"r5","callId":"c10","assistantId":"a"`),
			`platform r2 timed out`,
			`{"requestId":"chosen-by-the-caller","integrationRequestId":"r2","status":"200","ip":"192.0.2.1"}`,
			`{"_aws":{"Timestamp":1795014003000},"FallbackSpoken":1,"requestId":"r2"}`,
		},
		Bucket: objects{
			"eoc/a/2026/11/18/c1.json":               `{"message":{"type":"end-of-call-report","call":{"id":"c1","assistantId":"a","phoneCallProviderId":"` + sid + `"}}}`,
			"eoc/b/2026/11/18/c1.json":               `{"message":{"type":"end-of-call-report","call":{"id":"c1","assistantId":"b"}}}`,
			"eoc/a/2026/11/18/c10.json":              `{}`,
			"reports/a/weekly/1/report.json":         `{"assistantId":"a","from":"2026-11-16T00:00:00Z","until":"2026-11-23T00:00:00Z"}`,
			"reports/a/weekly/0/report.json":         `{"assistantId":"a","from":"2026-11-09T00:00:00Z","until":"2026-11-16T00:00:00Z"}`,
			"analysis/a/2026/11/18/c1.json":          `{}`,
			"reports/b/weekly/1/transcripts/c1.html": `x`,
		},
		Calls: items{{"assistantDay": "a#2026-11-18", "callId": "c1", "endedAt": "2026-11-18T15:04:42Z", "customer": "+14155550100", "summary": "secret words"}},
		Ledger: items{
			{"key": "call#c1", "places": []any{"a#2026-11-18"}, "created": json.Number("1795014300000")},
			{"key": "call#" + aurora.OwnAlias("c1", "b"), "places": []any{"b#2026-11-18"}},
			{"key": "phone#" + sid, "state": `{"SID":"` + sid + `","AssistantID":"a","CreatedAt":"2026-11-18T15:00:00Z","From":"+14155550100","Greeting":"secret words","Generation":7}`},
			{"key": "phone#CA2", "state": `{"SID":"CA2","AssistantID":"a"}`},
			{"key": "placed#oc_1", "state": "placed", "sid": sid, "assistantId": "a", "to": "+14155550100", "name": "secret words"},
			{"key": "session#a#c1#x#y", "agent": "a"}, {"key": "session#a#c10#x#y", "agent": "a"}, {"key": "once#a#c1#x#y", "state": "done"},
			{"key": "erased#" + aurora.ErasedCall("b", "c1"), "at": json.Number("1795014400")},
		},
	}
	a := find(t, f, sid)
	for _, want := range []string{"call " + sid + ", c1, oc_1 of a\n", "outbound.placed", "The model gpt-slow was late", "traces model", "first chunk               name=gpt-slow ms=9000", "model.failed", "report.indexed", "timed out", "access", "FallbackSpoken=1", "outbound call", "session",
		"tool result", "state of the phone call   key=phone#" + sid + " generation=7", "row of the call", "made report               key=reports/a/weekly/1/", "end-of-call report", "analysis"} {
		if !strings.Contains(a, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, never := range []string{"c10", "other", "batch.line", "weekly/0", "gpt-other", " of b", "secret", "5550100", "192.0.2.1", "r4"} {
		if strings.Contains(a, never) {
			t.Errorf("the call has %q", never)
		}
	}
	if t.Failed() {
		t.Log(a)
	}
	for _, id := range []string{"oc_1", "r2"} {
		if got := find(t, f, id); got != a {
			t.Errorf("by %s:\n%s\nwant\n%s", id, got, a)
		}
	}
	if both := find(t, f, "c1"); !strings.HasPrefix(both, a) || !strings.Contains(both, "call c1 of b\n") || !strings.Contains(both, "erased") {
		t.Errorf("by an id that two assistants have:\n%s", both)
	}
	if got := find(t, f, "c"); got != "" {
		t.Errorf("by the beginning of an id:\n%s", got)
	}
}

// TestInsights checks the requests to CloudWatch Logs Insights, and how their results are read.
func TestInsights(t *testing.T) {
	var query struct {
		QueryString        string   `json:"queryString"`
		LogGroupNames      []string `json:"logGroupNames"`
		StartTime, EndTime int64
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		switch operation {
		case "DescribeLogGroups":
			_, _ = io.WriteString(w, `{"logGroups":[{"logGroupName":"/aurora/prod/webhook"},{"logGroupName":"/aurora/prod/api"}]}`)
		case "StartQuery":
			_ = json.NewDecoder(r.Body).Decode(&query)
			_, _ = io.WriteString(w, `{"queryId":"q1"}`)
		case "GetQueryResults":
			if asked++; asked == 1 {
				_, _ = io.WriteString(w, `{"status":"Running","results":[]}`)
				return
			}
			_, _ = io.WriteString(w, `{"status":"Complete","results":[[{"field":"@timestamp","value":"2026-11-18 15:00:01.500"},{"field":"@log","value":"123456789012:/aurora/prod/webhook"},
				{"field":"@message","value":"{\"event\":\"report.stored\",\"callId\":\"c1\"}"}]]}`)
		}
	}))
	t.Cleanup(server.Close)
	cfg, err := testkit.AWSConfig(server.URL, nil)()
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 18, 16, 0, 0, 0, time.UTC)
	logs := &callfinder.Insights{Client: cloudwatchlogs.NewFromConfig(cfg), Stage: "prod", Since: time.Hour, Now: func() time.Time { return now }}
	lines, err := logs.Lines(t.Context(), []string{"c1", `c" or @message like "`, "r1"})
	if err != nil {
		t.Fatal(err)
	}
	if want := `filter @message like "c1" or @message like "r1" | sort`; !strings.Contains(query.QueryString, want) {
		t.Errorf("the query is %s, want %s in it", query.QueryString, want)
	}
	if !slices.Equal(query.LogGroupNames, []string{"/aurora/prod/webhook", "/aurora/prod/api"}) || query.EndTime-query.StartTime != 3600 {
		t.Errorf("the query is %+v", query)
	}
	if len(lines) != 1 || lines[0].Source != "webhook" || lines[0].Fields["callId"] != "c1" || lines[0].Time.Format("15:04:05.0") != "15:00:01.5" {
		t.Errorf("the lines are %+v", lines)
	}
}
