package faketwilio

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/dev/fakerelay"
	"example.com/aurora/shared/dev/stricttwiml"
)

// playVerb plays a verb. follows is set if next takes the place of the verbs after it, or if the call ends.
func (v *voice) playVerb(ctx context.Context, verb stricttwiml.Element, base string) (next document, follows bool) {
	switch verb.Name {
	case "Say":
		v.phone.Speak(ctx, verb.Text+" ")
	case "Play":
		v.phone.Speak(ctx, "["+verb.Text+"] ")
	case "Pause":
		seconds, _ := strconv.Atoi(verb.Attribute("length", "1"))
		v.pause(ctx, time.Duration(seconds)*time.Second)
	case "Hangup":
		return document{}, true
	case "Reject":
		if v.joined {
			v.problem("<Reject> is not the first verb, so the call was answered already")
			return document{}, true
		}
		v.ended = "busy"
		if verb.Attribute("reason", "rejected") == "rejected" {
			v.ended = "no-answer"
		}
		return document{}, true
	case "Redirect":
		return v.fetch(resolve(base, verb.Text), verb.Attribute("method", http.MethodPost), v.form(statusInProgress)), true
	case "Start":
		if recording, ok := verb.Child("Recording"); ok {
			v.record(recording, base)
		}
	case "Dial":
		return v.dial(ctx, verb, base)
	case "Connect":
		if relay, ok := verb.Child("ConversationRelay"); ok {
			return v.relay(ctx, verb, relay, base)
		}
		v.pause(ctx, talkTime) // there is no audio to stream
	}
	return document{}, false
}

// relay plays <Connect><ConversationRelay>.
func (v *voice) relay(ctx context.Context, connect, relay stricttwiml.Element, base string) (document, bool) {
	s, c := v.server, v.server.snapshot(v.call)
	address := relay.Attribute("url", "")
	if !strings.HasPrefix(address, "wss://") {
		v.problem("<ConversationRelay url=%q> ends the call: the address must begin with wss://", address)
		return document{}, true
	}
	o := fakerelay.SessionOptions{Relay: relay, Sign: func(address string, query url.Values) string {
		return Sign(s.options.AuthToken, address, query)
	},
		Setup: fakerelay.Setup{SessionID: newSID("VX"), AccountSID: s.options.AccountSID, CallSID: c.SID, From: c.From, To: c.To, CallType: "PSTN",
			Direction: c.Direction, CallStatus: "IN-PROGRESS", ForwardedFrom: v.call.fields.Get("ForwardedFrom"), CallerName: v.call.fields.Get("CallerName")},
		Client: s.callbackClient}
	if _, _, local := s.numbers(); local != nil {
		o.Address = local()
	}
	if v.call.plan.Session != nil {
		v.call.plan.Session(&o)
	}
	result := v.phone.Relay(ctx, o)
	s.mu.Lock()
	v.call.sessions = append(v.call.sessions, result)
	s.mu.Unlock()
	if result.ErrorCode != "" {
		v.problem("%s: %s", result.ErrorCode, result.ErrorMessage)
	}
	action := connect.Attribute("action", "")
	if action == "" {
		return document{}, false
	}
	over := v.call.live.Err() != nil
	status := statusInProgress
	if over {
		status = statusCompleted
	}
	form := v.form(status)
	form.Set("SessionId", o.Setup.SessionID)
	form.Set("SessionStatus", result.Status)
	form.Set("SessionDuration", strconv.Itoa(int(result.Duration/time.Second)))
	if result.HasHandoff {
		form.Set("HandoffData", result.Handoff)
	}
	if result.ErrorCode != "" {
		form.Set("ErrorCode", result.ErrorCode)
		form.Set("ErrorMessage", result.ErrorMessage)
	}
	address, method := resolve(base, action), connect.Attribute("method", http.MethodPost)
	if over { // the answer plays no part any more
		v.due = append(v.due, func() { v.fetch(address, method, form) })
		return document{}, true
	}
	return v.fetch(address, method, form), true
}

