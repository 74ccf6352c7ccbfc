package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
)

// Bucket stores reports, and holds the end-of-call reports from which transcripts are read.
type Bucket interface {
	Put(ctx context.Context, key, contentType string, body []byte) error
	// Upload writes an object while it reads the body.
	Upload(ctx context.Context, key, contentType string, body io.Reader) error
	// Read returns an object and when it was written. A missing object is a fault.NotFound.
	Read(ctx context.Context, key string) (body []byte, written time.Time, err error)
}

// Assistants finds assistants. An unknown one is a fault.NotFound.
type Assistants interface {
	ByID(ctx context.Context, id string) (aurora.Assistant, error)
}

// Mailer sends mail.
type Mailer interface {
	SendMail(ctx context.Context, m aurora.Mail) error
	// Ready reports whether a sender's address is configured.
	Ready() bool
}

// SentLog remembers what was mailed.
type SentLog interface {
	// Send calls send unless the key was sent before; with force it calls send anyway. After a failed send the key is free
	// again. If it is unknown whether the mail was sent (fault.Timeout), the key counts as sent.
	Send(ctx context.Context, key string, force bool, send func(context.Context) error) (sent bool, err error)
}

// Links signs addresses at which a person without an API key can read one object for a limited time.
type Links interface {
	// URL returns the address of an object of the bucket. It is empty if the deployment's own address (PUBLIC_URL) is not set.
	URL(ctx context.Context, key string) (string, error)
}

// Maker makes reports.
type Maker struct {
	Assistants Assistants
	Calls      Calls
	Bucket     Bucket
	// NewModel returns the model that writes the narrative; if it is nil, reports have none.
	NewModel func(refs []aurora.ModelRef) agent.Model
	// Models are used for assistants that name no models.
	Models    []string
	Mail      Mailer
	SentLog   SentLog
	Links     Links
	PublicURL string // may be empty
	Count     func(ctx context.Context, metric string)
	Now       func() time.Time
}

// Result is a report that was made.
type Result struct {
	Report    aurora.Report
	Prefix    string // of the keys of its objects in the bucket
	Link      string // to report.html; empty if no link could be signed
	MailsSent int    // recipients to whom it was sent by this run
	// Warnings are sentences for the caller about problems beside the report itself.
	Warnings []string
}

func (m *Result) addWarning(sentence string) { m.Warnings = append(m.Warnings, sentence) }

// Make counts the calls of a job's window, adds a narrative, stores the report and mails it. The same job makes the same
// report again under the same keys, and sends no mail to recipients who have it. If a mail cannot be sent the report is
// made nevertheless: Warnings says so, and the error is a *MailError.
func (m *Maker) Make(ctx context.Context, job aurora.ReportJob) (Result, error) {
	a, err := m.Assistants.ByID(ctx, job.AssistantID)
	if err != nil {
		return Result{}, err
	}
	aurora.LogAssistant(ctx, a)
	zone := a.Location()
	w := job.Period.WindowUntil(job.Until, zone)
	d := reportBuild{Maker: m, assistant: a, window: w, result: Result{Prefix: aurora.ReportPrefix(a.ID(), w)}}
	for _, step := range []func(context.Context) error{d.aggregate, d.addDetails, d.store} {
		if err := step(ctx); err != nil {
			return d.result, fmt.Errorf("report on %s: %w", a.ID(), err)
		}
	}
	slog.InfoContext(ctx, "report made", "event", "report.made", "assistantId", a.ID(), "prefix", d.result.Prefix, "period", string(w.Period), "until", w.Until.Format(time.RFC3339), "calls", d.result.Report.Calls.Total)
	if !job.Quiet {
		err = d.sendMails(ctx, job.Resend)
	}
	return d.result, err
}

// reportBuild is one report while it is made.
type reportBuild struct {
	*Maker
	assistant   aurora.Assistant
	window      aurora.Window
	aggregation *aggregation
	result      Result
}

