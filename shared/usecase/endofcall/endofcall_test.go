package endofcall_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/endofcall"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const sid = "CA00000000000000000000000000000001"

var start = time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)

func after(seconds float64) time.Time {
	return start.Add(time.Duration(seconds * float64(time.Second)))
}

func pointer[T any](v T) *T { return &v }

// newCall returns an inbound call that has ended: the caller hung up after 65 seconds.
func newCall() aurora.PhoneCall {
	return aurora.PhoneCall{SID: sid, AssistantID: "riley", Direction: aurora.DirectionInbound, From: "+14155550142", To: "+15551230100",
		Customer: "+14155550142", OwnNumber: "+15551230100", CreatedAt: start, ConnectedAt: after(1), SessionID: "VX1", LastEventAt: after(64),
		End: aurora.CallEnd{ActionAt: after(65), StatusAt: after(65.5), DisconnectedAt: after(65.2), SessionStatus: "completed",
			SessionSeconds: pointer(64.0), Status: aurora.CallCompleted, Seconds: pointer(65.0)}}
}

// newTurns returns a conversation with a tool call and an interrupted answer.
func newTurns(t *testing.T) []aurora.SpokenTurn {
	t.Helper()
	messages, err := json.Marshal([]agent.Message{
		{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "call_1", Name: "find_slot", Arguments: `{"day":"Friday"}`}}},
		{Role: agent.RoleTool, ToolCallID: "call_1", ToolName: "find_slot", Content: `{"slot":"9:00"}`},
		{Role: agent.RoleAssistant, Content: "There is one at nine."},
	})
	if err != nil {
		t.Fatal(err)
	}
	return []aurora.SpokenTurn{
		{Generation: 0, Planned: "Harbor Dental, how can I help?", StartedAt: after(1), EndedAt: after(3)},
		{Generation: 1, Said: []aurora.CallerWords{{ID: "1", Text: "Is there a slot on Friday?", At: after(6)}}, Planned: "There is one at nine.",
			Heard: "There is one", Cut: true, StartedAt: after(8), EndedAt: after(10), Messages: messages},
	}
}

func build(t *testing.T, call aurora.PhoneCall, turns []aurora.SpokenTurn, prices endofcall.Prices) (providermsg.EndOfCall, providermsg.Message) {
	t.Helper()
	body, err := endofcall.Build(call, turns, prices, after(85))
	if err != nil {
		t.Fatal(err)
	}
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return m.EndOfCall(), m
}

func TestBuildSaysWhatWasHeard(t *testing.T) {
	call := newCall()
	call.Waiting = []aurora.CallerWords{{ID: "1", Text: "Is there a slot on Friday?"}, {ID: "2", Text: "Great,"}, {ID: "3", Text: "thank you."}}
	r, m := build(t, call, newTurns(t), endofcall.Prices{})
	want := []providermsg.Utterance{
		{Who: providermsg.SpeakerAssistant, Text: "Harbor Dental, how can I help?", Seconds: 1},
		{Who: providermsg.SpeakerCaller, Text: "Is there a slot on Friday?", Seconds: 6},
		{Who: providermsg.SpeakerAssistant, Text: "There is one", Seconds: 8},
		{Who: providermsg.SpeakerCaller, Text: "Great, thank you.", Seconds: -1},
	}
	if got := m.Transcript(); !slices.Equal(got, want) {
		t.Errorf("the conversation is %+v, want %+v", got, want)
	}
	if got := m.Text("artifact.transcript"); got != "AI: Harbor Dental, how can I help?\nUser: Is there a slot on Friday?\nAI: There is one\nUser: Great,\nUser: thank you." {
		t.Errorf("the transcript is %q", got)
	}
	messages := m.Objects("artifact.messages")
	if len(messages) != 7 {
		t.Fatalf("there are %d messages, want 7: %+v", len(messages), messages)
	}
	if calls := messages[2].Objects("toolCalls"); messages[2].Text("role") != "tool_calls" || len(calls) != 1 || calls[0].Text("function.name") != "find_slot" {
		t.Errorf("the third message is %+v, want the tool call", messages[2])
	}
	if messages[3].Text("role") != "tool_call_result" || messages[3].Text("toolCallId") != "call_1" || messages[3].Text("result") != `{"slot":"9:00"}` {
		t.Errorf("the fourth message is %+v, want the tool's result", messages[3])
	}
	if messages[4].Text("planned") != "There is one at nine." || messages[4].Text("duration") != "2000" {
		t.Errorf("the interrupted message is %+v, want what was planned beside what was heard", messages[4])
	}
	if !slices.Equal(r.IDs, []string{sid}) || r.AssistantID != "riley" || r.AssistantNumber != "+15551230100" || r.Customer != "+14155550142" ||
		r.Direction != aurora.DirectionInbound || !r.StartedAt.Equal(start) || !r.EndedAt.Equal(after(65)) || r.Seconds == nil || *r.Seconds != 65 ||
		r.EndedReason != "customer-ended-call" || r.Cost != nil || r.CallerTurns != 2 {
		t.Errorf("the report says %+v", r)
	}
}