// record plays <Recording>: its callbacks are all that there is of it.
func (v *voice) record(recording stricttwiml.Element, base string) {
	s, callback := v.server, recording.Attribute("recordingStatusCallback", "")
	if callback == "" || v.call.plan.Silent {
		return
	}
	start, sid := s.options.Now(), newSID("RE")
	address := "https://api.twilio.com/" + version + "/Accounts/" + s.options.AccountSID + "/Recordings/" + sid
	events := recording.Attribute("recordingStatusCallbackEvent", statusCompleted)
	post := func(status string, duration time.Duration) {
		form := v.form(s.snapshot(v.call).Status)
		for _, name := range []string{"CallStatus", "Direction", "From", "Caller", "To", "Called", "ApiVersion"} {
			form.Del(name) // not fields of this callback
		}
		channels := "1"
		if recording.Attribute("channels", "mono") == "dual" {
			channels = "2"
		}
		for name, value := range map[string]string{"RecordingSid": sid, "RecordingUrl": address, "RecordingStatus": status, "RecordingChannels": channels,
			"RecordingSource": "StartCallRecordingTwiML", "RecordingTrack": recording.Attribute("track", "both"), "RecordingStartTime": formatTime(start), "ErrorCode": "0"} {
			form.Set(name, value)
		}
		if status == statusCompleted {
			form.Set("RecordingDuration", strconv.Itoa(max(1, int(duration/time.Second))))
		}
		v.notify(resolve(base, callback), recording.Attribute("recordingStatusCallbackMethod", http.MethodPost), form)
	}
	if strings.Contains(" "+events+" ", " in-progress ") {
		post(statusInProgress, 0)
	}
	if strings.Contains(" "+events+" ", " completed ") {
		v.due = append(v.due, func() { post(statusCompleted, s.options.Now().Sub(start)) })
	}
}

// dial plays <Dial>.
func (v *voice) dial(ctx context.Context, verb stricttwiml.Element, base string) (document, bool) {
	to := verb.Text
	if len(verb.Children) > 0 {
		to = verb.Children[0].Text
	}
	d := Dialled{To: to, CallerID: verb.Attribute("callerId", ""), Status: v.dialStatus(to)}
	if why := v.callerIDProblem(d.CallerID); why != "" {
		v.problem("%s", why)
		d.Status = "failed"
	}
	v.call.events.add(fakerelay.Event{Type: "dialled", Text: to, At: v.server.options.Now()})
	start := v.server.options.Now()
	v.pause(ctx, answerDelay)
	if d.Status == statusCompleted {
		v.pause(ctx, talkTime)
	}
	if ctx.Err() != nil && d.Status != statusCompleted {
		d.Status = "canceled"
	}
	v.server.mu.Lock()
	v.call.dialled = append(v.call.dialled, d)
	v.server.mu.Unlock()
	v.call.events.add(fakerelay.Event{Type: "dial-end", Text: d.Status, At: v.server.options.Now()})
	action := verb.Attribute("action", "")
	if action == "" {
		return document{}, false
	}
	over := v.call.live.Err() != nil
	form := v.form(cmp.Or(map[bool]string{true: statusCompleted}[over], statusInProgress))
	form.Set("DialCallStatus", d.Status)
	form.Set("DialCallSid", newSID("CA"))
	form.Set("DialBridged", strconv.FormatBool(d.Status == statusCompleted))
	if d.Status == statusCompleted {
		form.Set("DialCallDuration", strconv.Itoa(max(1, int(v.server.options.Now().Sub(start)/time.Second))))
	}
	address, method := resolve(base, action), verb.Attribute("method", http.MethodPost)
	if over {
		v.due = append(v.due, func() { v.fetch(address, method, form) })
		return document{}, true
	}
	return v.fetch(address, method, form), true
}

// dialStatus returns the outcome of a leg. The numbers that the package comment lists behave as in outbound calls.
func (v *voice) dialStatus(to string) string {
	play := scenarios[to]
	if play.reject != nil || play.lost {
		return "failed"
	}
	return cmp.Or(v.call.plan.Dialled, play.end, statusCompleted)
}

// callerIDProblem returns why a caller id is rejected, or "": only a number of the account, or one of the call's own numbers, may
// be shown. https://www.twilio.com/docs/api/errors/13214
func (v *voice) callerIDProblem(id string) string {
	c := v.server.snapshot(v.call)
	if id == "" || id == c.From || id == c.To || e164.MatchString(id) && !strings.HasPrefix(id, "+141555501") {
		return ""
	}
	return fmt.Sprintf("13214: <Dial> has the caller id %q, which is neither the account's nor the call's", id)
}
