// Package reportapi holds the JSON of the report routes: the bodies that callers send and the answers that they get.
package reportapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/report"
)

const maxIDBytes = 256

// Request is the body of POST /api/reports/aurora-report/{period}.
type Request struct {
	AssistantID string
	Until       string // a date or a time; empty means the end of the current hour
	Resend      bool   // mail the report also to recipients who have it
}

// ReadRequest reads the body of a request. An error names the field.
func ReadRequest(r *http.Request) (q Request, err error) {
	var body struct {
		AssistantID json.RawMessage `json:"ASSISTANT_ID"`
		Until       json.RawMessage `json:"until"`
		Resend      json.RawMessage `json:"resend"`
	}
	if err := web.ReadObject(r, &body); err != nil {
		return q, err
	}
	if json.Unmarshal(body.AssistantID, &q.AssistantID) != nil || q.AssistantID == "" || len(q.AssistantID) > maxIDBytes {
		return q, fault.Newf(fault.Invalid, "ASSISTANT_ID must be the id of an assistant, a text of 1 to %d bytes.", maxIDBytes).
			WithCode("invalid_assistant_id").WithParam("ASSISTANT_ID")
	}
	if isGiven(body.Until) && json.Unmarshal(body.Until, &q.Until) != nil {
		return q, fault.New(fault.Invalid, "until must be a text: a date such as 2026-11-23 or a time such as 2026-11-23T08:00:00Z.").
			WithCode("invalid_until").WithParam("until")
	}
	switch string(body.Resend) {
	case "", "null", "false", `"false"`, `""`:
	case "true", `"true"`:
		q.Resend = true
	default:
		return q, fault.New(fault.Invalid, "resend must be true or false.").WithCode("invalid_resend").WithParam("resend")
	}
	return q, nil
}

func isGiven(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// AssistantError adds the field ASSISTANT_ID to the error that there is no such assistant. Other errors stay as they are.
func AssistantError(err error) error {
	if f := fault.From(err); f.Kind == fault.NotFound {
		return f.WithParam("ASSISTANT_ID")
	}
	return err
}

// Response is the answer to a report that was made in the request.
type Response struct {
	Status   string   `json:"status"`
	Message  string   `json:"message"`
	Report   Summary  `json:"report"`
	Warnings []string `json:"warnings,omitempty"`
}

// Summary is what a Response says about the report.
type Summary struct {
	Link    string             `json:"link,omitempty"`
	Period  aurora.Period      `json:"period"`
	From    time.Time          `json:"from"`
	Until   time.Time          `json:"until"`
	Calls   aurora.CallFigures `json:"calls"`
	Minutes float64            `json:"minutes"`
	Cost    aurora.CostFigures `json:"cost"`
	Mailed  int                `json:"mailed"` // recipients
}

// NewResponse returns the answer for a report that was made.
func NewResponse(period aurora.Period, made report.Result) Response {
	r := made.Report
	return Response{
		Status:   "success",
		Message:  period.Title() + " report generated successfully for assistant " + r.AssistantID,
		Report:   Summary{made.Link, period, r.From, r.Until, r.Calls, r.Minutes, r.Cost, made.MailsSent},
		Warnings: made.Warnings,
	}
}

// QueuedResponse is the answer of POST /api/reports/aurora-internal-report/{period}, whose reports are made later.
type QueuedResponse struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

// NewQueuedResponse returns the answer for reports that were queued.
func NewQueuedResponse(period aurora.Period) QueuedResponse {
	return QueuedResponse{"success", "Internal report generation process started for all assistants for the " + string(period) + " period."}
}
