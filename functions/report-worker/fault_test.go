package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/ses"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/dev/dynalite"
	"example.com/aurora/shared/dev/fakeaws"
	"example.com/aurora/shared/dev/fakes3"
	"example.com/aurora/shared/dev/fakeses"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/report"
)

// fakeQueue is a queue in memory.
type fakeQueue struct {
	mu   sync.Mutex
	jobs []string
}

func (p *fakeQueue) Send(_ context.Context, body string, _ map[string]string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.jobs = append(p.jobs, body)
	return nil
}

// pipeline is everything that makes reports, from the scheduler to the mails, over the protocols of DynamoDB, S3 and SES.
type pipeline struct {
	assistants *dynamo.Assistants
	calls      *dynamo.Calls
	objects    *s3.Bucket
	client     *dynamodb.Client
	mails      *fakeses.Server
	queue      *fakeQueue
	scheduler  *report.Scheduler
	consume    []func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) // one for each process of the worker
	mu         sync.Mutex
	mailFault  func(to string) *fakeaws.APIError
	counted    map[string]int
}

func newPipeline(t *testing.T, now func() time.Time) *pipeline {
	t.Helper()
	testkit.DiscardLog(t)
	tables := dynalite.Tables(t, nil)
	cfg, _ := tables()
	w := &pipeline{client: dynamodb.NewFromConfig(cfg), queue: &fakeQueue{}, counted: map[string]int{}}
	w.mails = fakeses.New(fakeses.Options{Reject: func(m fakeses.Mail) *fakeaws.APIError {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.mailFault == nil {
			return nil
		}
		return w.mailFault(m.To[0])
	}})
	mails, objects := httptest.NewServer(w.mails), httptest.NewServer(fakes3.Serve(t, "reports"))
	t.Cleanup(func() { mails.Close(); objects.Close() })
	w.assistants, w.calls, w.objects = dynamo.NewAssistants(tables, "assistants", now), dynamo.NewCalls(tables, "calls", 400*24*time.Hour), s3.New(testkit.AWSConfig(objects.URL, nil), "reports")
	count := func(_ context.Context, metric string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.counted[metric]++
	}
	w.scheduler = &report.Scheduler{Assistants: w.assistants, Queue: w.queue, Count: count, Now: now}
	for range 2 {
		w.consume = append(w.consume, sqs.Consume(serve(&report.Maker{Assistants: dynamo.NewAssistants(tables, "assistants", now), Calls: w.calls, Bucket: w.objects,
			Mail: ses.New(testkit.AWSConfig(mails.URL, nil), "aurora@example.com", "", now), SentLog: idempotency.NewMails(dynamo.NewLedger(tables, "ledger", now), now, rand.Text), PublicURL: "https://aurora.example.com",
			Links: &auth.Links{Secrets: testkit.EverySecret("links-0123456789abcdef0123456789abcdef"), BaseURL: "https://aurora.example.com", Now: now}, Count: count, Now: now}, count)))
	}
	return w
}

func (w *pipeline) putAssistant(t *testing.T, id, zone string, emails ...string) {
	t.Helper()
	document, err := json.Marshal(map[string]any{"assistantId": id, "assistantName": id, "timeZone": zone, "internal": true, "emails": emails})
	if err == nil {
		_, err = w.assistants.Put(t.Context(), document)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// deliver delivers every job of the queue times times, in parallel and to different processes. A delivery that fails is
// repeated until there were receives of them. deliver returns how many deliveries failed to the end.
func (w *pipeline) deliver(t *testing.T, times, receives int) (dead int) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i, body := range w.queue.jobs {
		for n := range times {
			wg.Go(func() {
				for range receives {
					response, err := w.consume[(i+n)%2](t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: fmt.Sprint(i, "-", n), Body: body}}})
					if err != nil {
						t.Error(err)
					}
					if len(response.BatchItemFailures) == 0 {
						return
					}
				}
				mu.Lock()
				defer mu.Unlock()
				dead++
			})
		}
	}
	wg.Wait()
	w.queue.jobs = nil
	return dead
}

// reports returns the prefixes of the complete reports in the bucket.
func (w *pipeline) reports(t *testing.T) (places []string) {
	t.Helper()
	for key, err := range w.objects.List(t.Context(), "reports/", "") {
		if err != nil {
			t.Fatal(err)
		}
		if place, ok := strings.CutSuffix(key, "/report.json"); ok {
			places = append(places, strings.TrimPrefix(place, "reports/"))
		}
	}
	return places
}

// sent returns the number of mails by address.
func (w *pipeline) sent() map[string]int {
	n := map[string]int{}
	for _, m := range w.mails.Mails() {
		for _, to := range m.To {
			n[to]++
		}
	}
	return n
}

func fixedClock(at time.Time) func() time.Time { return func() time.Time { return at } }

