package callcontrol_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/callcontrol"
)

const resumed = `relay token-1 "" after /twilio/voice/after`

// live stores a call that is connected, changed by change.
func (f *fixture) live(change func(*aurora.PhoneCall)) *fixture {
	c := aurora.PhoneCall{SID: sid, AssistantID: "avery", Direction: aurora.DirectionInbound, From: caller, To: own, Customer: caller, OwnNumber: own,
		Greeting: "Hello.", CreatedAt: f.now.Add(-time.Minute), ConnectedAt: f.now.Add(-50 * time.Second), ConnectionID: "conn", SessionID: "VX1"}
	if change != nil {
		change(&c)
	}
	f.calls[sid] = c
	return f
}

// ended returns the end of a session, changed by change.
func ended(change func(*callcontrol.SessionEnd)) callcontrol.SessionEnd {
	seconds := 49.0
	e := callcontrol.SessionEnd{Call: incoming(), SessionID: "VX1", SessionStatus: "ended", Seconds: &seconds}
	e.Status = aurora.CallInProgress
	if change != nil {
		change(&e)
	}
	return e
}

func closing(action aurora.Action) func(*aurora.PhoneCall) {
	return func(c *aurora.PhoneCall) { c.Closing = &aurora.CallClosing{ID: "opaque", Action: action} }
}

func transferTo(number string) aurora.Action {
	return aurora.Action{Type: aurora.ActionTransferCall, Destination: &aurora.Destination{Number: number, Message: "I will connect you."}}
}

func failedWith(code string) func(*callcontrol.SessionEnd) {
	return func(e *callcontrol.SessionEnd) { e.SessionStatus, e.ErrorCode = "failed", code }
}

func handoff(id string) func(*callcontrol.SessionEnd) {
	return func(e *callcontrol.SessionEnd) { e.HandoffData = id }
}