func TestLastWordsThatAreNoTurnYet(t *testing.T) {
	for name, c := range map[string]struct {
		last aurora.SpokenTurn
		want string
	}{
		"spoken":                {aurora.SpokenTurn{Planned: "Goodbye."}, "Goodbye."},
		"interrupted":           {aurora.SpokenTurn{Planned: "Goodbye and thanks.", Heard: "Goodbye", Cut: true}, "Goodbye"},
		"interrupted at once":   {aurora.SpokenTurn{Planned: "Goodbye and thanks.", Cut: true}, ""},
		"nothing but a closing": {aurora.SpokenTurn{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			call := newCall()
			call.Spoken = []aurora.SpokenTurn{c.last}
			_, m := build(t, call, nil, endofcall.Prices{})
			var heard string
			for _, u := range m.Transcript() {
				heard += u.Text
			}
			if heard != c.want {
				t.Errorf("heard was %q, want %q", heard, c.want)
			}
		})
	}
}

func TestEndedReason(t *testing.T) {
	transfer := &aurora.CallClosing{ID: "x", Action: aurora.Action{Type: aurora.ActionTransferCall, Destination: &aurora.Destination{Number: "+15551230199"}}, SentAt: after(64)}
	ending := &aurora.CallClosing{ID: "x", Action: aurora.Action{Type: aurora.ActionEndCall}, SentAt: after(64)}
	for name, c := range map[string]struct {
		change      func(*aurora.PhoneCall)
		reason      string
		disposition aurora.Disposition
		transfer    string // transferred, failed or nothing
	}{
		"caller hung up":  {func(*aurora.PhoneCall) {}, "customer-ended-call", aurora.DispositionAnswered, ""},
		"assistant ended": {func(c *aurora.PhoneCall) { c.Closing, c.End.SessionStatus = ending, "ended" }, "assistant-ended-call", aurora.DispositionAnswered, ""},
		"ended by us":     {func(c *aurora.PhoneCall) { c.End.SessionStatus = "ended" }, "assistant-ended-call", aurora.DispositionAnswered, ""},
		"hung up first":   {func(c *aurora.PhoneCall) { c.Closing = &aurora.CallClosing{ID: "x", Action: ending.Action} }, "customer-ended-call", aurora.DispositionAnswered, ""},
		"silence":         {func(c *aurora.PhoneCall) { e := *ending; e.Reason = aurora.EndedBySilence; c.Closing = &e }, "silence-timed-out", aurora.DispositionAnswered, ""},
		"voicemail":       {func(c *aurora.PhoneCall) { e := *ending; e.Reason = aurora.EndedByVoicemail; c.Closing = &e }, "voicemail", aurora.DispositionVoicemail, ""},
		"machine hung up": {func(c *aurora.PhoneCall) { c.AnsweredBy = "machine_end_beep" }, "voicemail", aurora.DispositionVoicemail, ""},
		"socket refused":  {func(c *aurora.PhoneCall) { c.End.SessionStatus, c.End.ErrorCode = "failed", "64102" }, "pipeline-error-twilio-64102", aurora.DispositionFailed, ""},
		"failed":          {func(c *aurora.PhoneCall) { c.End.SessionStatus = "failed" }, "pipeline-error-twilio-session-failed", aurora.DispositionFailed, ""},
		"four hours":      {func(c *aurora.PhoneCall) { c.End.SessionStatus, c.End.ErrorCode = "failed", "64104" }, "exceeded-max-duration", aurora.DispositionAnswered, ""},
		"not answered":    {func(c *aurora.PhoneCall) { c.End = aurora.CallEnd{StatusAt: after(9), Status: aurora.CallNoAnswer} }, "no-answer", aurora.DispositionNoAnswer, ""},
		"status only":     {func(c *aurora.PhoneCall) { c.End = aurora.CallEnd{StatusAt: after(65), Status: aurora.CallCompleted} }, "customer-ended-call", aurora.DispositionAnswered, ""},
		"connection only": {func(c *aurora.PhoneCall) { c.End = aurora.CallEnd{DisconnectedAt: after(65)} }, "phone-call-provider-closed-websocket", aurora.DispositionAnswered, ""},
		"no signal":       {func(c *aurora.PhoneCall) { c.End = aurora.CallEnd{} }, "", aurora.DispositionAnswered, ""},
		"transferred": {func(c *aurora.PhoneCall) {
			c.Closing, c.End.Transferred, c.End.TransferStatus = transfer, true, "completed"
		}, "assistant-forwarded-call", aurora.DispositionAnswered, "transferred"},
		"transfer answered": {func(c *aurora.PhoneCall) {
			c.Closing, c.End.Transferred, c.End.TransferStatus = transfer, true, "answered"
		}, "assistant-forwarded-call", aurora.DispositionAnswered, "transferred"},
		"transfer, no news": {func(c *aurora.PhoneCall) { c.Closing, c.End.Transferred = transfer, true }, "assistant-forwarded-call", aurora.DispositionAnswered, "transferred"},
		"busy, and goes on": {func(c *aurora.PhoneCall) { c.End.TransferStatus = "busy" }, "customer-ended-call", aurora.DispositionAnswered, "failed"},
		"transfer busy":     {func(c *aurora.PhoneCall) { c.Closing, c.End.Transferred, c.End.TransferStatus = transfer, true, "busy" }, "call.forwarding.operator-busy", aurora.DispositionAnswered, "failed"},
		"transfer not answered": {func(c *aurora.PhoneCall) {
			c.Closing, c.End.Transferred, c.End.TransferStatus = transfer, true, "no-answer"
		}, "call.forwarding.no-answer", aurora.DispositionAnswered, "failed"},
		"hung up meanwhile": {func(c *aurora.PhoneCall) {
			c.Closing, c.End.Transferred, c.End.TransferStatus = transfer, true, "canceled"
		}, "customer-ended-call-during-transfer", aurora.DispositionAnswered, "failed"},
		"transfer failed": {func(c *aurora.PhoneCall) {
			c.Closing, c.End.Transferred, c.End.TransferStatus = transfer, true, "failed"
		}, "call.in-progress.error-transfer-failed", aurora.DispositionAnswered, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			call := newCall()
			c.change(&call)
			r, _ := build(t, call, newTurns(t), endofcall.Prices{})
			got := map[bool]string{true: "transferred"}[r.Transferred] + map[bool]string{true: "failed"}[r.TransferFailed]
			if r.EndedReason != c.reason || r.Disposition != c.disposition || got != c.transfer {
				t.Errorf("the report says %q, %s, transfer %q; want %q, %s, %q", r.EndedReason, r.Disposition, got, c.reason, c.disposition, c.transfer)
			}
		})
	}
}