// Fault 55: the schedule fires twice and late, and every job is delivered twice at the same time, to two processes. There is
// one report for each assistant, and one mail for each of its addresses.
func TestFault55DuplicateDelivery(t *testing.T) {
	w := newPipeline(t, fixedClock(time.Date(2026, 11, 23, 14, 40, 0, 0, time.UTC)))
	w.putAssistant(t, "riley", "America/New_York", "one@example.com", "two@example.com")
	w.putAssistant(t, "avery", "America/New_York", "three@example.com")
	w.putAssistant(t, "else", "Asia/Tokyo", "four@example.com")
	due := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
	for range 2 {
		if _, err := w.scheduler.QueueScheduled(t.Context(), aurora.Weekly, due, false); err != nil {
			t.Fatal(err)
		}
	}
	if dead := w.deliver(t, 2, 3); dead > 0 {
		t.Errorf("%d deliveries failed, want none", dead)
	}
	if got, want := w.reports(t), []string{"avery/weekly/2026-11-23T0000", "riley/weekly/2026-11-23T0000"}; !slices.Equal(got, want) {
		t.Errorf("the reports are %v, want %v", got, want)
	}
	if got := w.sent(); fmt.Sprint(got) != "map[one@example.com:1 three@example.com:1 two@example.com:1]" {
		t.Errorf("mails were sent to %v, want one to each of three addresses", got)
	}
}

// Fault 56: of forty internal assistants one cannot be read, and one is deleted before its report is made. The others get their
// reports.
func TestFault56UnreadableAssistants(t *testing.T) {
	w := newPipeline(t, fixedClock(time.Date(2026, 11, 18, 15, 20, 0, 0, time.UTC)))
	for i := range 39 {
		w.putAssistant(t, fmt.Sprintf("a%02d", i), "UTC", fmt.Sprintf("a%02d@example.com", i))
	}
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	table := "assistants"
	if _, err := w.client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
		"assistantId": text("poison"), "internalKey": text("internal"), "tools": text("none")}}); err != nil {
		t.Fatal(err)
	}
	if n, err := w.scheduler.QueueInternal(t.Context(), aurora.Weekly); n != 39 || err != nil || w.counted["ReportFailed"] != 1 {
		t.Fatalf("%d reports were queued (%v), metrics %v, want 39 and one ReportFailed", n, err, w.counted)
	}
	if _, err := w.client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table, Key: map[string]types.AttributeValue{"assistantId": text("a07")}}); err != nil {
		t.Fatal(err)
	}
	w.queue.jobs = append(w.queue.jobs, `{"assistantId":"poison","period":"weekly","until":"2026-11-18T16:00:00Z"}`, `{"assistantId":`)
	if dead := w.deliver(t, 1, 2); dead != 2 { // the unreadable assistant and the unreadable job; the job of the deleted assistant is not repeated
		t.Errorf("%d deliveries failed, want 2", dead)
	}
	if got := w.reports(t); len(got) != 38 || slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "a07/") }) {
		t.Errorf("%d reports, want 38 and none of a07: %v", len(got), got)
	}
	// On a slow machine more deliveries may fail, and are repeated. Every failure is counted.
	if got := w.sent(); len(got) != 38 || w.counted["ReportFailed"] < 1+1+2*2 {
		t.Errorf("%d addresses got mails, metrics %v", len(got), w.counted)
	}
}