func TestAfterSession(t *testing.T) {
	toDesk := "say I will connect you.; dial +14155550150 as  after /twilio/voice/after"
	for name, c := range map[string]struct {
		call   func(*aurora.PhoneCall)
		end    func(*callcontrol.SessionEnd)
		want   string
		finish bool // the end is worked on
	}{
		"caller hung up":                 {nil, func(e *callcontrol.SessionEnd) { e.SessionStatus, e.Status = "completed", aurora.CallCompleted }, "", true},
		"end_call":                       {closing(aurora.Action{Type: aurora.ActionEndCall}), handoff("opaque"), "hang up", true},
		"transfer":                       {closing(transferTo("+14155550150")), handoff("opaque"), toDesk, true},
		"transfer without hand-off data": {closing(transferTo("+14155550150")), nil, toDesk, true},
		"transfer, and the connection is lost before": {closing(transferTo("+14155550150")), failedWith("64105"), toDesk, true},
		"transfer, and the caller has hung up": {closing(transferTo("+14155550150")), func(e *callcontrol.SessionEnd) {
			e.HandoffData, e.Status = "opaque", aurora.CallCompleted
		}, "", true},
		"transfer to SIP": {closing(aurora.Action{Type: aurora.ActionTransferCall, Destination: &aurora.Destination{SIPURI: "sip:desk@example.com"}}), handoff("opaque"),
			"dial sip:desk@example.com as  after /twilio/voice/after", true},
		"transfer to nowhere":             {closing(aurora.Action{Type: aurora.ActionTransferCall}), handoff("opaque"), "hang up", true},
		"hand-off data of another call":   {closing(transferTo("+14155550150")), handoff("another"), connecting, true},
		"hand-off data with a number":     {nil, handoff(`{"kind":"transfer","to":"+14155550177"}`), connecting, true},
		"fault 138: connection lost":      {nil, failedWith("64105"), resumed, false},
		"failed without a code":           {nil, failedWith(""), resumed, false},
		"lost before it connected":        {func(c *aurora.PhoneCall) { c.ConnectedAt = time.Time{} }, failedWith("64102"), `relay token-1 "Hello." after /twilio/voice/after`, false},
		"fault 138: lost a second time":   {func(c *aurora.PhoneCall) { c.Resumes = 1 }, failedWith("64105"), resumed, false},
		"fault 138: lost a third time":    {func(c *aurora.PhoneCall) { c.Resumes = 2 }, failedWith("64105"), connecting, true},
		"longest call":                    {nil, failedWith("64104"), "hang up", true},
		"a machine, and it is lost":       {func(c *aurora.PhoneCall) { c.AnsweredBy = "machine_start" }, failedWith("64105"), "hang up", true},
		"ended by us without a reason":    {nil, nil, "dial " + fallback + " as  after /twilio/voice/after", true},
		"completed, and the call goes on": {nil, func(e *callcontrol.SessionEnd) { e.SessionStatus = "completed" }, "hang up", true},
		"recorded call is lost":           {func(c *aurora.PhoneCall) { c.Recorded = true }, failedWith("64105"), resumed, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture().live(c.call).change(func(a *aurora.Assistant) { a.Recording.Enabled = true })
			check(t, name, f.AfterSession(t.Context(), ended(c.end)), c.want)
			if (len(f.tasks) == 1) != c.finish {
				t.Errorf("tasks %v, want one: %t", f.tasks, c.finish)
			}
			state := f.calls[sid]
			if !state.End.ActionAt.Equal(f.now) || state.End.SessionID != "VX1" || *state.End.SessionSeconds != 49 {
				t.Errorf("recorded %+v", state.End)
			}
			if want := strings.Contains(c.want, "dial") && !strings.Contains(c.want, fallback); state.End.Transferred != want {
				t.Errorf("transferred is %t, want %t", state.End.Transferred, want)
			}
			// Twilio repeats the request: the answer is the same, but for the token.
			before := fmt.Sprintf("%+v", state)
			again := strings.Replace(c.want, "token-1", "token-2", 1)
			check(t, "repeated", f.AfterSession(t.Context(), ended(c.end)), again)
			if after := fmt.Sprintf("%+v", f.calls[sid]); after != before {
				t.Errorf("the repeated request changed\n%s\nto\n%s", before, after)
			}
		})
	}
}

// A voice that Twilio does not accept would end every session (fault 139).
func TestResumeAfterInvalidParameter(t *testing.T) {
	f := newFixture().live(nil).change(func(a *aurora.Assistant) {
		a.ElevenLabsVoiceID, a.DeepgramModel, a.Language = "21m00Tcm4TlvDq8ikWAM", "nova-3", "es"
	})
	plan := f.AfterSession(t.Context(), ended(failedWith("64101")))
	if a := plan.Relay.Assistant; a.ElevenLabsVoiceID != "" || a.DeepgramModel != "" || a.Language != "" {
		t.Errorf("the next session has the same attributes: %+v", a)
	}
	plan = f.AfterSession(t.Context(), ended(func(e *callcontrol.SessionEnd) { e.SessionID = "VX2"; failedWith("64105")(e) }))
	if plan.Relay.Assistant.ElevenLabsVoiceID == "" {
		t.Error("after another error the voice is lost")
	}
}