func TestCustomer(t *testing.T) {
	for name, c := range map[string]struct {
		from, to  string
		customer  aurora.Phone
		direction aurora.Direction
		want      aurora.Phone
		withheld  bool
	}{
		"number":            {"+14155550142", "+15551230100", "+14155550142", aurora.DirectionInbound, "+14155550142", false},
		"word":              {"anonymous", "+15551230100", "", aurora.DirectionInbound, "", true},
		"keypad word":       {"+266696687", "+15551230100", "", aurora.DirectionInbound, "", true},
		"nothing":           {"", "+15551230100", "", aurora.DirectionInbound, "", true},
		"SIP address":       {"sip:dana@example.com", "+15551230100", "", aurora.DirectionInbound, "sip:dana@example.com", false},
		"client":            {"client:dana", "+15551230100", "", aurora.DirectionInbound, "client:dana", false},
		"the called person": {"+15551230100", "+14155550142", "+14155550142", aurora.DirectionOutbound, "+14155550142", false},
	} {
		t.Run(name, func(t *testing.T) {
			call := newCall()
			call.From, call.To, call.Customer, call.Direction = c.from, c.to, c.customer, c.direction
			if r, _ := build(t, call, nil, endofcall.Prices{}); r.Customer != c.want || r.Withheld != c.withheld || r.Direction != c.direction {
				t.Errorf("the customer is %q, withheld %v, %s; want %q, %v", string(r.Customer), r.Withheld, r.Direction, string(c.want), c.withheld)
			}
		})
	}
}

