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

const longestID = 256 // bytes

// service makes one report for whoever waits.
type service struct {
	assistants interface {
		ByID(ctx context.Context, id string) (aurora.Assistant, error)
	}
	reports interface {
		Make(ctx context.Context, job aurora.ReportJob) (report.Made, error)
	}
	now func() time.Time
}

// serve is the function as Lambda calls it.
func serve(s *service) *web.Function {
	return &web.Function{
		Policy:  auth.Reports,
		MaxBody: web.CallBody,
		Routes:  []web.Route{{Method: http.MethodPost, Path: "/api/reports/aurora-report/{period}", Handler: s.make}},
	}
}

func (s *service) make(w http.ResponseWriter, r *http.Request) error {
	period, err := aurora.ParsePeriod(r.PathValue("period"))
	if err != nil {
		return err
	}
	q, err := read(r)
	if err != nil {
		return err
	}
	a, err := s.assistants.ByID(r.Context(), q.assistantID)
	if err != nil {
		return named(err)
	}
	until, err := aurora.ParseUntil(q.until, s.now(), a.Location())
	if err != nil {
		return err
	}
	made, err := s.reports.Make(r.Context(), aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: until, Resend: q.resend})
	if _, unsent := errors.AsType[*report.MailError](err); err != nil && !unsent { // a mail's failure is a warning
		return err
	}
	return web.JSON(w, http.StatusOK, answerOf(period, made))
}

// question is a request's body.
type question struct {
	assistantID, until string
	resend             bool
}

func read(r *http.Request) (q question, err error) {
	var body struct {
		AssistantID json.RawMessage `json:"ASSISTANT_ID"`
		Until       json.RawMessage `json:"until"`
		Resend      json.RawMessage `json:"resend"`
	}
	if err := web.Object(r, &body); err != nil {
		return q, err
	}
	if json.Unmarshal(body.AssistantID, &q.assistantID) != nil || q.assistantID == "" || len(q.assistantID) > longestID {
		return q, fault.Newf(fault.Invalid, "ASSISTANT_ID must be the id of an assistant, a text of 1 to %d bytes.", longestID).
			Coded("invalid_assistant_id").In("ASSISTANT_ID")
	}
	if given(body.Until) && json.Unmarshal(body.Until, &q.until) != nil {
		return q, fault.New(fault.Invalid, "until must be a text: a date such as 2026-11-23 or a time such as 2026-11-23T08:00:00Z.").
			Coded("invalid_until").In("until")
	}
	switch string(body.Resend) {
	case "", "null", "false", `"false"`, `""`:
	case "true", `"true"`:
		q.resend = true
	default:
		return q, fault.New(fault.Invalid, "resend must be true or false.").Coded("invalid_resend").In("resend")
	}
	return q, nil
}

func given(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// named says which field named an assistant that is not there.
func named(err error) error {
	if f := fault.From(err); f.Kind == fault.NotFound {
		return f.In("ASSISTANT_ID")
	}
	return err
}

// answer is the API document's, and what was made.
type answer struct {
	Status   string   `json:"status"`
	Message  string   `json:"message"`
	Report   made     `json:"report"`
	Warnings []string `json:"warnings,omitempty"`
}

type made struct {
	Link    string             `json:"link,omitempty"`
	Period  aurora.Period      `json:"period"`
	From    time.Time          `json:"from"`
	Until   time.Time          `json:"until"`
	Calls   aurora.CallFigures `json:"calls"`
	Minutes float64            `json:"minutes"`
	Cost    aurora.CostFigures `json:"cost"`
	Mailed  int                `json:"mailed"`
}

func answerOf(period aurora.Period, m report.Made) answer {
	r := m.Report
	return answer{
		Status:   "success",
		Message:  period.Title() + " report generated successfully for assistant " + r.AssistantID,
		Report:   made{m.Link, period, r.From, r.Until, r.Calls, r.Minutes, r.Cost, m.Mailed},
		Warnings: m.Warnings,
	}
}
