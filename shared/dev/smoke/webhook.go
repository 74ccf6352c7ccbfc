package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
)

const (
	poll = 200 * time.Millisecond
	// indexPatience is how long a number may be unknown after its assistant was stored: the index lags behind the table, and a
	// missing assistant is remembered for five seconds.
	indexPatience = 15 * time.Second
)

var webhookRoute = route{method: http.MethodPost, path: "/api/webhook", function: "webhook", kind: auth.KindAPI, header: "FLASK-API-KEY"}

var (
	reportCallName = webhookRoute.name() + " end-of-call-report"
	errNotAccepted = errors.New("the end-of-call report was not accepted: see " + reportCallName)
)

// webhookChecks ask for the assistant of a call, report the call's end, and wait for its row and its analysis.
func (r *run) webhookChecks() []check {
	accepted, hasRow := false, false
	return []check{
		{webhookRoute.name() + " assistant-request", r.requestAssistant},
		{reportCallName, func(ctx context.Context) (string, error) {
			err := r.reportCall(ctx)
			accepted = err == nil
			return "", err
		}},
		{"end-of-call report in the bucket", func(ctx context.Context) (string, error) {
			if !accepted {
				return "", errNotAccepted
			}
			return r.findStoredReport(ctx)
		}},
		{"row of the call", func(ctx context.Context) (seen string, err error) {
			if !accepted {
				return "", errNotAccepted
			}
			seen, err = r.waitForRow(ctx, "function call-worker, the queue calls, or the tables", func(aurora.Call) bool { return true })
			hasRow = err == nil
			return seen, err
		}},
		{"analysis of the call", func(ctx context.Context) (string, error) {
			switch {
			case !accepted:
				return "", errNotAccepted
			case !hasRow:
				return "", errors.New("the call has no row: see row of the call")
			}
			return r.waitForRow(ctx, "model of the analysis (ANALYSIS_MODEL), or function call-worker", func(c aurora.Call) bool { return c.AnalysisModel != "" })
		}},
	}
}

// requestAssistant asks which assistant answers the test number.
func (r *run) requestAssistant(ctx context.Context) (string, error) {
	began := time.Now()
	for {
		a, err := r.send(ctx, webhookRoute, "", map[string]any{"message": map[string]any{"type": "assistant-request",
			"session": map[string]string{"streamSid": r.call, "callerPhoneNumber": caller, "twilioNumber": assistantNumber}}})
		if err != nil {
			return "", err
		}
		var found struct{ AssistantID string }
		if a.status == http.StatusCreated && json.Unmarshal(a.body, &found) == nil && found.AssistantID == AssistantID {
			return AssistantID, nil
		}
		if a.status != http.StatusNotFound || time.Since(began) > indexPatience || r.storeErr != nil || !sleep(ctx, time.Second) {
			return "", r.fail(webhookRoute, a, "201 and "+AssistantID)
		}
	}
}

// reportCall sends the end-of-call report of the test call.
func (r *run) reportCall(ctx context.Context) error {
	ended := time.Now().UTC()
	a, err := r.send(ctx, webhookRoute, "", map[string]any{"message": map[string]any{
		"type": "end-of-call-report", "endedReason": "customer-ended-call", "timestamp": ended.UnixMilli(),
		"startedAt": ended.Add(-21 * time.Second).Format(time.RFC3339), "endedAt": ended.Format(time.RFC3339),
		"call": map[string]any{"id": r.call, "assistantId": AssistantID, "type": "inboundPhoneCall", "customer": map[string]string{"number": caller}},
		"messages": []map[string]string{{"role": "user", "content": "Hello, when are you open?"},
			{"role": "assistant", "content": "Nine to five, Monday to Friday."}},
	}})
	if err == nil && a.status != http.StatusOK {
		err = r.fail(webhookRoute, a, "200")
	}
	return err
}

// findStoredReport looks for the report that the webhook has accepted.
func (r *run) findStoredReport(ctx context.Context) (string, error) {
	for key, err := range r.bucket.List(ctx, aurora.EndOfCallPrefix+aurora.AssistantKey(AssistantID)+"/", "") {
		if err != nil {
			return "", fmt.Errorf("bucket %s: %w", r.Bucket, err)
		}
		if strings.Contains(key, aurora.SafeKey(r.call)) {
			return key, nil
		}
	}
	return "", fmt.Errorf("bucket %s: the webhook answered 200 and the report is not there; it waits in the queue raw if the function cannot write to the bucket%s",
		r.Bucket, r.logHint("webhook"))
}

// waitForRow waits until the worker has written the call's row, and it is complete. part is what is broken otherwise.
func (r *run) waitForRow(ctx context.Context, part string, isComplete func(aurora.Call) bool) (string, error) {
	began, cause := time.Now(), error(nil)
	for {
		row, err := r.readRow(ctx)
		if err == nil && isComplete(row) {
			return fmt.Sprintf("%.1f s after the report", time.Since(began).Seconds()), nil
		}
		if cause = err; err == nil {
			cause = errors.New("the row is incomplete " + row.AnalysisNote)
		}
		if time.Since(began) > r.IndexWait || !sleep(ctx, poll) {
			return "", fmt.Errorf("%s: waited %.0f s: %w%s", part, time.Since(began).Seconds(), cause, r.logHint("call-worker"))
		}
	}
}

// readRow returns the row of the test call.
func (r *run) readRow(ctx context.Context) (row aurora.Call, err error) {
	alias, ok, err := r.ledger.Alias(ctx, aurora.SafeKey(r.call))
	if err == nil && ok && len(alias.RowKeys) > 0 {
		row, ok, err = r.calls.Row(ctx, alias.RowKeys[len(alias.RowKeys)-1])
	}
	if err == nil && (!ok || row.ID == "") {
		err = errors.New("there is no row")
	}
	return row, err
}
