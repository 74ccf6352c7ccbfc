package faketwilio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"example.com/aurora/shared/dev/fakerelay"
	"example.com/aurora/shared/dev/stricttwiml"
)

// InboundCall is a call from a person to a number of the account.
type InboundCall struct {
	From, To string
	Fields   url.Values // more fields of the request for TwiML, such as ForwardedFrom; they replace the usual ones
	// Caller is what the caller does. The call ends when it returns. If it is nil, the caller is at the page or at make call.
	Caller func(ctx context.Context, phone *fakerelay.Phone)
	Play   Play
}

// Play is how Twilio's part of a call goes.
type Play struct {
	Dialled string // the DialCallStatus of every <Dial>; if empty, it depends on the number: see the package comment
	Twice   bool   // every request is made twice, with the same idempotency token
	// Shuffle is the seed of the order of the last requests, if it is not 0. They come in the order in which they are due otherwise.
	Shuffle uint64
	// Silent leaves out the status and recording callbacks.
	Silent  bool
	Session func(*fakerelay.SessionOptions) // changes the options of every session; may be nil
	Speed   float64                         // see fakerelay.Options; 0 is the account's
}

// Dialled is a leg that <Dial> called.
type Dialled struct{ To, CallerID, Status string }

// Report is everything about a call that was played here.
type Report struct {
	Call
	Utterances []fakerelay.Utterance
	Violations []fakerelay.Violation
	Problems   []string // deviations of the TwiML from its documentation, and requests that failed
	Sessions   []fakerelay.Result
	Dialled    []Dialled
	Requests   []Callback // all requests about the call, in order
	Reconnects int
	Over       bool // the call ended and all its requests were answered
}

// StartInbound starts an inbound call: it is signalled to the account's VoiceURL. It returns the call's sid at once.
func (s *Server) StartInbound(in InboundCall) string {
	c := s.newCall(in.From, in.To, directionInbound, "ringing", nil)
	c.fields, c.plan = in.Fields, in.Play
	v := s.newVoice(c, in.Caller)
	voiceURL, _, _ := s.numbers()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = appendBounded(s.calls, c)
	if s.closed {
		c.hangup()
		return c.SID
	}
	s.running.Go(func() {
		defer s.endCall(c)
		v.enter(v.fetch(voiceURL, http.MethodPost, v.inboundForm()))
		v.finish()
	})
	return c.SID
}

// newCall returns a call that has not started.
func (s *Server) newCall(from, to, direction, status string, form url.Values) *call {
	c := &call{Call: Call{SID: newSID("CA"), From: from, To: to, Direction: direction, Status: status, Twiml: form.Get("Twiml"), Form: form, Created: s.options.Now()},
		over: make(chan struct{}), events: newEventLog()}
	c.live, c.hangup = context.WithCancel(s.ctx)
	return c
}

// endCall marks a call as over, after the last request about it.
func (s *Server) endCall(c *call) {
	c.hangup()
	c.events.add(fakerelay.Event{Type: done, At: s.options.Now()})
	close(c.over)
}

// Wait waits until a call that was played here is over and all its requests were answered, and returns its report.
func (s *Server) Wait(ctx context.Context, sid string) (Report, error) {
	c := s.findCall(sid)
	if c == nil || c.over == nil {
		return Report{}, fmt.Errorf("no call %s was played here", sid)
	}
	select {
	case <-c.over:
		return s.report(c), nil
	case <-ctx.Done():
		return s.report(c), context.Cause(ctx)
	}
}

func (s *Server) report(c *call) Report {
	s.mu.Lock()
	r := Report{Call: c.Call, Problems: slices.Clone(c.problems), Sessions: slices.Clone(c.sessions), Dialled: slices.Clone(c.dialled), Requests: slices.Clone(c.requests)}
	phone := c.phone
	s.mu.Unlock()
	if phone != nil {
		r.Utterances, r.Violations, r.Reconnects = phone.Utterances(), phone.Violations(), phone.Reconnects()
	}
	select {
	case <-c.over:
		r.Over = true
	default:
	}
	return r
}

// voice plays the TwiML of one call.
type voice struct {
	server *Server
	call   *call
	phone  *fakerelay.Phone
	caller func(context.Context, *fakerelay.Phone)
	joined bool     // the caller is at the telephone
	due    []func() // requests at the end of the call
	ended  string   // the status with which the call ended, if TwiML decided it
}

