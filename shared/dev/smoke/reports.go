package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/reportapi"
	"example.com/aurora/shared/usecase/report"
)

const viewPath = "/api/reports/view"

var (
	reportRoute   = internal("/api/reports/aurora-report/{period}", "aurora-report")
	internalRoute = internal("/api/reports/aurora-internal-report/{period}", "aurora-internal-report")
	pageRoute     = route{method: http.MethodGet, path: viewPath, function: "report-view"}
	openRoute     = route{method: http.MethodPost, path: viewPath, function: "report-view"}
	oldLinkRoute  = route{method: http.MethodGet, path: viewPath + "/{token}", function: "report-view"}
)

// errNoReport is the error of the checks that need a report.
var errNoReport = errors.New("there is no report: see " + reportRoute.name())

func internal(path, function string) route {
	return route{method: http.MethodPost, path: path, function: function, kind: auth.KindInternal, header: "BINARYTINT-INTERNAL-API-KEY"}
}

// reportChecks make a report in a request and one through the queue, and open and revoke the link of the first.
func (r *run) reportChecks() []check {
	r.reportErr = errors.New("it was not requested")
	return []check{
		{reportRoute.name(), func(ctx context.Context) (seen string, err error) {
			seen, r.reportErr = r.makeReport(ctx)
			return seen, r.reportErr
		}},
		{"mail", r.checkMail},
		{internalRoute.name(), r.tryInternalReports},
		{"report through the queue reports", r.queueReport},
		{pageRoute.name(), func(ctx context.Context) (string, error) {
			a, err := r.send(ctx, pageRoute, "", nil)
			if err == nil && (a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html")) {
				err = r.fail(pageRoute, a, "200 and a page")
			}
			return "", err
		}},
		{openRoute.name() + ", report link", r.openLink},
		{oldLinkRoute.name(), func(ctx context.Context) (string, error) {
			if err := r.linkErr(); err != nil {
				return "", err
			}
			a, err := r.send(ctx, oldLinkRoute, viewPath+"/"+auth.TokenIn(r.link), nil)
			if err == nil && a.status != http.StatusFound {
				err = r.fail(oldLinkRoute, a, "302")
			}
			return "", err
		}},
		{"revoked report link", r.revokeLink},
	}
}

// makeReport makes the week's report of the test assistant. It is mailed also if an earlier run has mailed it.
func (r *run) makeReport(ctx context.Context) (string, error) {
	a, err := r.send(ctx, reportRoute, "/api/reports/aurora-report/weekly", map[string]any{"ASSISTANT_ID": AssistantID, "resend": true})
	if err != nil {
		return "", err
	}
	var made reportapi.Response
	if a.status != http.StatusOK || json.Unmarshal(a.body, &made) != nil {
		return "", r.fail(reportRoute, a, "200")
	}
	r.link, r.mailed, r.warnings = made.Report.Link, made.Report.Mailed, made.Warnings
	return fmt.Sprintf("%d calls", made.Report.Calls.Total), nil
}

// assistantCacheTime is how long functions use an assistant that they have read.
const assistantCacheTime = 30 * time.Second

// checkMail looks whether the report was mailed. A function may still know the test assistant of an earlier run, which had no
// address: then the report is made again.
func (r *run) checkMail(ctx context.Context) (string, error) {
	switch {
	case r.Mail == "":
		return "no address was given (MAIL=…)", errSkipped
	case r.reportErr != nil:
		return "", errNoReport
	}
	for r.mailed == 0 && time.Since(r.began) < assistantCacheTime+requestTimeout && strings.Contains(strings.Join(r.warnings, " "), "no e-mail addresses") {
		if !sleep(ctx, 2*time.Second) {
			return "", context.Cause(ctx)
		}
		if _, err := r.makeReport(ctx); err != nil {
			return "", err
		}
	}
	if r.mailed == 1 {
		return "accepted by SES", nil
	}
	part := "mail: SES, the sender of template parameter MailFrom (MAIL_FROM), or the recipient"
	if strings.Contains(strings.Join(r.warnings, " "), "not set up") {
		part = "template parameter MailFrom (MAIL_FROM)"
	}
	return "", fmt.Errorf("%s: %s%s", part, strings.Join(r.warnings, " "), r.logHint("aurora-report"))
}