func TestLengthAndCost(t *testing.T) {
	prices := endofcall.Prices{VoiceMinute: pointer(aurora.MicroUSD(8500)), RelayMinute: pointer(aurora.MicroUSD(70000))}
	for name, c := range map[string]struct {
		change  func(*aurora.PhoneCall)
		prices  endofcall.Prices
		seconds float64
		cost    *float64
	}{
		"minutes are rounded up": {func(*aurora.PhoneCall) {}, prices, 65, pointer(2*0.0085 + 2*0.07)},
		"no price":               {func(*aurora.PhoneCall) {}, endofcall.Prices{}, 65, nil},
		"one price":              {func(*aurora.PhoneCall) {}, endofcall.Prices{VoiceMinute: prices.VoiceMinute}, 65, nil},
		"free":                   {func(*aurora.PhoneCall) {}, endofcall.Prices{VoiceMinute: new(aurora.MicroUSD), RelayMinute: new(aurora.MicroUSD)}, 65, new(float64)},
		"length of the session":  {func(c *aurora.PhoneCall) { c.End.Seconds = nil }, prices, 64, pointer(2*0.0085 + 2*0.07)},
		"length by times":        {func(c *aurora.PhoneCall) { c.End.Seconds, c.End.SessionSeconds = nil, nil }, prices, 65, pointer(2*0.0085 + 2*0.07)},
		"two sessions":           {func(c *aurora.PhoneCall) { c.End.SessionSeconds, c.Resumes = pointer(3.0), 1 }, prices, 65, pointer(2*0.0085 + 2*0.07)},
		"never connected": {func(c *aurora.PhoneCall) {
			c.ConnectedAt, c.End = time.Time{}, aurora.CallEnd{StatusAt: after(9), Status: aurora.CallCompleted, Seconds: pointer(8.0)}
		}, prices, 8, pointer(0.0085)},
		"transferred": {func(c *aurora.PhoneCall) {
			c.End.Transferred, c.End.TransferStatus, c.End.Seconds = true, "completed", pointer(190.0)
		}, prices, 190, pointer(4*0.0085 + 2*0.07 + 3*0.0085)},
		"no signal": {func(c *aurora.PhoneCall) { c.End = aurora.CallEnd{} }, prices, 64, nil},
	} {
		t.Run(name, func(t *testing.T) {
			call := newCall()
			c.change(&call)
			r, m := build(t, call, nil, c.prices)
			if r.Seconds == nil || *r.Seconds != c.seconds {
				t.Errorf("the length is %v, want %v", r.Seconds, c.seconds)
			}
			switch {
			case c.cost == nil && (r.Cost != nil || m.Has("cost") || m.Has("costs")):
				t.Errorf("the cost is %v, want none", m.Value("cost"))
			case c.cost != nil && (r.Cost == nil || *r.Cost < *c.cost-1e-9 || *r.Cost > *c.cost+1e-9 || m.Value("costIsEstimate") != true):
				t.Errorf("the cost is %v, want %v as an estimate", m.Value("cost"), *c.cost)
			}
		})
	}
}

// store holds the state of one call.
type store struct {
	call    aurora.PhoneCall
	turns   []aurora.SpokenTurn
	missing bool
	fail    map[string]error // by the method's name; used once
	// during, if set, runs once before the next change.
	during func()
}

func (s *store) once(name string) error {
	err := s.fail[name]
	delete(s.fail, name)
	return err
}

func clone(c aurora.PhoneCall) aurora.PhoneCall {
	if c.Report != nil {
		report := *c.Report
		c.Report = &report
	}
	return c
}

func (s *store) Call(context.Context, string) (aurora.PhoneCall, bool, error) {
	return clone(s.call), !s.missing, s.once("Call")
}

func (s *store) Turns(context.Context, string) ([]aurora.SpokenTurn, error) {
	return s.turns, s.once("Turns")
}

func (s *store) UpdateCall(_ context.Context, _ string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error) {
	if s.during != nil {
		during := s.during
		s.during = nil
		during()
	}
	if err := s.once("UpdateCall"); err != nil {
		return aurora.PhoneCall{}, err
	}
	if s.missing {
		return aurora.PhoneCall{}, fault.New(fault.NotFound, "There is no such call.")
	}
	now := clone(s.call)
	if change(&now) {
		s.call = clone(now)
	}
	return now, nil
}

var errBroken = errors.New("broken")
