package twilioapi

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/text"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/callcontrol"
)

// VoiceCalls decides what happens with phone calls. It is a *callcontrol.Service except in tests.
type VoiceCalls interface {
	Answer(ctx context.Context, c callcontrol.Call) aurora.CallPlan
	AfterSession(ctx context.Context, e callcontrol.SessionEnd) aurora.CallPlan
	AfterDial(ctx context.Context, e callcontrol.DialEnd) aurora.CallPlan
	RecordStatus(ctx context.Context, r callcontrol.StatusReport) error
}

// Voice serves Twilio's requests about phone calls.
type Voice struct {
	Verifier  Verifier
	Calls     VoiceCalls
	PublicURL string // the setting PUBLIC_URL
}

// ServeCall answers the request for a call that has come in.
func (v Voice) ServeCall(w http.ResponseWriter, r *http.Request) error {
	return v.serveTwiML(w, r, func(ctx context.Context, form url.Values, c callcontrol.Call) aurora.CallPlan {
		return v.Calls.Answer(ctx, c)
	})
}

// ServeAfter answers the request for what follows a session or a dialled leg.
func (v Voice) ServeAfter(w http.ResponseWriter, r *http.Request) error {
	return v.serveTwiML(w, r, func(ctx context.Context, form url.Values, c callcontrol.Call) aurora.CallPlan {
		if status := form.Get("DialCallStatus"); status != "" {
			return v.Calls.AfterDial(ctx, callcontrol.DialEnd{Call: c, DialStatus: status})
		}
		return v.Calls.AfterSession(ctx, callcontrol.SessionEnd{Call: c, SessionID: text.Clip(form.Get("SessionId"), maxField), SessionStatus: text.Clip(form.Get("SessionStatus"), maxField),
			Seconds: Seconds(form.Get("SessionDuration")), ErrorCode: errorCode(form.Get("ErrorCode")), HandoffData: form.Get("HandoffData")})
	})
}

// ServeStatus takes the reports about a call's status and its recording.
func (v Voice) ServeStatus(w http.ResponseWriter, r *http.Request) error {
	form, c, err := v.read(r)
	if err != nil {
		return err
	}
	report := callcontrol.StatusReport{SID: c.SID, Status: c.Status, Seconds: Seconds(form.Get("CallDuration"))}
	if form.Get("RecordingStatus") == "completed" {
		report.RecordingSID, report.RecordingURL = text.Clip(form.Get("RecordingSid"), maxField), recordingURL(form.Get("RecordingUrl"))
	}
	if err := v.Calls.RecordStatus(r.Context(), report); err != nil {
		return err
	}
	return writePlan(w, r, aurora.CallPlan{})
}

// serveTwiML reads a request that Twilio signed, and answers it with what decide returns. From then on every failure is an
// answer, too.
func (v Voice) serveTwiML(w http.ResponseWriter, r *http.Request, decide func(context.Context, url.Values, callcontrol.Call) aurora.CallPlan) error {
	form, c, err := v.read(r)
	if fault.Is(err, fault.Unavailable) { // the signature cannot be checked: an apology tells nothing to anyone
		return apologise(w, r, err)
	}
	if err != nil {
		return err
	}
	var plan aurora.CallPlan
	err = safego.Call(func() error {
		plan = decide(r.Context(), form, c)
		return nil
	})
	if err != nil {
		safego.LogPanic(r.Context(), err)
		return apologise(w, r, fault.New(fault.Internal, "Something went wrong on our side.").Because(err))
	}
	return writePlan(w, r, plan)
}

// read reads a signed form and the call that it is about.
func (v Voice) read(r *http.Request) (url.Values, callcontrol.Call, error) {
	form, err := ReadClearForm(r, v.Verifier, v.PublicURL)
	if err != nil {
		return form, callcontrol.Call{}, err
	}
	c := callcontrol.Call{SID: form.Get("CallSid"), From: text.Clip(form.Get("From"), maxAddress), To: text.Clip(form.Get("To"), maxAddress),
		Outbound: strings.HasPrefix(form.Get("Direction"), "outbound"), PublicURL: web.PublicURL(r, v.PublicURL), Status: aurora.CallStatus(form.Get("CallStatus"))}
	if !aurora.IsCallSID(c.SID) {
		return form, c, fault.New(fault.Invalid, "CallSid must be a call's sid.").WithParam("CallSid")
	}
	if c.Status.Rank() < 0 {
		c.Status = "" // a status that this version does not know
	}
	return form, c, nil
}

// apologise answers with an apology for an error.
func apologise(w http.ResponseWriter, r *http.Request, err error) error {
	metric.CountFault(r.Context(), "AnswerDegraded", err)
	slog.ErrorContext(r.Context(), "a phone call could not be served", "event", "phone.not_served", "during", "request", "error", err)
	return writeXML(w, twilio.ApologyTwiML)
}

func writePlan(w http.ResponseWriter, r *http.Request, p aurora.CallPlan) error {
	document, err := twilio.VoiceTwiML(r.Context(), p)
	if err != nil {
		return apologise(w, r, err)
	}
	return writeXML(w, document)
}

func writeXML(w http.ResponseWriter, document string) error {
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	_, err := io.WriteString(w, document)
	return err
}

const (
	maxField   = 64  // bytes; Twilio's ids and statuses are shorter
	maxAddress = 255 // bytes
	maxSeconds = 1e6 // 11 days
)

// Seconds reads a length of time in a form; nil if it is none.
func Seconds(s string) *float64 {
	if seconds, err := strconv.ParseFloat(s, 64); err == nil && seconds >= 0 && seconds < maxSeconds {
		return &seconds
	}
	return nil
}

// errorCode returns Twilio's code of an error; empty without an error. A code of another form is still an error.
func errorCode(s string) string {
	if s == "" || s == "0" {
		return ""
	}
	if n, err := strconv.Atoi(s); err == nil && n > 0 && n < 1e6 {
		return s
	}
	return "unknown"
}

// recordingURL returns the address of a recording; empty if it is none.
func recordingURL(s string) string {
	if u, err := url.Parse(s); err != nil || u.Scheme != "https" || u.Host == "" || len(s) > 1000 {
		return ""
	}
	return s
}
