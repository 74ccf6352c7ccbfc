package callcontrol_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callcontrol"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	sid       = "CA00000000000000000000000000000001"
	own       = "+15551230100"
	caller    = "+14155550142"
	fallback  = "+14155550199"
	publicURL = "https://api.example.com/prod"
	afterURL  = publicURL + "/twilio/voice/after"
)

var errDown = fault.New(fault.Unavailable, "down")

// fixture is a Service over stores in memory.
type fixture struct {
	*callcontrol.Service
	now        time.Time
	assistants map[string]aurora.Assistant // by id
	calls      map[string]aurora.PhoneCall
	tokens     []aurora.RelayToken
	tasks      []string
	turns      []string
	taken      map[string]int64
	last       map[string]string
	down       map[string]bool // by the method's name
	writes     int
}

func newFixture() *fixture {
	f := &fixture{now: time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC), calls: map[string]aurora.PhoneCall{}, taken: map[string]int64{}, last: map[string]string{}, down: map[string]bool{},
		assistants: map[string]aurora.Assistant{"avery": newAssistant("avery", own)}}
	tokens := 0
	f.Service = &callcontrol.Service{Assistants: f, Calls: f, Tasks: f, Counter: f, Limits: callcontrol.Limits{OfCaller: 2, OfAssistant: 3},
		RelayURL: "wss://relay.example.com/prod", Plain: func(s string) string { return strings.ReplaceAll(s, "*", "") }, Now: func() time.Time { return f.now },
		NewToken: func() string { tokens++; return fmt.Sprintf("token-%d", tokens) }}
	return f
}

func newAssistant(id, number string) aurora.Assistant {
	return aurora.Assistant{FallbackNumber: fallback, Configuration: aurora.Configuration{AssistantID: aurora.Text(id), AssistantName: "Avery", AssistantPhoneNumber: aurora.Text(number),
		AssistantFirstMessage: "**Hello**, this is {{ assistant_name }}."}}
}

// change changes the assistant.
func (f *fixture) change(change func(*aurora.Assistant)) *fixture {
	a := f.assistants["avery"]
	change(&a)
	f.assistants["avery"] = a
	return f
}

func (f *fixture) fails(name string) error {
	if f.down[name] {
		return errDown
	}
	return nil
}

func (f *fixture) ByID(_ context.Context, id string) (aurora.Assistant, error) {
	if a, ok := f.assistants[id]; ok && !f.down["ByID"] {
		return a, nil
	}
	return aurora.Assistant{}, errDown
}

func (f *fixture) ByNumber(_ context.Context, number aurora.Phone) (aurora.Assistant, error) {
	if err := f.fails("ByNumber"); err != nil {
		return aurora.Assistant{}, err
	}
	for _, a := range f.assistants {
		if string(a.AssistantPhoneNumber) == string(number) && number != "" {
			return a, nil
		}
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "none")
}

func (f *fixture) CreateCall(_ context.Context, c aurora.PhoneCall) (aurora.PhoneCall, error) {
	if err := f.fails("CreateCall"); err != nil {
		return c, err
	}
	if stored, ok := f.calls[c.SID]; ok {
		return stored, nil
	}
	f.calls[c.SID] = c
	return c, nil
}

func (f *fixture) IssueToken(_ context.Context, t aurora.RelayToken) error {
	f.tokens = append(f.tokens, t)
	return f.fails("IssueToken")
}

func (f *fixture) UpdateCall(_ context.Context, sid string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error) {
	if err := f.fails("UpdateCall"); err != nil {
		return aurora.PhoneCall{}, err
	}
	c, ok := f.calls[sid]
	if !ok {
		return c, fault.New(fault.NotFound, "none")
	}
	first := c
	change(&first) // another writer was faster: the change is made again
	if change(&c) {
		f.writes++
		f.calls[sid] = c
	}
	return c, nil
}

func (f *fixture) WriteTurn(_ context.Context, _ string, turn aurora.SpokenTurn) error {
	f.turns = append(f.turns, turn.Planned)
	return f.fails("WriteTurn")
}

func (f *fixture) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	if err := f.fails("Send"); err != nil {
		return err
	}
	f.tasks = append(f.tasks, fmt.Sprint(task.Kind, " ", delay))
	return nil
}

func (f *fixture) TakeQuota(_ context.Context, q aurora.Quota, taker string) (bool, error) {
	if err := f.fails("TakeQuota"); err != nil {
		return false, err
	}
	if f.last[q.Key] == taker { // the request is repeated
		return true, nil
	}
	if f.taken[q.Key] >= q.Limit {
		return false, nil
	}
	f.taken[q.Key]++
	f.last[q.Key] = taker
	return true, nil
}

// describe returns a plan as one line.
func describe(p aurora.CallPlan) string {
	var parts []string
	if p.Reject {
		parts = append(parts, "reject")
	}
	if p.Say != "" {
		parts = append(parts, "say "+p.Say)
	}
	if p.RecordingURL != "" {
		parts = append(parts, "record to "+strings.TrimPrefix(p.RecordingURL, publicURL))
	}
	if r := p.Relay; r != nil {
		parts = append(parts, fmt.Sprintf("relay %s %q after %s", r.Token, r.Greeting, strings.TrimPrefix(r.AfterURL, publicURL)))
	}
	if d := p.Dial; d != nil {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("dial %s%s as %s after %s", d.To.Number, d.To.SIPURI, d.CallerID, strings.TrimPrefix(d.AfterURL, publicURL))))
	}
	if p.Hangup {
		parts = append(parts, "hang up")
	}
	return strings.Join(parts, "; ")
}

func incoming() callcontrol.Call {
	return callcontrol.Call{SID: sid, From: caller, To: own, PublicURL: publicURL, Status: aurora.CallRinging}
}

// check compares a plan with what is wanted.
func check(t *testing.T, what string, got aurora.CallPlan, want string) {
	t.Helper()
	if describe(got) != want {
		t.Errorf("%s:\n got %s\nwant %s", what, describe(got), want)
	}
}

const (
	apology    = "say We are sorry. We cannot take your call right now. Please try again later.; hang up"
	connecting = "say We are sorry, something went wrong. Please hold while we connect you.; dial " + fallback + " as  after /twilio/voice/after"
)
