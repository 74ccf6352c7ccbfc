package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

// fakeBucket is one in memory that remembers the order of what was written.
type fakeBucket struct {
	mu      sync.Mutex
	objects map[string]string
	order   []string
	fails   string // the end of a key that cannot be written
}

func (b *fakeBucket) Put(_ context.Context, key, _ string, body []byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fails != "" && strings.HasSuffix(key, b.fails) {
		return errors.New("SlowDown")
	}
	b.objects[key] = string(body)
	b.order = append(b.order, key)
	return nil
}

func (b *fakeBucket) Upload(ctx context.Context, key, kind string, from io.Reader) error {
	body, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	return b.Put(ctx, key, kind, body)
}

func (b *fakeBucket) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if body, ok := b.objects[key]; ok {
		return []byte(body), time.Time{}, nil
	}
	return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
}

// fakeMailer are those who get mail; some cannot be reached.
type fakeMailer struct {
	mails    []aurora.Mail
	failures map[string]error
}

func (p *fakeMailer) Ready() bool { return true }

func (p *fakeMailer) SendMail(_ context.Context, m aurora.Mail) error {
	if err := p.failures[m.To[0]]; err != nil {
		return err
	}
	p.mails = append(p.mails, m)
	return nil
}

func (p *fakeMailer) recipients() (to []string) {
	for _, m := range p.mails {
		to = append(to, m.To...)
	}
	return to
}

// fakeSentLog is a Sent in memory.
type fakeSentLog map[string]bool

func (l fakeSentLog) Send(ctx context.Context, key string, again bool, send func(context.Context) error) (bool, error) {
	if l[key] && !again {
		return false, nil
	}
	if err := send(ctx); err != nil {
		return false, err
	}
	l[key] = true
	return true, nil
}

type fakeLinks struct{}

func (fakeLinks) URL(_ context.Context, key string) (string, error) {
	return "https://aurora.example.com/api/reports/view/" + strings.ReplaceAll(key, "/", "~"), nil
}

const hostile = "<script>window.__hacked=1</script>\u202e=HYPERLINK(\"https://evil.example.com\")\x00"

func newTestMaker(t *testing.T) (*Maker, *fakeBucket, *fakeMailer, *fakeCalls) {
	t.Helper()
	b, p, s := &fakeBucket{objects: map[string]string{}}, &fakeMailer{failures: map[string]error{}}, &fakeCalls{size: 3}
	for i := range 30 {
		ended := time.Date(2026, 11, 17+i%5, 15, i, 0, 0, time.UTC)
		seconds := float64(60 + i)
		c := aurora.Call{CallKey: aurora.CallKey{AssistantID: "a1", Day: ended.Format(time.DateOnly), CallID: fmt.Sprint("c", i)}, EndedAt: ended, Seconds: &seconds,
			Disposition: aurora.DispositionAnswered, Direction: aurora.DirectionInbound, Customer: "+14155550123", CustomerName: hostile, Summary: "Asked for " + hostile, Spoke: true, Transcript: true,
			EndedReason: "customer-ended-call", ObjectKey: fmt.Sprint("eoc/a1/c", i, ".json"), Recording: "javascript:alert(1)"}
		c.Outcome, c.Sentiment, c.Topics = aurora.OutcomeResolved, aurora.SentimentNeutral, []string{"prices"}
		if i%10 == 0 {
			c.Outcome, c.Sentiment, c.ActionItems = aurora.OutcomeUnresolved, aurora.SentimentNegative, []string{"Call back"}
		}
		s.put(c)
		b.objects[c.ObjectKey] = `{"message":{"type":"end-of-call-report","transcript":"AI: Hello\nUser: <script>window.__hacked=1</script> hi\n"}}`
	}
	a := aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "a1", AssistantName: "Riley", OrgName: "Harbor Dental", TimeZone: "America/New_York",
		Emails: aurora.List{"owner@example.com", "second@example.com", " OWNER@example.com"}}}
	m := &Maker{Assistants: testkit.NewAssistants(a), Calls: s, Bucket: b, Mail: p, SentLog: fakeSentLog{}, Links: fakeLinks{}, PublicURL: "https://aurora.example.com",
		Models: []string{"m"}, NewModel: func([]aurora.ModelRef) agent.Model { return &fakeModel{text: "There were 30 calls. 5000 were late."} },
		Count: func(context.Context, string) {}, Now: func() time.Time { return time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC) }}
	return m, b, p, s
}

func weeklyJob() aurora.ReportJob {
	return aurora.ReportJob{AssistantID: "a1", Period: aurora.Weekly, Until: time.Date(2026, 11, 23, 5, 0, 0, 0, time.UTC)}
}

const testPrefix = "reports/a1/weekly/2026-11-23T0000/"