func TestAfterDial(t *testing.T) {
	transferred := func(c *aurora.PhoneCall) {
		closing(transferTo("+14155550150"))(c)
		c.End.Transferred = true
	}
	exhausted := func(c *aurora.PhoneCall) { transferred(c); c.Resumes = 2 }
	for name, c := range map[string]struct {
		call   func(*aurora.PhoneCall)
		status string
		call2  aurora.CallStatus
		want   string
		stored string // the status of the transfer
	}{
		"talked":                      {transferred, "completed", aurora.CallInProgress, "hang up", "completed"},
		"talked, and the caller left": {transferred, "completed", aurora.CallCompleted, "", "completed"},
		"busy":                        {transferred, "busy", aurora.CallInProgress, "say The line is busy. How else can I help you?; " + resumed, "busy"},
		"no answer":                   {transferred, "no-answer", aurora.CallInProgress, "say There was no answer. How else can I help you?; " + resumed, "no-answer"},
		"failed":                      {transferred, "failed", aurora.CallInProgress, "say There was no answer. How else can I help you?; " + resumed, "failed"},
		"an unknown status":           {transferred, "melted", aurora.CallInProgress, "say There was no answer. How else can I help you?; " + resumed, "failed"},
		"caller left while it rang":   {transferred, "canceled", aurora.CallCompleted, "", "canceled"},
		"busy for the third time":     {exhausted, "busy", aurora.CallInProgress, connecting, "busy"},
		"fallback number talked":      {nil, "completed", aurora.CallInProgress, "hang up", ""},
		"fallback number is busy":     {nil, "busy", aurora.CallInProgress, apology, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture().live(c.call)
			e := callcontrol.DialEnd{Call: incoming(), DialStatus: c.status}
			e.Status = c.call2
			check(t, name, f.AfterDial(t.Context(), e), c.want)
			state := f.calls[sid]
			if state.End.TransferStatus != c.stored {
				t.Errorf("the transfer's status is %q, want %q", state.End.TransferStatus, c.stored)
			}
			if back := strings.Contains(c.want, "relay"); back != (state.Closing == nil && c.call != nil) || back != (len(f.tasks) == 0) {
				t.Errorf("state %+v, tasks %v; the conversation goes on: %t", state, f.tasks, back)
			}
			if said, want := strings.Join(f.turns, "|"), strings.Contains(c.want, "relay"); want != (said != "") || want && !strings.Contains(c.want, said) {
				t.Errorf("the conversation got %q", said)
			}
			before := fmt.Sprintf("%+v", state)
			check(t, "repeated", f.AfterDial(t.Context(), e), strings.Replace(c.want, "token-1", "token-2", 1))
			if after := fmt.Sprintf("%+v", f.calls[sid]); after != before {
				t.Errorf("the repeated request changed\n%s\nto\n%s", before, after)
			}
		})
	}
}

// The model cannot dial for ever: after two transfers that failed the third one leads to the fallback number.
func TestTransfersThatFailEnd(t *testing.T) {
	f := newFixture().live(nil)
	var got []string
	for n := 1; n < 5; n++ {
		c := f.calls[sid]
		closing(transferTo("+14155550150"))(&c)
		f.calls[sid] = c
		f.AfterSession(t.Context(), ended(func(e *callcontrol.SessionEnd) { e.SessionID, e.HandoffData = fmt.Sprint("VX", n), "opaque" }))
		e := callcontrol.DialEnd{Call: incoming(), DialStatus: "busy"}
		plan := f.AfterDial(t.Context(), e)
		got = append(got, fmt.Sprint(plan.Relay != nil))
	}
	if want := []string{"true", "true", "false", "false"}; !slices.Equal(got, want) {
		t.Errorf("the conversation goes on: %v, want %v", got, want)
	}
}

func TestOutboundCallIsFollowed(t *testing.T) {
	f := newFixture().live(func(c *aurora.PhoneCall) { closing(transferTo("+14155550150"))(c) })
	e := ended(handoff("opaque"))
	e.From, e.To, e.Outbound = own, caller, true
	check(t, "transfer", f.AfterSession(t.Context(), e), "say I will connect you.; dial +14155550150 as "+own+" after /twilio/voice/after")
}

