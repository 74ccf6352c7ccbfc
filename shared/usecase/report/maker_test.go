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

// fakeBucket is a bucket in memory that records the order of writes.
type fakeBucket struct {
	mu      sync.Mutex
	objects map[string]string
	order   []string
	fails   string // keys that end so cannot be written
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

// fakeMailer records mails, and fails for some recipients.
type fakeMailer struct {
	mails    []aurora.Mail
	failures map[string]error // by recipient
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

// fakeSentLog is a SentLog in memory.
type fakeSentLog map[string]bool

func (l fakeSentLog) Send(ctx context.Context, key string, force bool, send func(context.Context) error) (bool, error) {
	if l[key] && !force {
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
	return "https://aurora.example.com/api/reports/view#" + strings.ReplaceAll(key, "/", "~"), nil
}

const hostile = "<script>window.__hacked=1</script>\u202e=HYPERLINK(\"https://evil.example.com\")\x00"

// newTestMaker returns a maker for the assistant a1, whose week has 30 calls with hostile texts.
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
		t.Errorf("the result is %+v, want the prefix %s, a link, 2 mails and no warnings", made, testPrefix)
	}
	if got, want := p.recipients(), []string{"owner@example.com", "second@example.com"}; !slices.Equal(got, want) {
		t.Errorf("mails went to %v, want %v", got, want)
	}
	if last := b.order[len(b.order)-1]; last != testPrefix+"report.json" {
		t.Errorf("%s was written after report.json, which must come last", last)
	}
	if lines := strings.Count(b.objects[testPrefix+"report.csv"], "\r\n"); lines != 31 {
		t.Errorf("report.csv has %d lines, want a header and 30 rows", lines)
	}
}

func TestStoredFigures(t *testing.T) {
	m, b, _, _ := newTestMaker(t)
	if _, err := m.Make(t.Context(), weeklyJob()); err != nil {
		t.Fatal(err)
	}
	var r aurora.Report
	if err := json.Unmarshal([]byte(b.objects[testPrefix+"report.json"]), &r); err != nil {
		t.Fatal(err)
	}
	if r.Version != 1 || r.Calls.Total != 30 || r.TimeZone != "America/New_York" || r.From.Format(time.RFC3339) != "2026-11-16T00:00:00-05:00" {
		t.Errorf("report.json has version %d, %d calls, zone %s and starts at %v", r.Version, r.Calls.Total, r.TimeZone, r.From)
	}
	if n := r.Narrative; n.Text != "There were 30 calls." || n.Model != "m-1" || !strings.Contains(n.Note, "A sentence was left out") {
		t.Errorf("the narrative is %+v, want the sentence with the right number and a note about the other", n)
	}
	if len(r.Attention) != 3 {
		t.Errorf("%d calls deserve attention, want 3", len(r.Attention))
	}
	for _, a := range r.Attention {
		if a.Recording != "" || !strings.Contains(a.Transcript, "transcripts~") || a.Reasons[0] != "The caller was unhappy." {
			t.Errorf("call %s has recording %q, transcript %q and reasons %v", a.CallID, a.Recording, a.Transcript, a.Reasons)
		}
	}
}

func TestStoredPages(t *testing.T) {
	m, b, _, _ := newTestMaker(t)
	if _, err := m.Make(t.Context(), weeklyJob()); err != nil {
		t.Fatal(err)
	}
	transcripts := 0
	for key, body := range b.objects {
		if strings.HasPrefix(key, testPrefix+"transcripts/") {
			transcripts++
			if !strings.Contains(body, "Hello") {
				t.Errorf("%s does not say Hello:\n%s", key, body)
			}
		}
		if strings.HasPrefix(key, testPrefix) && strings.HasSuffix(key, ".html") && strings.Contains(body, "<script") {
			t.Errorf("%s contains a script", key)
		}
	}
	if transcripts != 3 {
		t.Errorf("%d transcripts were written, want 3", transcripts)
	}
}

// report.json has the fields of the documented format and no others.
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
	stored := json.RawMessage(b.objects[testPrefix+"report.json"])
	if got := keys(stored); !slices.Equal(got, want) {
		t.Errorf("report.json has the fields\n%v\nwant\n%v", got, want)
	}
	var r struct{ Previous json.RawMessage }
	_ = json.Unmarshal(stored, &r) // was read just now
	if got, want := keys(r.Previous), slices.Sorted(slices.Values(append([]string{"from", "until"}, figures...))); !slices.Equal(got, want) {
		t.Errorf("previous has the fields\n%v\nwant\n%v", got, want)
	}
}