// Fault 57: a window follows the calendar of the assistant's time zone, also over clock changes. A call at its beginning belongs
// to it, and a call at its end does not.
func TestFault57WindowEdges(t *testing.T) {
	for name, c := range map[string]struct {
		zone, until string
		period      aurora.Period
		from        string // as in the report
		hours       float64
	}{
		"the clock goes forward":     {"Europe/Bucharest", "2026-03-30", aurora.Weekly, "2026-03-23T00:00:00+02:00", 167},
		"it ends on the day of it":   {"Europe/Bucharest", "2026-03-29", aurora.Weekly, "2026-03-22T00:00:00+02:00", 168},
		"the clock goes back":        {"America/New_York", "2026-11-02", aurora.Weekly, "2026-10-26T00:00:00-04:00", 169},
		"a month with it":            {"America/Los_Angeles", "2026-12-01", aurora.Monthly, "2026-11-01T00:00:00-07:00", 721},
		"a leap year":                {"UTC", "2028-03-01", aurora.Monthly, "2028-02-01T00:00:00Z", 29 * 24},
		"the 29th of February":       {"UTC", "2028-03-29", aurora.Monthly, "2028-02-29T00:00:00Z", 29 * 24},
		"a day that the month lacks": {"UTC", "2026-03-31", aurora.Monthly, "2026-02-28T00:00:00Z", 31 * 24},
		"half an hour":               {"Australia/Lord_Howe", "2026-10-05", aurora.Weekly, "2026-09-28T00:00:00+10:30", 167.5},
	} {
		t.Run("fault 57, "+name, func(t *testing.T) {
			w := newPipeline(t, fixedClock(time.Date(2028, 12, 31, 0, 0, 0, 0, time.UTC)))
			w.putAssistant(t, "riley", c.zone)
			zone, err := time.LoadLocation(c.zone)
			if err != nil {
				t.Fatal(err)
			}
			until, err := aurora.ParseUntil(c.until, time.Time{}, zone)
			from, wrong := time.Parse(time.RFC3339, c.from)
			if err != nil || wrong != nil {
				t.Fatal(err, wrong)
			}
			for i, ended := range []time.Time{from.Add(-time.Second), from, from.Add(time.Hour), until.Add(-time.Second), until, until.Add(time.Hour)} {
				call := aurora.Call{CallKey: aurora.CallKey{AssistantID: "riley", Day: ended.UTC().Format(time.DateOnly), CallID: fmt.Sprint("c", i)}, Version: "1", EndedAt: ended.UTC()}
				if i == 2 { // its row is filed under the day before, as for a call that was first reported when it began
					call.Day = ended.AddDate(0, 0, -1).UTC().Format(time.DateOnly)
				}
				if _, err := w.calls.Put(t.Context(), call); err != nil {
					t.Fatal(err)
				}
			}
			if err := report.Enqueue(t.Context(), w.queue, aurora.ReportJob{AssistantID: "riley", Period: c.period, Until: until}); err != nil {
				t.Fatal(err)
			}
			if dead := w.deliver(t, 1, 1); dead > 0 {
				t.Fatal("the delivery failed")
			}
			body, _, err := w.objects.Read(t.Context(), "reports/riley/"+string(c.period)+"/"+c.until+"T0000/report.json")
			var made aurora.Report
			if err != nil || json.Unmarshal(body, &made) != nil {
				t.Fatal(err, string(body))
			}
			if !made.From.Equal(from) || made.From.Format(time.RFC3339) != c.from || made.Until.Sub(made.From).Hours() != c.hours {
				t.Errorf("the window is %v to %v, which are %v hours; want it to begin at %s and last %v hours", made.From, made.Until, made.Until.Sub(made.From).Hours(), c.from, c.hours)
			}
			if made.Calls.Total != 3 || made.Previous.Calls.Total != 1 {
				t.Errorf("%d calls in the window and %d in the previous one, want 3 and 1", made.Calls.Total, made.Previous.Calls.Total)
			}
		})
	}
}

// Fault 59: SES throttles the mail to one address and rejects that to another. The other recipients get one mail each, and
// later tries of the job mail only the two that failed.
func TestFault59MailFailures(t *testing.T) {
	w := newPipeline(t, fixedClock(time.Date(2026, 11, 23, 14, 40, 0, 0, time.UTC)))
	w.putAssistant(t, "riley", "UTC", "one@example.com", "busy@example.com", "refused@example.com", "two@example.com")
	tried := map[string]int{}
	fixed := false
	w.mailFault = func(to string) *fakeaws.APIError {
		tried[to]++
		switch {
		case fixed:
			return nil
		case to == "busy@example.com":
			return &fakeaws.APIError{Status: 429, Code: "TooManyRequestsException", Message: "Maximum sending rate exceeded."}
		case to == "refused@example.com":
			return &fakeaws.APIError{Status: 400, Code: "MessageRejected", Message: "Address is on the suppression list."}
		}
		return nil
	}
	job := aurora.ReportJob{AssistantID: "riley", Period: aurora.Weekly, Until: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)}
	run := func() int {
		if err := report.Enqueue(t.Context(), w.queue, job); err != nil {
			t.Fatal(err)
		}
		return w.deliver(t, 1, 1)
	}
	for range 2 {
		if dead := run(); dead != 1 {
			t.Error("the job succeeded although two recipients have no mail")
		}
	}
	if got := w.sent(); fmt.Sprint(got) != "map[one@example.com:1 two@example.com:1]" || tried["one@example.com"] != 1 || tried["two@example.com"] != 1 {
		t.Errorf("mails were sent to %v after tries %v, want one to each of one@ and two@example.com", got, tried)
	}
	w.mu.Lock() // fakeses asks mailFault with this lock held
	fixed = true
	w.mu.Unlock()
	for range 2 {
		if dead := run(); dead != 0 {
			t.Error("the job failed although every mail could be sent")
		}
	}
	if got := w.sent(); len(got) != 4 || got["busy@example.com"] != 1 || got["refused@example.com"] != 1 || got["one@example.com"] != 1 {
		t.Errorf("mails were sent to %v, want one to each of four addresses", got)
	}
	job.Resend = true
	if dead := run(); dead != 0 || w.sent()["one@example.com"] != 2 {
		t.Errorf("with resend mails were sent to %v, want a second one to each", w.sent())
	}
}
