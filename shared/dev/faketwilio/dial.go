package faketwilio

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// startCall adds a call and starts its scenario.
func (s *Server) startCall(form url.Values, play scenario) *call {
	c := s.newCall(form.Get("From"), form.Get("To"), directionOutboundAPI, statusQueued, form)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = appendBounded(s.calls, c)
	if s.closed {
		c.hangup()
		return c
	}
	s.running.Go(func() {
		defer s.endCall(c)
		s.runCall(c.live, c, play)
	})
	return c
}

// runCall plays the scenario of a call. live is cancelled when the call or the server ends.
func (s *Server) runCall(live context.Context, c *call, play scenario) {
	p := progress{server: s, call: c, play: play}
	p.setStatus("initiated", "initiated")
	end := play.end
	if end == "" {
		end = statusCompleted
	}
	reached := end == "failed" || s.options.Wait(live, ringDelay)
	if reached && end != "failed" {
		p.setStatus("ringing", "ringing")
		switch end {
		case "busy":
		case "no-answer":
			s.options.Wait(live, noAnswerTime)
		default:
			if s.options.Wait(live, answerDelay) {
				p.answered(live)
			}
		}
	}
	if s.ctx.Err() != nil {
		return // the server was closed
	}
	s.mu.Lock()
	if c.requestedEnd != "" {
		end = c.requestedEnd
	}
	s.mu.Unlock()
	p.setStatus(statusCompleted, end)
	p.postDelayed()
	if p.voice != nil {
		p.voice.finish()
	}
}

// answered plays a call from its answer to its end.
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
		if !s.options.Wait(live, detectionDelay) {
			return
		}
		p.setAnsweredBy(by)
	}
	p.setStatus("answered", statusInProgress)
	if usesRelay(c.Twiml) {
		p.converse(live, by, inTheMeantime)
		return
	}
	left := talkTime
	if inTheMeantime {
		if !s.options.Wait(live, detectionDelay) {
			return
		}
		left -= detectionDelay
		p.setAnsweredBy(by)
		p.reportDetection(by)
	}
	s.options.Wait(live, left)
}

// progress posts the callbacks of a call.
type progress struct {
	server   *Server
	call     *call
	play     scenario
	sequence int
	delayed  []func() // callbacks to post at the end
	voice    *voice   // of a call whose TwiML is played
}

func (p *progress) setAnsweredBy(by string) {
	p.server.mu.Lock()
	defer p.server.mu.Unlock()
	p.call.AnsweredBy = by
}

// setStatus changes the status of a call and posts the callback if the request asked for this event:
// https://www.twilio.com/docs/voice/api/call-resource#statuscallback
func (p *progress) setStatus(event, status string) {
	s, c := p.server, p.call
	now := s.options.Now()
	s.mu.Lock()
	c.Status = status
	if status == statusInProgress {
		c.Started = now
	}
	if isFinal(status) {
		c.Ended = now
	}
	seen := c.Call
	s.mu.Unlock()
	sequence := p.sequence
	p.sequence++
	wanted := seen.Form["StatusCallbackEvent"]
	if len(wanted) == 0 {
		wanted = []string{statusCompleted}
	}
	if seen.Form.Get("StatusCallback") == "" || !slices.Contains(wanted, event) {
		return
	}
	form := url.Values{"AccountSid": {s.options.AccountSID}, "ApiVersion": {version}, "CallSid": {seen.SID}, "CallStatus": {status},
		"CallbackSource": {"call-progress-events"}, "Direction": {directionOutboundAPI}, "From": {seen.From}, "Caller": {seen.From}, "To": {seen.To},
		"Called": {seen.To}, "SequenceNumber": {strconv.Itoa(sequence)}, "Timestamp": {formatTime(now)}}
	if isFinal(status) {
		form.Set("CallDuration", strconv.Itoa(durationSeconds(seen)))
		form.Set("Duration", strconv.Itoa((durationSeconds(seen)+59)/60)) // billed minutes: each begun minute counts
	}
	if seen.AnsweredBy != "" && seen.Form.Get("AsyncAmd") != "true" {
		form.Set("AnsweredBy", seen.AnsweredBy)
	}
	p.notify(seen.Form.Get("StatusCallbackMethod"), seen.Form.Get("StatusCallback"), form)
}

// reportDetection posts the result of answering-machine detection: https://www.twilio.com/docs/voice/answering-machine-detection#asyncamdstatuscallback
func (p *progress) reportDetection(by string) {
	address := p.call.Form.Get("AsyncAmdStatusCallback")
	if address == "" {
		return
	}
	p.notify(p.call.Form.Get("AsyncAmdStatusCallbackMethod"), address, url.Values{"AccountSid": {p.server.options.AccountSID}, "CallSid": {p.call.SID},
		"AnsweredBy": {by}, "MachineDetectionDuration": {strconv.FormatInt(detectionDelay.Milliseconds(), 10)}})
}

// notify posts a callback, or stores it for the end of the call if the scenario says so.
func (p *progress) notify(method, address string, form url.Values) {
	send := func() { p.server.postCallback(p.call.SID, method, address, form) }
	switch {
	case p.play.silent:
	case p.play.twice:
		p.delayed = append(p.delayed, send, send)
	default:
		send()
	}
}

// postDelayed posts the stored callbacks, the last one first.
func (p *progress) postDelayed() {
	for _, send := range slices.Backward(p.delayed) {
		send()
	}
}

// durationSeconds returns the length of an answered call, at least one second: Twilio counts begun seconds.
func durationSeconds(c Call) int {
	if c.Started.IsZero() || c.Ended.IsZero() {
		return 0
	}
	d := c.Ended.Sub(c.Started)
	return max(1, int((d+time.Second-1)/time.Second))
}