// tryInternalReports sends a period that does not exist: another one would make the reports of all internal assistants.
func (r *run) tryInternalReports(ctx context.Context) (string, error) {
	a, err := r.send(ctx, internalRoute, "/api/reports/aurora-internal-report/none", nil)
	if err != nil {
		return "", err
	}
	var e errorBody
	if a.status != http.StatusBadRequest || json.Unmarshal(a.body, &e) != nil || e.Error.Code != "invalid_period" {
		return "", r.fail(internalRoute, a, "400 invalid_period")
	}
	return "rejected the period that does not exist", nil
}

// queueReport queues a report of the test assistant and waits until the worker has made it. It is not mailed.
func (r *run) queueReport(ctx context.Context) (string, error) {
	began, until := time.Now(), aurora.EndOfHour(time.Now().UTC())
	zone := (&aurora.Assistant{}).Location()
	job := aurora.ReportJob{AssistantID: AssistantID, Period: aurora.Monthly, Until: until, Quiet: true}
	if err := report.Enqueue(ctx, sqs.New(r.Config("sqs"), r.Queues["reports"]), job); err != nil {
		return "", fmt.Errorf("queue reports: %w", err)
	}
	key := aurora.ReportPrefix(AssistantID, aurora.Monthly.WindowUntil(until, zone)) + aurora.ReportJSONName
	for {
		_, _, err := r.bucket.Read(ctx, key)
		if err == nil {
			return fmt.Sprintf("made after %.1f s", time.Since(began).Seconds()), nil
		}
		if !fault.Is(err, fault.NotFound) {
			return "", fmt.Errorf("bucket %s: %w", r.Bucket, err)
		}
		if time.Since(began) > r.ReportWait || !sleep(ctx, poll) {
			return "", fmt.Errorf("function report-worker, or the queue reports: no report after %.0f s%s", time.Since(began).Seconds(), r.logHint("report-worker"))
		}
	}
}

// linkErr returns an error if there is no report link.
func (r *run) linkErr() error {
	switch {
	case r.reportErr != nil:
		return errNoReport
	case r.link == "":
		return errors.New("template parameter PublicUrl (PUBLIC_URL) is empty, or secret " + r.secretName("links") + ": the report has no link" + r.logHint("aurora-report"))
	}
	return nil
}

// postLink sends the token of the report link as the page behind the link does.
func (r *run) postLink(ctx context.Context) (answer, error) {
	address, token, _ := strings.Cut(r.link, "#")
	a, err := r.sendOnce(ctx, openRoute, address, url.Values{"token": {token}})
	if err != nil {
		err = fmt.Errorf("template parameter PublicUrl (PUBLIC_URL): no answer of %s: %w", address, err)
	}
	return a, err
}

// openLink opens the report link at the address that the mail has, and follows it to the report.
func (r *run) openLink(ctx context.Context) (string, error) {
	if err := r.linkErr(); err != nil {
		return "", err
	}
	a, err := r.postLink(ctx)
	if err != nil {
		return "", err
	}
	if a.status != http.StatusSeeOther {
		return "", r.fail(openRoute, a, "303")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.header.Get("Location"), nil)
	if err != nil {
		return "", err
	}
	page, err := r.read(request)
	if err != nil {
		return "", fmt.Errorf("bucket %s: %w", r.Bucket, err)
	}
	if page.status != http.StatusOK || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		return "", fmt.Errorf("bucket %s, or the right of report-view to read it: the address in the redirect answers %d %.200s", r.Bucket, page.status, page.body)
	}
	return fmt.Sprintf("a page of %d bytes", len(page.body)), nil
}

// revokeLink revokes the link and opens it again.
func (r *run) revokeLink(ctx context.Context) (string, error) {
	if err := r.linkErr(); err != nil {
		return "", err
	}
	object := auth.UnverifiedObject(auth.TokenIn(r.link))
	key, err := auth.RevocationKey(aurora.ReportNumber(object))
	if err != nil {
		return "", err
	}
	if err := r.bucket.Put(ctx, key, "application/json", []byte("{}")); err != nil {
		return "", fmt.Errorf("bucket %s: %w", r.Bucket, err)
	}
	a, err := r.postLink(ctx)
	if err == nil && a.status != http.StatusUnauthorized {
		err = r.fail(openRoute, a, "401 for a revoked link")
	}
	return "rejected", err
}
