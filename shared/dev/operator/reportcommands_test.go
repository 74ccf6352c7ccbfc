package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// TestReportCommands runs the demo and the commands about reports against a stack of their own.
func TestReportCommands(t *testing.T) {
	b := &testStack{data: t.TempDir()}
	b.start(t)
	data := b.data
	run, err := json.Marshal(b.info)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "run.json"), run, 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(args ...string) (string, error) {
		var out bytes.Buffer
		p := &program{out: &out, args: args, env: func(name string) string { return map[string]string{"AURORA_DATA": data}[name] }}
		err := p.dispatch(t.Context())
		return out.String(), err
	}
	t.Run("demo", func(t *testing.T) {
		said, err := do("demo")
		for _, want := range []string{"Weekly report generated successfully for assistant " + demoAssistant, `"total": 1`, "/api/reports/view#", "opens a page of", "text/html"} {
			if err != nil || !strings.Contains(said, want) {
				t.Fatalf("the demo does not say %q (%v):\n%s", want, err, said)
			}
		}
	})
	t.Run("report, twice", func(t *testing.T) {
		for range 2 {
			said, err := do("report", "-assistant", demoAssistant, "-period", "weekly")
			if err != nil || !strings.Contains(said, "Weekly report on ") || !strings.Contains(said, "calls    1 (the week before: 0)") || !strings.Contains(said, "X-Amz-Signature") {
				t.Errorf("the report command (%v) says\n%s\nwant the figures and a signed address", err, said)
			}
		}
		if _, err := do("report", "-assistant", "nobody", "-period", "weekly"); err == nil || !strings.Contains(err.Error(), "There is no such assistant") {
			t.Errorf("the error for an unknown assistant is %v", err)
		}
	})
	t.Run("links", func(t *testing.T) { b.reportLinks(t, do) })
	t.Run("backfill", func(t *testing.T) {
		mails := mailsAt(t, b.info.Mail)
		first, last := time.Now().AddDate(0, 0, -28).Format(time.DateOnly), time.Now().Format(time.DateOnly)
		said, err := do("backfill", "-period", "weekly", "-from", first, "-to", last, "-assistant", demoAssistant)
		if err != nil || !strings.Contains(said, "0 missing") || strings.Contains(said, "0 reports made") {
			t.Fatalf("the backfill (%v) says\n%s\nwant reports made and none missing", err, said)
		}
		if said, err = do("backfill", "-period", "weekly", "-from", first, "-to", last, "-assistant", demoAssistant); err != nil || !strings.Contains(said, "0 are to be made") {
			t.Errorf("the second backfill (%v) says\n%s\nwant nothing to be made", err, said)
		}
		if after := mailsAt(t, b.info.Mail); after != mails {
			t.Errorf("a backfill sent mails: there were %d before and are %d now", mails, after)
		}
	})
	t.Run("schedule", func(t *testing.T) {
		said, err := do("schedule", "-period", "monthly")
		if err != nil || !strings.Contains(said, "3 monthly reports queued") {
			t.Fatalf("the schedule command (%v) says\n%s\nwant 3 reports queued", err, said)
		}
		zone, _ := time.LoadLocation("America/New_York") // the demo assistant's
		prefix := aurora.ReportPrefix(demoAssistant, aurora.Monthly.WindowUntil(aurora.StartOfDay(time.Now().In(zone)), zone))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for !slices.Contains(b.objects(t, prefix), prefix+"report.json") {
			if !sleep(ctx, 100*time.Millisecond) {
				t.Fatalf("%sreport.json was not written in time", prefix)
			}
		}
	})
	t.Run("keys", b.reportKeys)
	t.Run("a missing report is named", func(t *testing.T) {
		r, err := (&program{out: &bytes.Buffer{}, env: func(string) string { return data }}).openReportCommand(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		until := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
		job := aurora.ReportJob{AssistantID: "nobody", Period: aurora.Weekly, Until: until, Quiet: true}
		prefix := aurora.ReportPrefix("nobody", aurora.Weekly.WindowUntil(until, time.UTC))
		fill := &backfillRun{reportCommand: r, period: aurora.Weekly, timeout: 2 * time.Second, pending: map[string]aurora.ReportJob{prefix: job}}
		if err := fill.run(t.Context()); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("nobody until %s was not made", until.Format(time.RFC3339))) {
			t.Errorf("the error is %v, want one that names the report", err)
		}
	})
}