// A report that is made again replaces itself, and no recipient gets a second mail unless that is asked for.
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
	if err != nil || second.Prefix != first.Prefix {
		t.Errorf("the second report is stored under %s (%v), want %s", second.Prefix, err, first.Prefix)
	}
	if second.MailsSent != 0 || len(p.mails) != 2 {
		t.Errorf("the second report was mailed %d times, want never; %d mails in all", second.MailsSent, len(p.mails))
	}
	if second.Report.Calls.Total != 31 {
		t.Errorf("the second report has %d calls, want 31 with the late one", second.Report.Calls.Total)
	}
	if got := slices.Sorted(maps.Keys(b.objects)); !slices.Equal(objects, got) {
		t.Errorf("the objects are\n%v\nwant those of the first report\n%v", got, objects)
	}

	again := weeklyJob()
	again.Resend = true
	if third, err := m.Make(t.Context(), again); err != nil || third.MailsSent != 2 {
		t.Errorf("with resend %d mails were sent (%v), want 2", third.MailsSent, err)
	}
	quiet := weeklyJob()
	quiet.Quiet, quiet.Until = true, quiet.Until.AddDate(0, 0, -7)
	if fourth, err := m.Make(t.Context(), quiet); err != nil || fourth.MailsSent != 0 || len(p.mails) != 4 {
		t.Errorf("a quiet report sent %d mails (%v), want none", fourth.MailsSent, err)
	}
}

// A mail that fails does not hold back the others, and it alone is tried again.
func TestFault59OneAddressFails(t *testing.T) {
	m, b, p, _ := newTestMaker(t)
	p.failures["owner@example.com"] = fault.New(fault.Upstream, "The mail service refused the mail.")
	made, err := m.Make(t.Context(), weeklyJob())
	if _, ok := errors.AsType[*MailError](err); !ok {
		t.Errorf("the error is %v, want a MailError", err)
	}
	if made.MailsSent != 1 || !slices.Equal(made.Warnings, []string{"1 of 2 mails could not be sent."}) {
		t.Errorf("%d mails were sent with the warnings %v, want 1 mail and one warning", made.MailsSent, made.Warnings)
	}
	if b.objects[testPrefix+"report.json"] == "" {
		t.Error("the report was not stored")
	}
	if got, want := p.recipients(), []string{"second@example.com"}; !slices.Equal(got, want) {
		t.Errorf("mails went to %v, want %v", got, want)
	}
	clear(p.failures)
	made, err = m.Make(t.Context(), weeklyJob())
	if want := []string{"second@example.com", "owner@example.com"}; err != nil || made.MailsSent != 1 || !slices.Equal(p.recipients(), want) {
		t.Errorf("after the second try (%v) mails went to %v, want %v", err, p.recipients(), want)
	}
}

// A report that cannot be stored completely is not mailed and has no report.json, by which readers know that it is complete.
func TestFault29NoHalfWrittenReport(t *testing.T) {
	for _, fails := range []string{"report.csv", "report.html", "report.json"} {
		m, b, p, _ := newTestMaker(t)
		b.fails = fails
		if _, err := m.Make(t.Context(), weeklyJob()); !fault.Is(err, fault.Unavailable) {
			t.Errorf("where %s fails the error is %v, want an unavailable one", fails, err)
		}
		if _, exists := b.objects[testPrefix+"report.json"]; exists || len(p.mails) > 0 {
			t.Errorf("where %s fails, report.json exists: %v, and %d mails were sent; want neither", fails, exists, len(p.mails))
		}
		b.fails = ""
		if made, err := m.Make(t.Context(), weeklyJob()); err != nil || made.MailsSent != 2 {
			t.Errorf("the next try sent %d mails (%v), want 2", made.MailsSent, err)
		}
	}
}