func (s *Server) newVoice(c *call, caller func(context.Context, *fakerelay.Phone)) *voice {
	v := &voice{server: s, call: c, caller: caller}
	v.phone = fakerelay.NewPhone(fakerelay.Options{Speed: cmp.Or(c.plan.Speed, s.options.Speed), Now: s.options.Now, Wait: s.options.Wait, TurnTimeout: s.options.TurnTimeout,
		Observe: c.events.add})
	s.mu.Lock()
	c.phone = v.phone
	s.mu.Unlock()
	return v
}

// join lets the caller act, once the call is answered. The call ends when the caller has nothing more to do.
func (v *voice) join() {
	if v.joined {
		return
	}
	v.joined = true
	v.server.mu.Lock()
	if v.call.Started.IsZero() {
		v.call.Status, v.call.Started = statusInProgress, v.server.options.Now()
	}
	v.server.mu.Unlock()
	v.call.events.add(fakerelay.Event{Type: "answered", At: v.server.options.Now()})
	if v.caller == nil {
		return
	}
	v.server.running.Go(func() {
		v.caller(v.call.live, v.phone)
		v.call.hangup()
	})
}

// problem records a deviation that Twilio reports in its console only, or an error that the caller hears.
func (v *voice) problem(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	v.server.mu.Lock()
	v.call.problems = append(v.call.problems, text)
	v.server.mu.Unlock()
	v.call.events.add(fakerelay.Event{Type: "problem", Text: text, At: v.server.options.Now()})
}

// finish ends the call and makes the requests that are due.
func (v *voice) finish() {
	s, c := v.server, v.call
	c.hangup()
	v.phone.HangUp()
	if s.ctx.Err() != nil {
		return // the server was closed
	}
	s.mu.Lock()
	if c.Ended.IsZero() { // an outbound call has ended already
		c.Ended = s.options.Now()
		c.Status = cmp.Or(v.ended, c.requestedEnd, statusCompleted)
	}
	status := c.Status
	s.mu.Unlock()
	c.events.add(fakerelay.Event{Type: "over", Text: status, At: s.options.Now()})
	if _, statusURL, _ := s.numbers(); c.Direction == directionInbound && statusURL != "" && !c.plan.Silent {
		form := v.form(status)
		form.Set("CallDuration", strconv.Itoa(durationSeconds(s.snapshot(c))))
		form.Set("Duration", strconv.Itoa((durationSeconds(s.snapshot(c))+59)/60))
		form.Set("Timestamp", formatTime(s.options.Now()))
		v.due = append(v.due, func() { v.notify(statusURL, http.MethodPost, form) })
	}
	if c.plan.Shuffle != 0 {
		random := rand.New(rand.NewPCG(c.plan.Shuffle, 0))
		random.Shuffle(len(v.due), func(i, j int) { v.due[i], v.due[j] = v.due[j], v.due[i] })
	}
	for _, request := range v.due {
		request()
	}
}

// form returns the fields that every request about a call has: https://www.twilio.com/docs/voice/twiml#twilios-request-to-your-application
func (v *voice) form(status string) url.Values {
	c := v.server.snapshot(v.call)
	return url.Values{"AccountSid": {v.server.options.AccountSID}, "ApiVersion": {version}, "CallSid": {c.SID}, "CallStatus": {status},
		"Direction": {c.Direction}, "From": {c.From}, "Caller": {c.From}, "To": {c.To}, "Called": {c.To}}
}

// inboundForm returns the fields of the first request of an inbound call.
func (v *voice) inboundForm() url.Values {
	form := v.form("ringing")
	for _, side := range []string{"From", "Caller", "To", "Called"} {
		for field, value := range map[string]string{"City": "SAN FRANCISCO", "State": "CA", "Zip": "94105", "Country": "US"} {
			form.Set(side+field, value)
		}
	}
	form.Set("StirVerstat", "TN-Validation-Passed-A")
	form.Set("CallToken", `{"parentCallInfoToken":"`+newSID("")+`","identityHeaderTokens":[]}`)
	for name, values := range v.call.fields {
		form[name] = values
	}
	return form
}