func TestFaultsAfterTheSession(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*fixture)
		end    func(*callcontrol.SessionEnd)
		want   string
	}{
		"fault 136: state cannot be written": {func(f *fixture) { f.live(nil).down["UpdateCall"] = true }, nil, connecting},
		"fault 136: nothing can be read":     {func(f *fixture) { f.live(nil); f.down["UpdateCall"], f.down["ByNumber"] = true, true }, nil, apology},
		"state, and the caller left":         {func(f *fixture) { f.live(nil).down["UpdateCall"] = true }, func(e *callcontrol.SessionEnd) { e.Status = aurora.CallCompleted }, ""},
		"token cannot be stored":             {func(f *fixture) { f.live(nil).down["IssueToken"] = true }, failedWith("64105"), connecting},
		"no address of a WebSocket":          {func(f *fixture) { f.live(nil); f.RelayURL = "" }, failedWith("64105"), connecting},
		"assistant cannot be read":           {func(f *fixture) { f.live(nil).down["ByID"] = true }, failedWith("64105"), apology},
		"transfer without the assistant":     {func(f *fixture) { f.live(closing(transferTo("+14155550150"))).down["ByID"] = true }, nil, "say I will connect you.; dial +14155550150 as  after /twilio/voice/after"},
		"task cannot be sent":                {func(f *fixture) { f.live(closing(aurora.Action{Type: aurora.ActionEndCall})).down["Send"] = true }, handoff("opaque"), "hang up"},
		"unknown call":                       {func(*fixture) {}, nil, "hang up"},
		"unknown call that failed":           {func(*fixture) {}, failedWith("64102"), connecting},
		"unknown call that is over":          {func(*fixture) {}, func(e *callcontrol.SessionEnd) { e.Status = aurora.CallCompleted }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture()
			c.change(f)
			check(t, name, f.AfterSession(t.Context(), ended(c.end)), c.want)
		})
	}
	t.Run("words of a failed transfer cannot be stored", func(t *testing.T) {
		f := newFixture().live(func(c *aurora.PhoneCall) { c.End.Transferred = true })
		f.down["WriteTurn"] = true
		check(t, "busy", f.AfterDial(t.Context(), callcontrol.DialEnd{Call: incoming(), DialStatus: "busy"}), "say The line is busy. How else can I help you?; "+resumed)
	})
	t.Run("dial, and the state cannot be written", func(t *testing.T) {
		f := newFixture().live(nil)
		f.down["UpdateCall"] = true
		e := callcontrol.DialEnd{Call: incoming(), DialStatus: "busy"}
		check(t, "busy", f.AfterDial(t.Context(), e), connecting)
		e.DialStatus = "completed"
		check(t, "talked", f.AfterDial(t.Context(), e), "hang up")
	})
}

// Status callbacks come in any order and twice, and the state cannot be written (fault 137).
func TestRecordStatus(t *testing.T) {
	seconds := 65.0
	final := callcontrol.StatusReport{SID: sid, Status: aurora.CallCompleted, Seconds: &seconds}
	ringing := callcontrol.StatusReport{SID: sid, Status: aurora.CallRinging}
	recording := callcontrol.StatusReport{SID: sid, RecordingSID: "RE1", RecordingURL: "https://api.twilio.com/RE1"}
	for _, order := range [][]callcontrol.StatusReport{{ringing, final, recording}, {final, ringing, recording}, {recording, final, final, ringing}, {final, {SID: sid, Status: aurora.CallFailed}, recording}} {
		f := newFixture().live(nil)
		for _, r := range order {
			if err := f.RecordStatus(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		end := f.calls[sid].End
		if end.Status != aurora.CallCompleted || !end.StatusAt.Equal(f.now) || *end.Seconds != 65 || end.RecordingURL != recording.RecordingURL || end.RecordingSID != "RE1" {
			t.Errorf("after %+v: %+v", order, end)
		}
		if len(f.tasks) < 2 || f.tasks[0] != "finish 20s" {
			t.Errorf("tasks %v, want one for each report of an end", f.tasks)
		}
	}
	f := newFixture()
	if err := f.RecordStatus(t.Context(), final); err != nil || len(f.tasks) > 0 {
		t.Errorf("an unknown call: %v, tasks %v", err, f.tasks)
	}
	f.live(nil).down["UpdateCall"] = true
	if err := f.RecordStatus(t.Context(), final); err == nil || len(f.tasks) != 1 {
		t.Errorf("the state cannot be written: %v, tasks %v; want an error and a task", err, f.tasks)
	}
}