func TestMakeWithoutLinksOrMail(t *testing.T) {
	m, b, _, _ := newTestMaker(t)
	m.Links, m.Mail, m.NewModel = nil, nil, nil
	made, err := m.Make(t.Context(), weeklyJob())
	if err != nil || made.Link != "" || !slices.Equal(made.Warnings, []string{"Mail is not set up."}) {
		t.Errorf("the link is %q and the warnings are %v (%v), want no link and a warning about mail", made.Link, made.Warnings, err)
	}
	if html := b.objects[testPrefix+"report.html"]; strings.Contains(html, "api/reports/view") || !strings.Contains(html, "Riley") {
		t.Errorf("the page has links, or does not name the assistant:\n%s", html)
	}
	if _, err := m.Make(t.Context(), aurora.ReportJob{AssistantID: "nobody", Period: aurora.Weekly}); !fault.Is(err, fault.NotFound) {
		t.Errorf("the error for an unknown assistant is %v, want not found", err)
	}
}

func TestReportWithoutCalls(t *testing.T) {
	m, b, p, _ := newTestMaker(t)
	j := weeklyJob()
	j.Period, j.Until = aurora.Monthly, time.Date(2025, 3, 31, 4, 0, 0, 0, time.UTC)
	made, err := m.Make(t.Context(), j)
	if err != nil || made.Report.Calls.Total != 0 || made.MailsSent != 2 {
		t.Errorf("%d calls and %d mails (%v), want no calls and 2 mails", made.Report.Calls.Total, made.MailsSent, err)
	}
	if html := b.objects[made.Prefix+"report.html"]; !strings.Contains(html, "Nobody called, and no call was placed, in this month.") || strings.Contains(html, "NaN") {
		t.Errorf("the page does not say that there were no calls:\n%s", html)
	}
	if !strings.Contains(p.mails[0].Text, "Nobody called") {
		t.Errorf("the mail does not say that there were no calls:\n%s", p.mails[0].Text)
	}
}

// The mail of a report on 50,000 calls is small enough for every mail client, and links to the report.
func TestFault60TooLargeForAMail(t *testing.T) {
	m, b, p, _ := newTestMaker(t)
	m.Calls = generatedCalls{50_000 / 7}
	made, err := m.Make(t.Context(), weeklyJob())
	if err != nil || made.Report.Calls.Total < 45_000 {
		t.Fatalf("the report has %d calls (%v), want about 50,000", made.Report.Calls.Total, err)
	}
	if size := len(b.objects[testPrefix+"report.csv"]); size < 5<<20 {
		t.Errorf("report.csv has %d bytes, want more than 5 MB", size)
	}
	for _, mail := range p.mails {
		if len(mail.HTML) > 100<<10 {
			t.Errorf("the HTML of the mail has %d bytes, want at most 100 KB", len(mail.HTML))
		}
		if !strings.Contains(mail.HTML, made.Link) || !strings.Contains(mail.Text, made.Link) {
			t.Errorf("the mail has no link to the report:\n%s", mail.Text)
		}
	}
}

// Transcript pages follow the assistant's setting, also of reports that were stored before it.
func TestTranscriptsFollowStorage(t *testing.T) {
	for storage, pages := range map[aurora.Storage]int{aurora.StoreWithoutPersonalData: 3, aurora.StoreFigures: 0} {
		m, b, _, s := newTestMaker(t)
		m.Assistants = testkit.NewAssistants(aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "a1"}, Storage: storage})
		for i := range 30 {
			b.objects[fmt.Sprint("eoc/a1/c", i, ".json")] = `{"message":{"type":"end-of-call-report","transcript":"AI: Hello\nUser: 415-555-0100\n"}}`
		}
		job := weeklyJob()
		if _, err := m.Make(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		found := 0
		for key, body := range b.objects {
			if strings.Contains(key, "/transcripts/") {
				found++
				if !strings.Contains(body, "[phone number]") || strings.Contains(body, "555-0100") {
					t.Errorf("%s: %s has the number:\n%s", storage, key, body)
				}
			}
		}
		if found != pages {
			t.Errorf("%s: %d transcripts of %d calls were written, want %d", storage, found, s.size, pages)
		}
	}
}