// reportKeys tries every kind of key on the report routes, the internal key on other routes, and made-up tokens on the route of
// links. Each policy accepts its keys on its routes and nowhere else.
func (b *testStack) reportKeys(t *testing.T) {
	keys := b.info.Keys
	const none = `{"ASSISTANT_ID":"nobody"}`
	reports := map[string]int{"/api/reports/aurora-report/weekly": 404, "/api/reports/aurora-report/monthly": 404, "/api/reports/aurora-report/daily": 400,
		"/api/reports/aurora-internal-report/yearly": 400}
	for path, accepted := range reports {
		for name, c := range map[string]struct {
			header []string
			want   int
		}{
			"internal":             {[]string{"BINARYTINT-INTERNAL-API-KEY", keys["BINARYTINT_INTERNAL_API_KEY"]}, accepted},
			"in another case":      {[]string{"binarytint-internal-api-key", keys["BINARYTINT_INTERNAL_API_KEY"]}, accepted},
			"external":             {[]string{"BINARYTINT-EXTERNAL-API-KEY", keys["BINARYTINT_EXTERNAL_API_KEY"]}, 401},
			"external as internal": {[]string{"BINARYTINT-INTERNAL-API-KEY", keys["BINARYTINT_EXTERNAL_API_KEY"]}, 401},
			"api as internal":      {[]string{"BINARYTINT-INTERNAL-API-KEY", keys["BINARYTINT_API_KEY"]}, 401},
			"api":                  {[]string{"FLASK-API-KEY", keys["BINARYTINT_API_KEY"]}, 401},
			"bearer":               {[]string{"Authorization", "Bearer " + keys["BINARYTINT_API_KEY"]}, 401},
			"internal as bearer":   {[]string{"Authorization", "Bearer " + keys["BINARYTINT_INTERNAL_API_KEY"]}, 401},
			"empty":                {[]string{"BINARYTINT-INTERNAL-API-KEY", ""}, 401},
			"cut":                  {[]string{"BINARYTINT-INTERNAL-API-KEY", keys["BINARYTINT_INTERNAL_API_KEY"][1:]}, 401},
			"none":                 {nil, 401},
		} {
			resp, body := b.post(t, b.info.API+path, none, c.header...)
			var e struct {
				Status, Message, RequestID string
				Error                      struct{ Code string }
			}
			if err := json.Unmarshal([]byte(body), &e); err != nil || resp.StatusCode != c.want || e.Status != "error" || e.Message == "" || c.want == 401 && e.Error.Code != "invalid_api_key" {
				t.Errorf("%s with %s: %s %s", path, name, resp.Status, body)
			}
		}
	}
	for _, path := range []string{"/api/webhook", "/api/v1/openai/chat/completions"} {
		if resp, body := b.post(t, b.info.API+path, none, "BINARYTINT-INTERNAL-API-KEY", keys["BINARYTINT_INTERNAL_API_KEY"]); resp.StatusCode != 401 {
			t.Errorf("%s with the internal key: %s %s", path, resp.Status, body)
		}
	}
	for _, token := range []string{"AQ", "null", strings.Repeat("A", 160), "%2e%2e%2f"} {
		resp, err := http.Get(b.info.API + "/api/reports/view/" + token)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != 401 || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the made-up token %s: %s %v, want 401 and no-store", token, resp.Status, resp.Header)
		}
	}
}

// mailsAt returns how many mails a stack has sent.
func mailsAt(t *testing.T, address string) int {
	t.Helper()
	resp, err := http.Get(address + "/mails.json")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var list struct{ Mails []json.RawMessage }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	return len(list.Mails)
}
