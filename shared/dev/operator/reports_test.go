package main

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"example.com/aurora/shared/dev/fakeopenai"
)

const (
	riley = "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"
	avery = "69299da5-c96b-4125-aed7-58a30103acaa"
)

// startReportStack starts a stack with a model that analyses calls and writes narratives.
func startReportStack(t *testing.T) *testStack {
	t.Helper()
	b := &testStack{data: t.TempDir()}
	b.model = fakeopenai.Serve(t, reportsModel)
	b.start(t, "OPENAI_BASE_URL="+b.model.URL, "OPENAI_API_KEY=sk-test")
	return b
}

// TestReports sends the corpus and 2,000 generated calls of 70 days to the webhook. Reports that are made by HTTP and by the
// schedule must agree with what was sent.
func TestReports(t *testing.T) {
	b := startReportStack(t)
	sent := b.ingest(t)
	t.Run("HTTP", func(t *testing.T) { b.reportsByHTTP(t, sent) })
	t.Run("schedule", func(t *testing.T) { b.reportsBySchedule(t, sent) })
	t.Run("internal", func(t *testing.T) { b.internalReports(t) })
	t.Run("rejected", func(t *testing.T) { b.rejectedReports(t) })
	t.Run("no injection", func(t *testing.T) { b.noInjection(t) })
}

// ingest posts all end-of-call reports, some of them twice, and waits until every call is an analysed row.
func (b *testStack) ingest(t *testing.T) []sentCall {
	key := b.info.Keys["BINARYTINT_API_KEY"]
	r := rand.New(rand.NewPCG(4, 70))
	sent := corpusCalls()
	var bodies []string
	for _, name := range []string{"report of our phone service", "report of Vapi", "report of Vapi that is delivered a second time",
		"report of the API document with the least fields", "report of a call that was not answered", "report of a call that reached voicemail",
		"report of a call whose model failed"} {
		bodies = append(bodies, webhookBody(t, name))
	}
	end := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for n := range 2000 {
		assistant := []string{riley, riley, avery, documentAssistant}[r.IntN(4)]
		c, body := randomCall(r, n, assistant, end.Add(-time.Duration(r.Int64N(int64(70*24*time.Hour)))))
		sent, bodies = append(sent, c), append(bodies, body)
		if n%20 == 0 {
			bodies = append(bodies, body)
		}
	}
	work := make(chan string)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for body := range work {
				if resp, answer := b.post(t, b.info.API+"/api/webhook", body, "FLASK-API-KEY", key); resp.StatusCode != 200 || answer != "{}" {
					t.Errorf("%s %s", resp.Status, answer)
				}
			}
		})
	}
	for _, body := range bodies {
		work <- body
	}
	close(work)
	wg.Wait()
	spoken := 0
	for _, c := range sent {
		if c.sentiment != "" {
			spoken++
		}
	}
	for deadline := time.Now().Add(4 * time.Minute); ; <-time.After(500 * time.Millisecond) {
		rows, analysedRows := 0, 0
		b.scan(t, "calls", func(item string) {
			if strings.Contains(item, "made-") {
				rows++
				if strings.Contains(item, "sentiment") {
					analysedRows++
				}
			}
		})
		if rows == 2000 && analysedRows == spoken {
			return sent
		}
		if rows > 2000 || time.Now().After(deadline) {
			t.Fatalf("%d rows and %d of them analysed, want 2000 and %d", rows, analysedRows, spoken)
		}
	}
}

// madeReport is the answer of the report route.
type madeReport struct {
	Status, Message string
	Report          struct{ Link, Period string }
	Warnings        []string
}

