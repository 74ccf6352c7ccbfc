package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/transport/reportapi"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/report"
)

// service makes one report while the caller waits.
type service struct {
	assistants interface {
		ByID(ctx context.Context, id string) (aurora.Assistant, error)
	}
	reports interface {
		Make(ctx context.Context, job aurora.ReportJob) (report.Result, error)
	}
	now func() time.Time
}

// serve returns the function as Lambda calls it.
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
	q, err := reportapi.ReadRequest(r)
	if err != nil {
		return err
	}
	logfields.Set(r.Context(), logfields.AssistantID, q.AssistantID)
	if err := web.PrincipalOf(r).CheckAssistant(q.AssistantID); err != nil {
		return err
	}
	a, err := s.assistants.ByID(r.Context(), q.AssistantID)
	if err != nil {
		return reportapi.AssistantError(err)
	}
	until, err := aurora.ParseUntil(q.Until, s.now(), a.Location())
	if err != nil {
		return err
	}
	made, err := s.reports.Make(r.Context(), aurora.ReportJob{AssistantID: a.ID(), Period: period, Until: until, Resend: q.Resend})
	if _, unsent := errors.AsType[*report.MailError](err); err != nil && !unsent { // unsent mails are a warning in the answer
		return err
	}
	return web.WriteJSON(w, http.StatusOK, reportapi.NewResponse(period, made))
}
