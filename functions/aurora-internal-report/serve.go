package main

import (
	"context"
	"net/http"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/reportapi"
	"example.com/aurora/shared/transport/web"
)

// scheduler queues the reports of every internal assistant.
type scheduler interface {
	QueueInternal(ctx context.Context, period aurora.Period) (int, error)
}

// serve returns the function as Lambda calls it. The route takes no body; one that is sent is ignored.
func serve(s scheduler) *web.Function {
	return &web.Function{
		Policy:  auth.InternalPolicy,
		MaxBody: web.MaxCallBody,
		Routes: []web.Route{{Method: http.MethodPost, Path: "/api/reports/aurora-internal-report/{period}", Handler: func(w http.ResponseWriter, r *http.Request) error {
			period, err := aurora.ParsePeriod(r.PathValue("period"))
			if err != nil {
				return err
			}
			if err := web.PrincipalOf(r).CheckAssistant(""); err != nil { // the reports are of every internal assistant
				return err
			}
			if _, err := s.QueueInternal(r.Context(), period); err != nil {
				return err
			}
			return web.WriteJSON(w, http.StatusOK, reportapi.NewQueuedResponse(period))
		}}},
	}
}