// get reads an address and follows its redirect. header has names and values in turn.
func (b *testStack) get(t *testing.T, url string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func (b *testStack) reportsByHTTP(t *testing.T, sent []sentCall) {
	internal := b.info.Keys["BINARYTINT_INTERNAL_API_KEY"]
	for _, c := range []struct {
		assistant, period, until, zone, from, before string
	}{
		{riley, "weekly", "2026-11-23", "America/New_York", "2026-11-16", "2026-11-09"},
		{riley, "monthly", "2026-11-01", "America/New_York", "2026-10-01", "2026-09-01"},
		{avery, "weekly", "2026-11-02", "America/Chicago", "2026-10-26", "2026-10-19"}, // with a clock change
		{documentAssistant, "monthly", "2026-11-23", "America/New_York", "2026-10-23", "2026-09-23"},
	} {
		t.Run(c.assistant[:8]+" "+c.period+" "+c.until, func(t *testing.T) {
			resp, body := b.post(t, b.info.API+"/api/reports/aurora-report/"+c.period, `{"ASSISTANT_ID":"`+c.assistant+`","until":"`+c.until+`"}`, "BINARYTINT-INTERNAL-API-KEY", internal)
			var made madeReport
			if err := json.Unmarshal([]byte(body), &made); err != nil || resp.StatusCode != 200 || made.Status != "success" ||
				made.Message != strings.ToUpper(c.period[:1])+c.period[1:]+" report generated successfully for assistant "+c.assistant {
				t.Fatalf("%s %s", resp.Status, body)
			}
			if o := openReport(t, made.Report.Link); !o.isReport() {
				t.Errorf("the link gives %d, %.300s", o.status, o.page)
			}
			b.compare(t, sent, c.assistant, c.period, c.until, c.zone, c.from, c.before)
		})
	}
}

// compare compares the figures of a report and of its previous window with the independent count.
func (b *testStack) compare(t *testing.T, sent []sentCall, assistant, period, until, zoneName, from, before string) {
	t.Helper()
	zone, err := time.LoadLocation(zoneName)
	if err != nil {
		t.Fatal(err)
	}
	day := func(date string) time.Time {
		d, err := time.ParseInLocation("2006-01-02", date, zone)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	place := "reports/" + assistant + "/" + period + "/" + until + "T0000/"
	report := asJSON(json.RawMessage(b.object(t, place+"report.json")))
	earlier := day(before).AddDate(0, 0, -7)
	if period == "monthly" {
		earlier = day(before).AddDate(0, -1, 0)
	}
	for name, pair := range map[string][2]map[string]any{
		"reported": {report, figuresOf(sent, assistant, day(from), day(until), day(before), zone)},
		"previous": {report["previous"].(map[string]any), figuresOf(sent, assistant, day(before), day(from), earlier, zone)},
	} {
		for figure, want := range pair[1] {
			got := pair[0][figure]
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %s is\n%v\nwant\n%v", name, figure, got, want)
			}
		}
	}
	b.compareRows(t, place, sent, assistant, day(from), day(until))
}

// compareRows compares report.csv with what was sent: one row for each call, its summary and its data, and no cell that a spreadsheet would run.
func (b *testStack) compareRows(t *testing.T, place string, sent []sentCall, assistant string, from, until time.Time) {
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(b.object(t, place+"report.csv"), "\ufeff"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, c := range sent {
		if c.assistant == assistant && !c.ended.Before(from) && c.ended.Before(until) {
			want++
			at := slices.IndexFunc(rows, func(row []string) bool { return slices.Contains(row, c.id) })
			if at < 0 {
				t.Errorf("report.csv has no row for %s", c.id)
				continue
			}
			summary, extracted := rows[at][slices.Index(rows[0], "Summary")], rows[at][slices.Index(rows[0], "Extracted")]
			if c.summarized && (!strings.Contains(summary, c.id) || !strings.Contains(extracted, c.id)) {
				t.Errorf("the row of %s has the summary %q and the data %q, want both with its id", c.id, summary, extracted)
			}
		}
	}
	if len(rows) != want+1 {
		t.Errorf("report.csv has %d rows, want %d and a header", len(rows), want)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.IndexAny(cell, "=+-@\t\r") == 0 {
				if _, err := strconv.ParseFloat(cell, 64); err != nil {
					t.Errorf("a cell begins like a formula: %q", cell)
				}
			}
		}
	}
}

// object returns an object of the bucket.
func (b *testStack) object(t *testing.T, key string) string {
	t.Helper()
	out, err := b.s3(t).GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.info.Bucket, Key: &key})
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// mails returns the mails that the SES fake received.
func (b *testStack) mails(t *testing.T) (all []struct {
	To                  []string
	Subject, Text, HTML string
}) {
	t.Helper()
	_, body := b.get(t, b.info.Mail+"/mails.json")
	var list struct {
		Mails []struct {
			To                  []string
			Subject, Text, HTML string
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v: %.300s", err, body)
	}
	return list.Mails
}

// reportsBySchedule sends the events of Monday's hours as the scheduler does, some of them twice. Each assistant's report must
// be made once, in its own hour.
func (b *testStack) reportsBySchedule(t *testing.T, sent []sentCall) {
	before := len(b.mails(t))
	fire := func(at string) {
		resp, body := b.post(t, b.info.Lambda+"/2015-03-31/functions/ReportScheduleFunction/invocations", `{"period":"weekly","at":"`+at+`"}`)
		if resp.StatusCode != 200 || resp.Header.Get("X-Amz-Function-Error") != "" {
			t.Fatalf("%s: %s %s", at, resp.Status, body)
		}
	}
	for hour := range 24 { // Monday, 16 November
		at := time.Date(2026, 11, 16, hour, 0, 0, 0, time.UTC).Format(time.RFC3339)
		fire(at)
		if hour > 11 && hour < 16 {
			fire(at)
		}
	}
	want := []string{riley, avery, documentAssistant}
	for _, assistant := range want {
		b.waitForObject(t, "reports/"+assistant+"/weekly/2026-11-16T0000/report.json")
	}
	for deadline := time.Now().Add(30 * time.Second); len(b.mails(t)) < before+3 && time.Now().Before(deadline); <-time.After(100 * time.Millisecond) {
	}
	mails := b.mails(t)
	if len(mails) != before+3 {
		t.Errorf("%d mails, want one for each of three", len(mails)-before)
	}
	for _, m := range mails[:len(mails)-before] {
		if len(m.To) != 1 || len(m.HTML) > 100<<10 || strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "<svg") || !strings.Contains(m.Text, "/api/reports/view#") || strings.Contains(m.Text+m.HTML, "987654") {
			t.Errorf("the mail to %v has %d bytes of HTML, the subject %s and the text\n%s", m.To, len(m.HTML), m.Subject, m.Text)
		}
	}
	b.compare(t, sent, riley, "weekly", "2026-11-16", "America/New_York", "2026-11-09", "2026-11-02")
	b.compare(t, sent, avery, "weekly", "2026-11-16", "America/Chicago", "2026-11-09", "2026-11-02")
}

