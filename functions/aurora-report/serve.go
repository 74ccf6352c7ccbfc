package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/report"
)

const maxIDBytes = 256 // bytes

// service makes one report for whoever waits.
type service struct {
	assistants interface {
		ByID(ctx context.Context, id string) (aurora.Assistant, error)
	}
	reports interface {
		Make(ctx context.Context, job aurora.ReportJob) (report.Result, error)
	}
	now func() time.Time
}

// serve is the function as Lambda calls it.
func serve(s *service) *web.Function {
	return &web.Function{
		Policy:  auth.InternalPolicy,
		MaxBody: web.MaxCallBody,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/reports/aurora-report/{period}", Handler: s.make}},
	}
}

func (s *service) make(w http.ResponseWriter, r *http.Request) error {
	period, err := aurora.ParsePeriod(r.PathValue("period"))
	if err != nil {
		return err
	}
	q, err := readRequest(r)
	if err != nil {
		return err
	}
	a, err := s.assistants.ByID(r.Context(), q.assistantID)
	if err != nil {
		return withField(err)
	}
	until, err := aurora.ParseUntil(q.until, s.now(), a.Location())
	if err != nil {
		return err
	}
	made, err := s.reports.Make(r.Context(), aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: until, Resend: q.resend})
	if _, unsent := errors.AsType[*report.MailError](err); err != nil && !unsent { // a mail's failure is a warning
		return err
	}
	return web.WriteJSON(w, http.StatusOK, newResponse(period, made))
}

// request is a request's body.
type request struct {
	assistantID, until string
	resend             bool
}

func readRequest(r *http.Request) (q request, err error) {
	var body struct {
		AssistantID json.RawMessage `json:"ASSISTANT_ID"`
		Until       json.RawMessage `json:"until"`
		Resend      json.RawMessage `json:"resend"`
	}
	if err := web.ReadObject(r, &body); err != nil {
		return q, err
	}
	if json.Unmarshal(body.AssistantID, &q.assistantID) != nil || q.assistantID == "" || len(q.assistantID) > maxIDBytes {
		return q, fault.Newf(fault.Invalid, "ASSISTANT_ID must be the id of an assistant, a text of 1 to %d bytes.", maxIDBytes).
			WithCode("invalid_assistant_id").WithParam("ASSISTANT_ID")
	}
	if isGiven(body.Until) && json.Unmarshal(body.Until, &q.until) != nil {
		return q, fault.New(fault.Invalid, "until must be a text: a date such as 2026-11-23 or a time such as 2026-11-23T08:00:00Z.").
			WithCode("invalid_until").WithParam("until")
	}
	switch string(body.Resend) {
	case "", "null", "false", `"false"`, `""`:
	case "true", `"true"`:
		q.resend = true
	default:
		return q, fault.New(fault.Invalid, "resend must be true or false.").WithCode("invalid_resend").WithParam("resend")
	}
	return q, nil
}

func isGiven(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// withField says which field named an assistant that is not there.
func withField(err error) error {
	if f := fault.From(err); f.Kind == fault.NotFound {
		return f.WithParam("ASSISTANT_ID")
	}
	return err
}

// response is the API document's, and what was made.
type response struct {
	Status   string        `json:"status"`
	Message  string        `json:"message"`
	Report   reportSummary `json:"report"`
	Warnings []string      `json:"warnings,omitempty"`
}

type reportSummary struct {
	Link    string             `json:"link,omitempty"`
	Period  aurora.Period      `json:"period"`
	From    time.Time          `json:"from"`
	Until   time.Time          `json:"until"`
	Calls   aurora.CallFigures `json:"calls"`
	Minutes float64            `json:"minutes"`
	Cost    aurora.CostFigures `json:"cost"`
	Mailed  int                `json:"mailed"`
}

func newResponse(period aurora.Period, m report.Result) response {
	r := m.Report
	return response{
		Status:   "success",
		Message:  period.Title() + " report generated successfully for assistant " + r.AssistantID,
		Report:   reportSummary{m.Link, period, r.From, r.Until, r.Calls, r.Minutes, r.Cost, m.MailsSent},
		Warnings: m.Warnings,
	}
}