// aggregate counts the calls and uploads report.csv while it reads them.
func (d *reportBuild) aggregate(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.aggregation = newAggregation(d.window)
	reader, writer := io.Pipe()
	sorter := newCSVSorter(NewCSV(writer, d.window.From.Location()))
	d.aggregation.onCall = sorter.add
	uploaded := make(chan error, 1)
	finish := func(err error) {
		_ = reader.CloseWithError(err) // so that the writer does not wait for a reader that has ended
		uploaded <- err
	}
	safego.Go(ctx, func() {
		finish(d.Bucket.Upload(ctx, d.result.Prefix+aurora.ReportCSVName, "text/csv; charset=utf-8", reader))
	}, finish)
	err := d.aggregation.run(ctx, d.Calls, d.assistant.ID())
	if err == nil {
		err = sorter.flush()
	}
	_ = writer.CloseWithError(err) // never fails; the reader sees nil as io.EOF
	if uploadErr := <-uploaded; err == nil {
		err = uploadErr
	}
	if err != nil {
		return asUnavailable(err)
	}
	r := &d.result.Report
	*r = aurora.Report{Version: aurora.ReportVersion, AssistantID: d.assistant.ID(), AssistantName: string(d.assistant.AssistantName),
		Period: d.window.Period, From: d.window.From, Until: d.window.Until, TimeZone: d.window.From.Location().String(), Attention: []aurora.Attention{}}
	r.Previous.From, r.Previous.Until = d.aggregation.previous.From, d.aggregation.previous.Until
	r.Figures, r.Previous.Figures = d.aggregation.figures()
	return nil
}

// asUnavailable returns a store's error as one that the caller may retry.
func asUnavailable(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.New(fault.Unavailable, "The report cannot be made now.").WithCode("report_unavailable").WithRetryAfter(time.Second).Because(err)
}

// store writes the page and then the figures. report.json comes last: where it exists, the report is complete.
func (d *reportBuild) store(ctx context.Context) error {
	page := d.page(ctx)
	html, err := page.HTML()
	if err != nil {
		return err
	}
	if err := d.Bucket.Put(ctx, d.result.Prefix+aurora.ReportHTMLName, "text/html; charset=utf-8", html); err != nil {
		return asUnavailable(err)
	}
	figures, err := json.MarshalIndent(d.result.Report, "", "  ")
	if err != nil {
		return err
	}
	if err := d.Bucket.Put(ctx, d.result.Prefix+aurora.ReportJSONName, "application/json", append(figures, '\n')); err != nil {
		return asUnavailable(err)
	}
	d.result.Link = page.HTMLLink
	return nil
}

// page returns the report with its links, ready to be rendered.
func (d *reportBuild) page(ctx context.Context) Page {
	return Page{Report: d.result.Report, OrgName: string(d.assistant.OrgName), Language: d.assistant.Language, MadeAt: d.Now().In(d.window.From.Location()), Public: d.PublicURL, Number: aurora.ReportNumber(d.result.Prefix + aurora.ReportHTMLName),
		HTMLLink: d.signedLink(ctx, d.result.Prefix+aurora.ReportHTMLName), CSVLink: d.signedLink(ctx, d.result.Prefix+aurora.ReportCSVName), JSONLink: d.signedLink(ctx, d.result.Prefix+aurora.ReportJSONName)}
}

// signedLink returns a signed address, or nothing if none can be made.
func (d *reportBuild) signedLink(ctx context.Context, key string) string {
	if d.Links == nil {
		return ""
	}
	link, err := d.Links.URL(ctx, key)
	if err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "report link not signed", "event", "report.link_failed", "assistantId", d.assistant.ID(), "key", key, "error", err)
		return ""
	}
	return link
}

// countMetric counts a metric, if there is something to count it with.
func (m *Maker) countMetric(ctx context.Context, metric string) {
	if m.Count != nil {
		m.Count(ctx, metric)
	}
}
