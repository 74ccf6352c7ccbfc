package faketwilio

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/aurora/shared/dev/fakerelay"
	"example.com/aurora/shared/dev/stricttwiml"
)

// maxURL is the maximum length of an address in a request: https://www.twilio.com/docs/api/errors/21609
const maxURL = 4000

// Call is the current state of a call that was created here.
type Call struct {
	SID        string
	From, To   string
	Direction  string // outbound-api or inbound
	Status     string // queued, initiated, ringing, in-progress; then completed, busy, no-answer, failed or canceled
	AnsweredBy string // human or machine_start, once it is known
	Twiml      string
	Form       url.Values // the request that created it
	Created    time.Time
	Started    time.Time // when it was answered
	Ended      time.Time
}

// call is a Call in progress.
type call struct {
	Call
	hangup       context.CancelFunc
	requestedEnd string // the final status that an update asked for

	// Of a call whose TwiML is played.
	live        context.Context // until the call ends
	over        chan struct{}   // closed after the last request about the call
	events      *eventLog
	phone       *fakerelay.Phone
	fields      url.Values
	plan        Play
	problems    []string
	sessions    []fakerelay.Result
	dialled     []Dialled
	requests    []Callback
	stopVerb    context.CancelFunc // stops the verb that is being played
	redirection *Update            // the instructions that take its place
}

// Calls returns the calls so far, in order. It includes calls whose reply was lost, and not calls that were rejected.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make([]Call, len(s.calls))
	for i, c := range s.calls {
		calls[i] = c.Call
	}
	return calls
}

func (s *Server) findCall(sid string) *call {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		if c.SID == sid {
			return c
		}
	}
	return nil
}

// snapshot returns the current state of a call.
func (s *Server) snapshot(c *call) Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.Call
}

// The magic numbers of Twilio's test credentials: https://www.twilio.com/docs/iam/test-credentials#test-calls
var (
	rejectedCallees = map[string]func(to string) *apiError{
		"+15005550001": func(to string) *apiError { return newError(400, 21217, "Phone number is invalid: %s", to) },
		"+15005550002": func(to string) *apiError { return newError(400, 21214, "'To' phone number cannot be reached: %s", to) },
		"+15005550003": notInternational,
		"+15005550004": notAllowed,
	}
	rejectedCallers = map[string]func(from string) *apiError{
		"+15005550001": func(from string) *apiError { return newError(400, 21212, "Invalid 'From' Phone Number: %s", from) },
	}
)

func invalidTo(to string) *apiError { return newError(400, 21211, "Invalid 'To' Phone Number: %s", to) }

func notAllowed(to string) *apiError {
	return newError(400, 21216, "Account not allowed to call phone number: %s", to)
}

func notInternational(to string) *apiError {
	return newError(400, 21215, "Account not authorized to call %s. Perhaps you need to enable some international permissions.", to)
}

// create places a call: https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
func (s *Server) create(w http.ResponseWriter, r *http.Request) *apiError {
	form := r.PostForm
	if problem := checkCall(form); problem != nil {
		return problem
	}
	to := form.Get("To")
	play := scenarios[to] // the zero scenario: a person answers
	if play.reject != nil {
		return play.reject(to)
	}
	if play.busyOnce && !s.toggleBusy(to) {
		return newError(http.StatusTooManyRequests, 20429, "Too Many Requests")
	}
	if play.lost {
		return newError(http.StatusInternalServerError, 20500, "An internal server error has occurred")
	}
	c := s.startCall(form, play)
	switch play.reply {
	case replyError:
		return newError(http.StatusInternalServerError, 20500, "An internal server error has occurred")
	case replyNone:
		panic(http.ErrAbortHandler) // close the connection without an answer
	case replyLate:
		ctx, cancel := context.WithCancel(r.Context())
		defer context.AfterFunc(s.ctx, cancel)()
		defer cancel()
		s.options.Wait(ctx, lateReplyDelay)
	case replyNoSID:
		writeJSON(w, http.StatusCreated, map[string]any{})
		return nil
	}
	described := s.describeCall(c)
	described["status"] = statusQueued // Twilio answers before it dials
	writeJSON(w, http.StatusCreated, described)
	return nil
}

// toggleBusy reports whether this request for a number is answered with 429: every other one is.
func (s *Server) toggleBusy(to string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[to] = !s.busy[to]
	return !s.busy[to]
}

// checkCall returns the error with which Twilio rejects a call, or nil.
func checkCall(form url.Values) *apiError {
	from, to, twiml := form.Get("From"), form.Get("To"), form.Get("Twiml")
	switch {
	case to == "":
		return newError(400, 21201, "No 'To' number is specified")
	case from == "":
		return newError(400, 21213, "No 'From' number is specified")
	case twiml == "" && form.Get("Url") == "" && form.Get("ApplicationSid") == "":
		return newError(400, 21205, "Url parameter is required.")
	case form.Get("Url") != "" && !isURL(form.Get("Url")):
		return newError(400, 21205, "Url is not a valid URL: %s", form.Get("Url"))
	case utf8.RuneCountInString(twiml) > stricttwiml.MaxInline:
		return newError(400, 20001, "Twiml may not be longer than %d characters", stricttwiml.MaxInline)
	case twiml != "" && !isTwiml(twiml):
		return newError(400, 12100, "Document parse failure")
	case !e164.MatchString(to):
		return invalidTo(to)
	case rejectedCallees[to] != nil:
		return rejectedCallees[to](to)
	case rejectedCallers[from] != nil:
		return rejectedCallers[from](from)
	case !e164.MatchString(from):
		return rejectedCallers["+15005550001"](from)
	case from == to || strings.HasPrefix(from, "+141555501"):
		return newError(400, 21210, "The source phone number provided, %s, is not yet verified for your account. You may only make calls from phone numbers that you've verified or purchased from Twilio.", from)
	}
	return checkOptions(form)
}

var progressEvents = []string{"initiated", "ringing", "answered", statusCompleted}

// checkOptions returns the error with which Twilio rejects the other parameters of a call, or nil.
func checkOptions(form url.Values) *apiError {
	for _, name := range []string{"StatusCallback", "AsyncAmdStatusCallback"} {
		if address := form.Get(name); address != "" && !isURL(address) {
			return newError(400, 21609, "Invalid '%s' URL: %s", name, address)
		}
	}
	for name, allowed := range map[string][]string{"MachineDetection": {"Enable", "DetectMessageEnd"}, "AsyncAmd": {"true", "false"},
		"StatusCallbackMethod": {http.MethodGet, http.MethodPost}, "AsyncAmdStatusCallbackMethod": {http.MethodGet, http.MethodPost}} {
		if value := form.Get(name); value != "" && !slices.Contains(allowed, value) {
			return newError(400, 20001, "Invalid %s: %s", name, value)
		}
	}
	for _, event := range form["StatusCallbackEvent"] {
		if !slices.Contains(progressEvents, event) {
			return newError(400, 21626, "Invalid status callback event: %s", event)
		}
	}
	for name, most := range map[string]int{"Timeout": 600, "TimeLimit": 86400} {
		if value := form.Get(name); value != "" {
			if n, err := strconv.Atoi(value); err != nil || n < 1 || n > most {
				return newError(400, 20001, "Invalid %s: %s", name, value)
			}
		}
	}
	return nil
}

// isURL reports whether a text is an http(s) address. Unlike Twilio it accepts addresses of this machine.
func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxURL && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.Fragment == ""
}
