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
	"example.com/aurora/shared/core/safego"
)

// Bucket holds reports, and the end-of-call reports that transcripts are read from.
type Bucket interface {
	Put(ctx context.Context, key, contentType string, body []byte) error
	// Upload writes an object as it is read.
	Upload(ctx context.Context, key, contentType string, body io.Reader) error
	// Read gives an object; a missing one is a fault.NotFound.
	Read(ctx context.Context, key string) (body []byte, written time.Time, err error)
}

// Assistants are those that reports are about. An unknown one is a fault.NotFound.
type Assistants interface {
	ByID(ctx context.Context, id string) (aurora.Assistant, error)
}

// Mailer sends mail.
type Mailer interface {
	SendMail(ctx context.Context, m aurora.Mail) error
	// Ready reports whether there is a sender's address.
	Ready() bool
}

// SentLog remembers what was mailed.
type SentLog interface {
	// Send calls send, unless what the key names was sent before and again is false. Where send fails the key is free
	// again; where nobody knows whether it was sent (fault.Timeout), it counts as sent.
	Send(ctx context.Context, key string, again bool, send func(context.Context) error) (sent bool, err error)
}

// Links make addresses by which somebody without a key may read one object for a while.
type Links interface {
	// Link is the address of an object of the bucket; empty where the deployment has no address of its own.
	URL(ctx context.Context, key string) (string, error)
}

// Maker makes reports.
type Maker struct {
	Assistants Assistants
	Calls      Calls
	Bucket     Bucket
	// Chain gives the model that tells a report in words; nil tells none. Models are the deployment's, which an
	// assistant's own take the place of.
	NewModel  func(refs []aurora.ModelRef) agent.Model
	Models    []string
	Mail      Mailer
	SentLog   SentLog
	Links     Links
	PublicURL string // PUBLIC_URL, or empty
	Count     func(ctx context.Context, metric string)
	Now       func() time.Time
}

// Result is a report that was made.
type Result struct {
	Report    aurora.Report
	Prefix    string // of its objects in the bucket
	Link      string // to report.html; empty where none can be made
	MailsSent int    // recipients that it was sent to now
	// Warnings say what did not go well beside the report itself, in sentences that may leave the house.
	Warnings []string
}

func (m *Result) addWarning(sentence string) { m.Warnings = append(m.Warnings, sentence) }

// Make counts, tells, keeps and mails one report. The same job makes the same report again, in its own place, and mails
// it to nobody who was mailed it before. Where a mail could not be sent the report is made all the same: Warnings say
// so, and the error is a *MailError.
func (m *Maker) Make(ctx context.Context, job aurora.ReportJob) (Result, error) {
	a, err := m.Assistants.ByID(ctx, job.AssistantID)
	if err != nil {
		return Result{}, err
	}
	zone := a.Location()
	w := job.Period.WindowUntil(job.Until, zone)
	d := reportBuild{Maker: m, assistant: a, window: w, result: Result{Prefix: aurora.ReportPrefix(a.ID(), w)}}
	for _, step := range []func(context.Context) error{d.aggregate, d.addDetails, d.store} {
		if err := step(ctx); err != nil {
			return d.result, fmt.Errorf("report on %s: %w", a.ID(), err)
		}
	}
	slog.InfoContext(ctx, "report made", "assistant", a.ID(), "period", string(w.Period), "until", w.Until.Format(time.RFC3339), "calls", d.result.Report.Calls.Total)
	if !job.Quiet {
		err = d.sendMails(ctx, job.Resend)
	}
	return d.result, err
}

// reportBuild is a report that is being made.
type reportBuild struct {
	*Maker
	assistant   aurora.Assistant
	window      aurora.Window
	aggregation *aggregation
	result      Result
}

// aggregate walks over the calls, and writes report.csv on the way.
func (d *reportBuild) aggregate(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.aggregation = newAggregation(d.window)
	reader, writer := io.Pipe()
	rows := newCSVSorter(NewCSV(writer, d.window.From.Location()))
	d.aggregation.onCall = rows.add
	uploaded := make(chan error, 1)
	finish := func(err error) {
		_ = reader.CloseWithError(err) // the writer must not wait for a reader that has gone
		uploaded <- err
	}
	safego.Go(ctx, func() {
		finish(d.Bucket.Upload(ctx, d.result.Prefix+aurora.ReportCSVName, "text/csv; charset=utf-8", reader))
	}, finish)
	err := d.aggregation.run(ctx, d.Calls, d.assistant.ID())
	if err == nil {
		err = rows.flush()
	}
	_ = writer.CloseWithError(err) // a pipe's always succeeds; nil is io.EOF to the reader
	if problem := <-uploaded; err == nil {
		err = problem
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

// asUnavailable is a store's failure as the caller hears it.
func asUnavailable(err error) error {
	if _, ok := errors.AsType[*fault.Error](err); ok || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.New(fault.Unavailable, "The report cannot be made now.").WithCode("report_unavailable").WithRetryAfter(time.Second).Because(err)
}

// store writes the report's page and its figures; the figures come last, so that where they are the report is whole.
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

// page is the report as people see it.
func (d *reportBuild) page(ctx context.Context) Page {
	return Page{Report: d.result.Report, OrgName: string(d.assistant.OrgName), Language: d.assistant.Language, MadeAt: d.Now().In(d.window.From.Location()), Public: d.PublicURL,
		HTMLLink: d.signedLink(ctx, d.result.Prefix+aurora.ReportHTMLName), CSVLink: d.signedLink(ctx, d.result.Prefix+aurora.ReportCSVName), JSONLink: d.signedLink(ctx, d.result.Prefix+aurora.ReportJSONName)}
}

// signedLink is a signed address; empty where none can be made, which the log says.
func (d *reportBuild) signedLink(ctx context.Context, key string) string {
	if d.Links == nil {
		return ""
	}
	link, err := d.Links.URL(ctx, key)
	if err != nil {
		slog.WarnContext(ctx, "a report goes without a link", "key", key, "error", err)
		return ""
	}
	return link
}

// countMetric counts something that somebody should know of.
func (m *Maker) countMetric(ctx context.Context, metric string) {
	if m.Count != nil {
		m.Count(ctx, metric)
	}
}