// waitForObject waits until an object exists.
func (b *testStack) waitForObject(t *testing.T, key string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !slices.Contains(b.objects(t, key), key); <-time.After(200 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s was not written in time", key)
		}
	}
}

func (b *testStack) internalReports(t *testing.T) {
	resp, body := b.post(t, b.info.API+"/api/reports/aurora-internal-report/monthly", "", "BINARYTINT-INTERNAL-API-KEY", b.info.Keys["BINARYTINT_INTERNAL_API_KEY"])
	if want := `"message":"Internal report generation process started for all assistants for the monthly period."`; resp.StatusCode != 200 || !strings.Contains(body, want) || !strings.Contains(body, `"status":"success"`) {
		t.Fatalf("%s %s", resp.Status, body)
	}
	for _, assistant := range []string{riley, avery} {
		for deadline := time.Now().Add(time.Minute); ; <-time.After(200 * time.Millisecond) {
			keys := b.objects(t, "reports/"+assistant+"/monthly/")
			if slices.ContainsFunc(keys, func(k string) bool {
				return strings.HasSuffix(k, "/report.json") && !strings.Contains(k, "2026-11-01T0000")
			}) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("there is no report of %s among %v", assistant, keys)
			}
		}
	}
}

func (b *testStack) rejectedReports(t *testing.T) {
	internal := b.info.Keys["BINARYTINT_INTERNAL_API_KEY"]
	for name, c := range map[string]struct {
		path, body, key string
		status          int
		says            string
	}{
		"another period":       {"aurora-report/daily", `{"ASSISTANT_ID":"` + riley + `"}`, internal, 400, "weekly or monthly"},
		"another period (all)": {"aurora-internal-report/Weekly", "", internal, 400, "weekly or monthly"},
		"no assistant":         {"aurora-report/weekly", `{}`, internal, 400, "ASSISTANT_ID"},
		"unknown assistant":    {"aurora-report/weekly", `{"ASSISTANT_ID":"nobody"}`, internal, 404, "assistant"},
		"no date":              {"aurora-report/weekly", `{"ASSISTANT_ID":"` + riley + `","until":"soon"}`, internal, 400, "until"},
		"wrong key":            {"aurora-report/weekly", `{"ASSISTANT_ID":"` + riley + `"}`, strings.Repeat("w", 40), 401, "key"},
		"another kind of key":  {"aurora-internal-report/weekly", "", b.info.Keys["BINARYTINT_EXTERNAL_API_KEY"], 401, "key"},
	} {
		resp, body := b.post(t, b.info.API+"/api/reports/"+c.path, c.body, "BINARYTINT-INTERNAL-API-KEY", c.key)
		if resp.StatusCode != c.status || !strings.Contains(body, c.says) || !strings.Contains(body, `"status":"error"`) {
			t.Errorf("%s: %s %s", name, resp.Status, body)
		}
	}
	for _, token := range []string{"x", strings.Repeat("A", 200), "..%2f..%2feoc"} {
		if resp, body := b.get(t, b.info.API+"/api/reports/view/"+token); resp.StatusCode != 401 || !strings.Contains(body, `"status":"error"`) {
			t.Errorf("%s: %s %s", token, resp.Status, body)
		}
	}
}

// noInjection checks that no file contains hostile text of callers that a browser or spreadsheet would run.
func (b *testStack) noInjection(t *testing.T) {
	pages := 0
	for _, key := range b.objects(t, "reports/") {
		if !strings.HasSuffix(key, ".html") {
			continue
		}
		pages++
		page := strings.ToLower(b.object(t, key))
		for _, bad := range []string{"<script", "<img src=x", "onerror=alert(1)>", "javascript:", "\x00", "\x1b", "\u202e"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s contains %q", key, bad)
			}
		}
	}
	if pages < 20 {
		t.Errorf("there are only %d pages, so transcripts are missing", pages)
	}
}
