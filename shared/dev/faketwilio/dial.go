package faketwilio

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// place takes a call and lets it go its way.
func (s *Server) place(form url.Values, play scenario) *call {
	now := s.options.Now()
	c := &call{Call: Call{SID: newSID("CA"), From: form.Get("From"), To: form.Get("To"), Status: queued, Twiml: form.Get("Twiml"), Form: form, Created: now}}
	var live context.Context
	live, c.hangup = context.WithCancel(s.open)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = keep(s.calls, c)
	if s.closed {
		c.hangup()
		return c
	}
	s.running.Go(func() {
		defer c.hangup()
		s.dial(live, c, play)
	})
	return c
}

// dial is the course of a call. live ends with the call, and with the server.
func (s *Server) dial(live context.Context, c *call, play scenario) {
	p := progress{server: s, call: c, play: play}
	p.went("initiated", "initiated")
	end := play.end
	if end == "" {
		end = completed
	}
	reached := end == "failed" || s.options.Wait(live, ring)
	if reached && end != "failed" {
		p.went("ringing", "ringing")
		switch end {
		case "busy":
		case "no-answer":
			s.options.Wait(live, giveUp)
		default:
			if s.options.Wait(live, pickUp) {
				p.answered(live)
			}
		}
	}
	if s.open.Err() != nil {
		return // the server was closed, and the telephone network with it
	}
	s.mu.Lock()
	if c.wish != "" {
		end = c.wish
	}
	s.mu.Unlock()
	p.went(completed, end)
	p.flush()
}

// answered is a call from its answer until somebody hangs up.
func (p *progress) answered(live context.Context) {
	s, c := p.server, p.call
	by := ""
	if c.Form.Get("MachineDetection") != "" {
		by = "human"
		if p.play.machine {
			by = "machine_start"
		}
		if c.Form.Get("MachineDetection") == "DetectMessageEnd" && p.play.machine {
			by = "machine_end_beep"
		}
	}
	inTheMeantime := by != "" && c.Form.Get("AsyncAmd") == "true"
	if by != "" && !inTheMeantime { // the caller hears nothing until then
		if !s.options.Wait(live, listen) {
			return
		}
		p.knownAs(by)
	}
	p.went("answered", inProgress)
	left := talk
	if inTheMeantime {
		if !s.options.Wait(live, listen) {
			return
		}
		left -= listen
		p.knownAs(by)
		p.detected(by)
	}
	s.options.Wait(live, left)
}

// progress tells of a call as it goes on.
type progress struct {
	server   *Server
	call     *call
	play     scenario
	sequence int
	held     []func() // callbacks that wait for the end
}

func (p *progress) knownAs(by string) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	p.call.AnsweredBy = by
}

// went moves a call on and tells of it, where it is to be told:
// https://www.twilio.com/docs/voice/api/call-resource#statuscallback
func (p *progress) went(event, status string) {
	s, c := p.server, p.call
	now := s.options.Now()
	s.mu.Lock()
	c.Status = status
	if status == inProgress {
		c.Started = now
	}
	if final(status) {
		c.Ended = now
	}
	seen := c.Call
	s.mu.Unlock()
	sequence := p.sequence
	p.sequence++
	wanted := seen.Form["StatusCallbackEvent"]
	if len(wanted) == 0 {
		wanted = []string{completed}
	}
	if seen.Form.Get("StatusCallback") == "" || !slices.Contains(wanted, event) {
		return
	}
	form := url.Values{"AccountSid": {s.options.AccountSID}, "ApiVersion": {version}, "CallSid": {seen.SID}, "CallStatus": {status},
		"CallbackSource": {"call-progress-events"}, "Direction": {outboundAPI}, "From": {seen.From}, "Caller": {seen.From}, "To": {seen.To},
		"Called": {seen.To}, "SequenceNumber": {strconv.Itoa(sequence)}, "Timestamp": {date(now)}}
	if final(status) {
		form.Set("CallDuration", strconv.Itoa(seconds(seen)))
		form.Set("Duration", strconv.Itoa((seconds(seen)+59)/60)) // begun minutes
	}
	if seen.AnsweredBy != "" && seen.Form.Get("AsyncAmd") != "true" {
		form.Set("AnsweredBy", seen.AnsweredBy)
	}
	p.tell(seen.Form.Get("StatusCallbackMethod"), seen.Form.Get("StatusCallback"), form)
}

// detected tells who answered: https://www.twilio.com/docs/voice/answering-machine-detection#asyncamdstatuscallback
func (p *progress) detected(by string) {
	address := p.call.Form.Get("AsyncAmdStatusCallback")
	if address == "" {
		return
	}
	p.tell(p.call.Form.Get("AsyncAmdStatusCallbackMethod"), address, url.Values{"AccountSid": {p.server.options.AccountSID}, "CallSid": {p.call.SID},
		"AnsweredBy": {by}, "MachineDetectionDuration": {strconv.FormatInt(listen.Milliseconds(), 10)}})
}

// tell posts a callback, or keeps it for the end where the scenario wants that.
func (p *progress) tell(method, address string, form url.Values) {
	send := func() { p.server.post(p.call.SID, method, address, form) }
	switch {
	case p.play.silent:
	case p.play.twice:
		p.held = append(p.held, send, send)
	default:
		send()
	}
}

// flush posts what was kept, the last first.
func (p *progress) flush() {
	for _, send := range slices.Backward(p.held) {
		send()
	}
}

// seconds is how long a call was answered: at least one where it was at all, since Twilio counts begun ones.
func seconds(c Call) int {
	if c.Started.IsZero() || c.Ended.IsZero() {
		return 0
	}
	d := c.Ended.Sub(c.Started)
	return max(1, int((d+time.Second-1)/time.Second))
}