// post makes a request about the call, twice if the play says so, and returns its last answer.
func (v *voice) post(address, method string, form url.Values) (answer Callback) {
	s := v.server
	c := s.newRequest(v.call.SID, method, address, form)
	times := 1
	if v.call.plan.Twice {
		times = 2
	}
	for range times {
		answer = s.makeRequest(c)
		if _, dialling := errors.AsType[*net.OpError](answer.Err); dialling { // Twilio tries again only if it could not connect
			answer = s.makeRequest(c)
		}
		s.mu.Lock()
		v.call.requests = append(v.call.requests, answer)
		s.mu.Unlock()
	}
	return answer
}

// notify makes a request whose answer plays no part.
func (v *voice) notify(address, method string, form url.Values) {
	if a := v.post(address, method, form); v.server.ctx.Err() == nil && (a.Err != nil || a.Status >= http.StatusBadRequest) {
		v.problem("11200: %s: status %d, error %v", address, a.Status, a.Err)
	}
}

// document is TwiML and the address that it is relative to.
type document struct {
	text, base string
	ok         bool
}

// fetch requests TwiML. An answer that is none ends the call, as on Twilio: the caller hears that an application error has occurred.
func (v *voice) fetch(address, method string, form url.Values) document {
	answer := v.post(address, method, form)
	kind, _, _ := mime.ParseMediaType(answer.Type)
	switch {
	case v.server.ctx.Err() != nil:
		return document{}
	case answer.Err != nil:
		v.problem("11200: %s: %v", address, answer.Err)
	case answer.Status != http.StatusOK:
		v.problem("11200: %s answered with status %d", address, answer.Status)
	case !slices.Contains([]string{"text/xml", "application/xml"}, kind):
		v.problem("12300: %s answered with the content type %q", address, answer.Type)
	default:
		return document{answer.Body, address, true}
	}
	v.call.events.add(fakerelay.Event{Type: "word", By: fakerelay.Twilio, Text: "An application error has occurred. Goodbye. ", At: v.server.options.Now()})
	return document{}
}

// enter plays a document, and those that follow it, until the call ends.
func (v *voice) enter(d document) {
	for range maxDocuments {
		if !d.ok || v.call.live.Err() != nil {
			return
		}
		verbs, problems, err := stricttwiml.Read(d.text)
		if err != nil {
			v.problem("%v: %s", err, d.text)
			return
		}
		for _, p := range problems {
			v.problem("TwiML: %s", p)
		}
		d = v.playVerbs(verbs, d.base)
	}
	v.problem("the call was given more than %d documents", maxDocuments)
}

// maxDocuments bounds the documents of one call, so that one that redirects to itself ends.
const maxDocuments = 50

// playVerbs plays verbs in order, and returns the document that follows, if one does.
func (v *voice) playVerbs(verbs []stricttwiml.Element, base string) document {
	for i, verb := range verbs {
		if verb.Name != "Reject" || i > 0 {
			v.join()
		}
		ctx, stop := context.WithCancel(v.call.live)
		v.setVerb(stop)
		next, follows := v.playVerb(ctx, verb, base)
		stop()
		if redirected, ok := v.takeRedirection(); ok {
			return redirected
		}
		if follows || v.call.live.Err() != nil || v.ended != "" {
			return next
		}
	}
	return document{}
}

// setVerb sets how the verb that is being played is stopped.
func (v *voice) setVerb(stop context.CancelFunc) {
	v.server.mu.Lock()
	defer v.server.mu.Unlock()
	v.call.stopVerb = stop
	if v.call.redirection != nil {
		stop()
	}
}

// takeRedirection returns the instructions of an update of the call, if there was one.
func (v *voice) takeRedirection() (document, bool) {
	v.server.mu.Lock()
	u := v.call.redirection
	v.call.redirection = nil
	v.server.mu.Unlock()
	switch {
	case u == nil:
		return document{}, false
	case u.Twiml != "":
		return document{u.Twiml, "", true}, true
	}
	return v.fetch(u.URL, http.MethodPost, v.form(statusInProgress)), true
}

// resolve makes an address absolute.
func resolve(base, address string) string {
	b, err := url.Parse(base)
	if err != nil {
		return address
	}
	u, err := b.Parse(address)
	if err != nil {
		return address
	}
	return u.String()
}

// pause waits for a time of a person's measure.
func (v *voice) pause(ctx context.Context, d time.Duration) bool { return v.phone.Pause(ctx, d) }