func TestMake(t *testing.T) {
	m, b, p, _ := newTestMaker(t)
	made, err := m.Make(t.Context(), weeklyJob())
	if err != nil {
		t.Fatal(err)
	}
	if made.Prefix != testPrefix || made.MailsSent != 2 || len(made.Warnings) != 0 || !strings.HasSuffix(made.Link, "report.html") {
		t.Errorf("%+v", made)
	}
	if got := p.recipients(); !slices.Equal(got, []string{"owner@example.com", "second@example.com"}) {
		t.Errorf("mailed to %v", got)
	}
	var r aurora.Report
	if err := json.Unmarshal([]byte(b.objects[testPrefix+"report.json"]), &r); err != nil {
		t.Fatal(err)
	}
	if r.Version != 1 || r.Calls.Total != 30 || len(r.Attention) != 3 || r.TimeZone != "America/New_York" || r.From.Format(time.RFC3339) != "2026-11-16T00:00:00-05:00" ||
		r.Narrative.Text != "There were 30 calls." || r.Narrative.Model != "m-1" || !strings.Contains(r.Narrative.Note, "A sentence was left out") {
		t.Errorf("%+v", r)
	}
	for _, a := range r.Attention {
		if a.Recording != "" || !strings.Contains(a.Transcript, "transcripts~") || a.Reasons[0] != "The caller was unhappy." {
			t.Errorf("%+v", a)
		}
	}
	if last := b.order[len(b.order)-1]; last != testPrefix+"report.json" {
		t.Errorf("report.json, by which a report is known to be whole, was written before %s", last)
	}
	if lines := strings.Count(b.objects[testPrefix+"report.csv"], "\r\n"); lines != 31 {
		t.Errorf("%d lines in report.csv", lines)
	}
	transcripts := 0
	for key, body := range b.objects {
		if strings.HasPrefix(key, testPrefix+"transcripts/") {
			transcripts++
			if !strings.Contains(body, "Hello") {
				t.Errorf("%s: %s", key, body)
			}
		}
		if strings.HasPrefix(key, testPrefix) && strings.HasSuffix(key, ".html") && strings.Contains(body, "<script") {
			t.Errorf("%s holds a script", key)
		}
	}
	if transcripts != 3 {
		t.Errorf("%d transcripts", transcripts)
	}
}

// The document's top keys, and no more.
func TestReportKeys(t *testing.T) {
	m, b, _, _ := newTestMaker(t)
	if _, err := m.Make(t.Context(), weeklyJob()); err != nil {
		t.Fatal(err)
	}
	keys := func(raw json.RawMessage) []string {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		return slices.Sorted(maps.Keys(fields))
	}
	figures := []string{"byDay", "byHour", "callers", "calls", "cost", "durationSeconds", "endedReasons", "minutes", "outcomes", "sentiment", "topics"}
	want := slices.Sorted(slices.Values(append([]string{"version", "assistantId", "assistantName", "period", "from", "until", "timeZone", "attention", "narrative", "previous"}, figures...)))
	whole := json.RawMessage(b.objects[testPrefix+"report.json"])
	if got := keys(whole); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	var r struct{ Previous json.RawMessage }
	_ = json.Unmarshal(whole, &r) // was read just now
	if got, want := keys(r.Previous), slices.Sorted(slices.Values(append([]string{"from", "until"}, figures...))); !slices.Equal(got, want) {
		t.Errorf("previous: got  %v\nwant %v", got, want)
	}
}

// Made again, a report takes its own place and nobody is mailed twice, unless asked to.
func TestFault55MadeAgain(t *testing.T) {
	m, b, p, s := newTestMaker(t)
	first, err := m.Make(t.Context(), weeklyJob())
	if err != nil {
		t.Fatal(err)
	}
	objects := slices.Sorted(maps.Keys(b.objects))
	ended := time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)
	s.put(aurora.Call{CallKey: aurora.CallKey{AssistantID: "a1", Day: "2026-11-18", CallID: "late"}, EndedAt: ended, Disposition: aurora.DispositionAnswered})
	late := weeklyJob()
	late.Until = late.Until.Add(59 * time.Second) // the same minute
	second, err := m.Make(t.Context(), late)
	if err != nil || second.Prefix != first.Prefix || second.MailsSent != 0 || len(p.mails) != 2 {
		t.Errorf("%v: %s, mailed %d, %d mails in all", err, second.Prefix, second.MailsSent, len(p.mails))
	}
	if second.Report.Calls.Total != 31 || !slices.Equal(objects, slices.Sorted(maps.Keys(b.objects))) {
		t.Errorf("%d calls, and other objects: %v", second.Report.Calls.Total, slices.Sorted(maps.Keys(b.objects)))
	}
	again := weeklyJob()
	again.Resend = true
	if third, err := m.Make(t.Context(), again); err != nil || third.MailsSent != 2 {
		t.Errorf("resend: %v, %+v", err, third.MailsSent)
	}
	quiet := weeklyJob()
	quiet.Quiet, quiet.Until = true, quiet.Until.AddDate(0, 0, -7)
	if fourth, err := m.Make(t.Context(), quiet); err != nil || fourth.MailsSent != 0 || len(p.mails) != 4 {
		t.Errorf("quiet: %v, %+v", err, fourth.MailsSent)
	}
}

// One address that is refused keeps nobody else's mail back, and only it is tried again.
func TestFault59OneAddressFails(t *testing.T) {
	m, b, p, _ := newTestMaker(t)
	p.failures["owner@example.com"] = fault.New(fault.Upstream, "The mail service refused the mail.")
	made, err := m.Make(t.Context(), weeklyJob())
	if refused := new(MailError); !errors.As(err, &refused) || made.MailsSent != 1 || !slices.Equal(made.Warnings, []string{"1 of 2 mails could not be sent."}) {
		t.Errorf("%v: %+v", err, made)
	}
	if b.objects[testPrefix+"report.json"] == "" || !slices.Equal(p.recipients(), []string{"second@example.com"}) {
		t.Errorf("mailed to %v", p.recipients())
	}
	clear(p.failures)
	made, err = m.Make(t.Context(), weeklyJob())
	if err != nil || made.MailsSent != 1 || !slices.Equal(p.recipients(), []string{"second@example.com", "owner@example.com"}) {
		t.Errorf("%v: mailed to %v", err, p.recipients())
	}
}

// A report that cannot be kept whole is no report: what says that it is there comes last, and nobody is mailed.
func TestFault29NoHalfWrittenReport(t *testing.T) {
	for _, fails := range []string{"report.csv", "report.html", "report.json"} {
		m, b, p, _ := newTestMaker(t)
		b.fails = fails
		if _, err := m.Make(t.Context(), weeklyJob()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v", fails, err)
		}
		if _, whole := b.objects[testPrefix+"report.json"]; whole || len(p.mails) > 0 {
			t.Errorf("%s failed, and there is a report, or %d mails", fails, len(p.mails))
		}
		b.fails = ""
		if made, err := m.Make(t.Context(), weeklyJob()); err != nil || made.MailsSent != 2 {
			t.Errorf("the next time: %v, %+v", err, made)
		}
	}
}

func TestMakeWithoutLinksOrMail(t *testing.T) {
	m, b, _, _ := newTestMaker(t)
	m.Links, m.Mail, m.NewModel = nil, nil, nil
	made, err := m.Make(t.Context(), weeklyJob())
	if err != nil || made.Link != "" || !slices.Equal(made.Warnings, []string{"Mail is not set up."}) {
		t.Errorf("%v: %+v", err, made)
	}
	if html := b.objects[testPrefix+"report.html"]; strings.Contains(html, "api/reports/view") || !strings.Contains(html, "Riley") {
		t.Errorf("%s", html)
	}
	if _, err := m.Make(t.Context(), aurora.ReportJob{AssistantID: "nobody", Period: aurora.Weekly}); !fault.Is(err, fault.NotFound) {
		t.Errorf("%v", err)
	}
}

func TestReportWithoutCalls(t *testing.T) {
	m, b, p, _ := newTestMaker(t)
	j := weeklyJob()
	j.Period, j.Until = aurora.Monthly, time.Date(2025, 3, 31, 4, 0, 0, 0, time.UTC)
	made, err := m.Make(t.Context(), j)
	if err != nil || made.Report.Calls.Total != 0 || made.MailsSent != 2 {
		t.Errorf("%v: %+v", err, made)
	}
	if html := b.objects[made.Prefix+"report.html"]; !strings.Contains(html, "Nobody called, and no call was placed, in this month.") || strings.Contains(html, "NaN") {
		t.Errorf("it does not say so: %s", html)
	}
	if !strings.Contains(p.mails[0].Text, "Nobody called") {
		t.Errorf("%s", p.mails[0].Text)
	}
}

// A report on 50,000 calls is told in a mail that every client shows whole, and linked.
func TestFault60TooLargeForAMail(t *testing.T) {
	m, b, p, _ := newTestMaker(t)
	m.Calls = generatedCalls{50_000 / 7}
	made, err := m.Make(t.Context(), weeklyJob())
	if err != nil || made.Report.Calls.Total < 45_000 {
		t.Fatalf("%v: %d calls", err, made.Report.Calls.Total)
	}
	if file := len(b.objects[testPrefix+"report.csv"]); file < 5<<20 {
		t.Errorf("report.csv has %d bytes", file)
	}
	for _, mail := range p.mails {
		if len(mail.HTML) > 100<<10 || !strings.Contains(mail.HTML, made.Link) || !strings.Contains(mail.Text, made.Link) {
			t.Errorf("%d bytes:\n%s", len(mail.HTML), mail.Text)
		}
	}
}
