package phonecall_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/phonecall"
)

const taskSID = "CA00000000000000000000000000000001"

// line is a call with an open connection, and all that its worker uses.
type line struct {
	*phonecall.Worker
	call     aurora.PhoneCall
	missing  bool
	turns    map[int64]aurora.SpokenTurn
	frames   []string
	sent     []string // tasks with their delays
	gone     bool     // the connection
	answered []string // what the model was asked
	down     error    // of the store
}

// newLine returns a call of two minutes ago whose assistant has just stopped speaking, with these changes.
func newLine(assistant aurora.Assistant, change func(*aurora.PhoneCall)) *line {
	l := &line{turns: map[int64]aurora.SpokenTurn{}}
	now := time.Now()
	l.call = aurora.PhoneCall{SID: taskSID, AssistantID: "riley", Direction: aurora.DirectionOutbound, ConnectionID: "conn", CreatedAt: now.Add(-2 * time.Minute),
		ConnectedAt: now.Add(-2 * time.Minute), Generation: 3, AgentSpeakingAt: now.Add(-8 * time.Second), Spoken: []aurora.SpokenTurn{
			{Generation: 3, Said: []aurora.CallerWords{{ID: "m", Text: "Hi", At: now.Add(-20 * time.Second)}}, Planned: "Hello.", StartedAt: now.Add(-19 * time.Second), EndedAt: now.Add(-18 * time.Second)}}}
	if change != nil {
		change(&l.call)
	}
	ids := 0
	assistant.AssistantID = "riley"
	l.Worker = &phonecall.Worker{Assistants: testkit.NewAssistants(assistant), Engine: &phonecall.Engine{Store: l, Sender: l, Tasks: taskList{l}, Conversation: l, Now: time.Now,
		NewID: func() string { ids++; return fmt.Sprint("id-", ids) }}}
	return l
}

func copyCall(c aurora.PhoneCall) aurora.PhoneCall {
	b, _ := json.Marshal(c) // as the store does
	var d aurora.PhoneCall
	_ = json.Unmarshal(b, &d)
	return d
}

func (l *line) CreateCall(_ context.Context, c aurora.PhoneCall) (aurora.PhoneCall, error) {
	return c, nil
}

func (l *line) Call(context.Context, string) (aurora.PhoneCall, bool, error) {
	return copyCall(l.call), !l.missing, l.down
}

func (l *line) UpdateCall(_ context.Context, _ string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error) {
	if l.missing {
		return aurora.PhoneCall{}, fault.New(fault.NotFound, "There is no such call.")
	}
	if l.down != nil {
		return aurora.PhoneCall{}, l.down
	}
	c := copyCall(l.call)
	if change(&c) {
		l.call = copyCall(c)
	}
	return c, nil
}

func (l *line) WriteTurn(_ context.Context, _ string, turn aurora.SpokenTurn) error {
	l.turns[turn.Generation] = turn
	return nil
}

func (l *line) Turns(context.Context, string) (all []aurora.SpokenTurn, err error) {
	for _, t := range l.turns {
		all = append(all, t)
	}
	return all, nil
}

func (l *line) UseToken(context.Context, string, string) (aurora.RelayToken, error) {
	return aurora.RelayToken{}, nil
}
func (l *line) PutConnection(context.Context, string, string) error { return nil }
func (l *line) ConnectionCall(context.Context, string) (string, bool, error) {
	return taskSID, true, nil
}

// Send takes a message to Twilio.
func (l *line) Send(_ context.Context, connectionID string, f phonecall.Frame) error {
	if l.gone {
		return fault.New(fault.NotFound, "The connection has gone.")
	}
	text := fmt.Sprintf("%q", f.Text)
	switch {
	case f.End:
		text = "end " + f.HandoffData
	case f.Uninterruptible:
		text += " to the end"
	}
	l.frames = append(l.frames, text)
	return nil
}

type taskList struct{ l *line }

func (q taskList) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	q.l.sent = append(q.l.sent, fmt.Sprintf("%s %d after %s", task.Kind, task.Count, delay))
	return nil
}

// Speak is a model that says Fine.
func (l *line) Speak(_ context.Context, r phonecall.TurnRequest, out phonecall.Output) phonecall.TurnResult {
	l.answered = append(l.answered, r.Messages[len(r.Messages)-1].Content)
	_ = out.WriteText("Fine.", "", false)
	return phonecall.TurnResult{Messages: []agent.Message{{Role: agent.RoleAssistant, Content: "Fine."}}}
}

func (l *line) check(t *testing.T, frames, sent []string) {
	t.Helper()
	if !slices.Equal(l.frames, frames) || !slices.Equal(l.sent, sent) {
		t.Errorf("sent were %q and the tasks %q, want %q and %q", l.frames, l.sent, frames, sent)
	}
}

func TestDigits(t *testing.T) {
	task := aurora.PhoneTask{Kind: aurora.PhoneTaskDigits, CallSID: taskSID, Generation: 2, Count: 3}
	for name, c := range map[string]struct {
		change func(*aurora.PhoneCall)
		want   []string
	}{
		"three keys, after an interruption": {func(c *aurora.PhoneCall) { c.Digits = "123" }, []string{"pressed 1 2 3"}},
		"a further key has come":            {func(c *aurora.PhoneCall) { c.Digits = "1234" }, nil},
		"passed on already":                 {func(*aurora.PhoneCall) {}, nil},
		"the session was ended":             {func(c *aurora.PhoneCall) { c.Digits, c.Closing = "123", &aurora.CallClosing{SentAt: time.Now()} }, nil},
		"the report is begun":               {func(c *aurora.PhoneCall) { c.Digits, c.Report = "123", &aurora.PhoneReport{} }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testkit.DiscardLog(t)
				l := newLine(aurora.Assistant{}, c.change)
				for range 2 { // the queue delivers it twice
					if err := l.Digits(t.Context(), task); err != nil {
						t.Fatal(err)
					}
				}
				if !slices.Equal(l.answered, c.want) {
					t.Errorf("the model was asked %q, want %q", l.answered, c.want)
				}
			})
		})
	}
}

func TestSilence(t *testing.T) {
	ask, goodbye := []string{`"Are you still there?"`}, []string{`"I cannot hear you, so I will end the call now. Goodbye."`}
	for name, c := range map[string]struct {
		language string
		change   func(*aurora.PhoneCall)
		frames   []string
		sent     []string
	}{
		"a silent caller":                {"", nil, ask, nil},
		"in the assistant's language":    {"es-MX", nil, []string{`"¿Sigue ahí?"`}, nil},
		"silent after the greeting":      {"", func(c *aurora.PhoneCall) { c.Generation, c.Spoken[0].Generation, c.Spoken[0].Said = 0, 0, nil }, ask, nil},
		"silent again":                   {"", func(c *aurora.PhoneCall) { c.NudgedTurn = 3 }, goodbye, []string{"close 0 after 10s"}},
		"asked, answered, silent":        {"", func(c *aurora.PhoneCall) { c.NudgedTurn = 2 }, ask, nil},
		"a newer turn":                   {"", func(c *aurora.PhoneCall) { c.Generation = 4 }, nil, nil},
		"the assistant speaks":           {"", func(c *aurora.PhoneCall) { c.AgentSpeaking = true }, nil, nil},
		"the assistant spoke later":      {"", func(c *aurora.PhoneCall) { c.AgentSpeakingAt = time.Now().Add(-3 * time.Second) }, nil, []string{"silence 0 after 5s"}},
		"the caller speaks":              {"", func(c *aurora.PhoneCall) { c.CallerSpeaking = true }, nil, []string{"silence 0 after 8s"}},
		"the caller made a sound":        {"", func(c *aurora.PhoneCall) { c.CallerSpeakingAt = time.Now().Add(-2 * time.Second) }, nil, []string{"silence 0 after 6s"}},
		"a turn goes on":                 {"", func(c *aurora.PhoneCall) { c.Spoken[0].EndedAt = time.Time{} }, nil, nil},
		"tools run":                      {"", func(c *aurora.PhoneCall) { c.WorkingTurn = 3 }, nil, nil},
		"the call is about to end":       {"", func(c *aurora.PhoneCall) { c.Closing = &aurora.CallClosing{ID: "x"} }, nil, nil},
		"the session was ended":          {"", func(c *aurora.PhoneCall) { c.Closing = &aurora.CallClosing{SentAt: time.Now()} }, nil, nil},
		"the connection is lost":         {"", func(c *aurora.PhoneCall) { c.ConnectionID = "" }, nil, nil},
		"the report is begun":            {"", func(c *aurora.PhoneCall) { c.Report = &aurora.PhoneReport{} }, nil, nil},
		"the queue is late by an hour":   {"", func(c *aurora.PhoneCall) { c.AgentSpeakingAt = time.Now().Add(-time.Hour) }, ask, nil},
		"nothing was said of any speech": {"", func(c *aurora.PhoneCall) { c.AgentSpeakingAt = time.Time{} }, ask, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testkit.DiscardLog(t)
				l := newLine(aurora.Assistant{Language: c.language}, c.change)
				task := aurora.PhoneTask{Kind: aurora.PhoneTaskSilence, CallSID: taskSID, Generation: l.call.Generation}
				if name == "a newer turn" {
					task.Generation--
				}
				if err := l.Silence(t.Context(), task); err != nil {
					t.Fatal(err)
				}
				if len(l.frames) > 0 { // the queue delivers it twice
					if err := l.Silence(t.Context(), task); err != nil {
						t.Fatal(err)
					}
				}
				l.check(t, c.frames, c.sent)
				if silent := len(c.sent) > 0 && strings.HasPrefix(c.sent[0], "close"); silent && (l.call.Closing == nil || l.call.Closing.Reason != aurora.EndedBySilence) {
					t.Errorf("the call closes with %+v", l.call.Closing)
				}
			})
		})
	}
}

func TestClose(t *testing.T) {
	closing := func(c *aurora.PhoneCall) {
		c.Closing = &aurora.CallClosing{ID: "secret", Action: aurora.Action{Type: aurora.ActionEndCall}}
	}
	end, again := []string{"end secret"}, []string{"close 0 after 5s"}
	for name, c := range map[string]struct {
		change func(*aurora.PhoneCall)
		frames []string
		sent   []string
	}{
		"no event came": {func(c *aurora.PhoneCall) { closing(c); c.AgentSpeakingAt = time.Time{} }, end, nil},
		"a newer generation: the caller cut the words": {func(c *aurora.PhoneCall) { closing(c); c.Generation = 5 }, end, nil},
		"the words are still heard":                    {func(c *aurora.PhoneCall) { closing(c); c.AgentSpeaking = true }, nil, again},
		"the end of the words is never reported": {func(c *aurora.PhoneCall) {
			closing(c)
			c.AgentSpeaking, c.AgentSpeakingAt = true, time.Now().Add(-2*time.Minute)
		}, end, nil},
		"long words, no event": {func(c *aurora.PhoneCall) {
			closing(c)
			c.Spoken[0].Planned, c.AgentSpeakingAt = strings.Repeat("word ", 100), time.Time{}
		}, nil, again},
		"ended already":          {func(c *aurora.PhoneCall) { closing(c); c.Closing.SentAt = time.Now() }, nil, nil},
		"the message is not out": {func(c *aurora.PhoneCall) { closing(c); c.Closing.Pending = true }, nil, nil},
		"not to end":             {nil, nil, nil},
		"the connection is lost": {func(c *aurora.PhoneCall) { closing(c); c.ConnectionID = "" }, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testkit.DiscardLog(t)
				l := newLine(aurora.Assistant{}, c.change)
				task := aurora.PhoneTask{Kind: aurora.PhoneTaskClose, CallSID: taskSID, Generation: 3}
				for range max(1, 2*len(c.frames)) { // the queue delivers it twice
					if err := l.Close(t.Context(), task); err != nil {
						t.Fatal(err)
					}
				}
				l.check(t, c.frames, c.sent)
			})
		})
	}
}

func TestMachine(t *testing.T) {
	message := []string{`"This is Riley. Please call back." to the end`}
	for name, c := range map[string]struct {
		answeredBy, message string
		count               int
		change              func(*aurora.PhoneCall)
		frames, sent        []string
		closing             bool
	}{
		"human":                       {"human", "x", 0, nil, nil, nil, false},
		"unknown":                     {"unknown", "x", 0, nil, nil, nil, false},
		"no message":                  {"machine_start", "", 0, nil, []string{"end id-1"}, nil, true},
		"no message, and it speaks":   {"machine_start", "", 0, func(c *aurora.PhoneCall) { c.AgentSpeaking = true }, []string{"end id-1"}, nil, true},
		"fax":                         {"fax", "", 0, nil, []string{"end id-1"}, nil, true},
		"after the beep":              {"machine_end_beep", "m", 0, nil, message, []string{"close 0 after 10s"}, true},
		"after the beep, both talk":   {"machine_end_beep", "m", 0, func(c *aurora.PhoneCall) { c.CallerSpeaking = true }, message, []string{"close 0 after 10s"}, true},
		"the assistant is heard":      {"machine_end_beep", "m", 0, func(c *aurora.PhoneCall) { c.AgentSpeaking = true }, nil, []string{"machine 1 after 2s"}, true},
		"during the greeting":         {"machine_start", "m", 0, func(c *aurora.PhoneCall) { c.CallerSpeaking = true }, nil, []string{"machine 1 after 2s"}, true},
		"the greeting has just ended": {"machine_start", "m", 0, func(c *aurora.PhoneCall) { c.CallerSpeakingAt = time.Now().Add(-time.Second) }, nil, []string{"machine 1 after 2s"}, true},
		"a greeting without end":      {"machine_start", "m", 15, func(c *aurora.PhoneCall) { c.CallerSpeaking = true }, message, []string{"close 0 after 10s"}, true},
		"the call ends anyway":        {"machine_start", "m", 0, func(c *aurora.PhoneCall) { c.Closing = &aurora.CallClosing{ID: "y"} }, nil, nil, true},
		"the session was ended":       {"machine_start", "m", 0, func(c *aurora.PhoneCall) { c.Closing = &aurora.CallClosing{ID: "y", SentAt: time.Now()} }, nil, nil, true},
		"the report is begun":         {"machine_start", "m", 0, func(c *aurora.PhoneCall) { c.Report = &aurora.PhoneReport{} }, nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testkit.DiscardLog(t)
				a := aurora.Assistant{}
				if c.message != "" {
					a.VoicemailMessage = "This is Riley. Please call back."
				}
				l := newLine(a, c.change)
				generation := l.call.Generation
				task := aurora.PhoneTask{Kind: aurora.PhoneTaskMachine, CallSID: taskSID, AnsweredBy: c.answeredBy, Count: c.count}
				for range max(1, 2*len(c.frames)) { // the queue delivers it twice
					if err := l.Machine(t.Context(), task); err != nil {
						t.Fatal(err)
					}
				}
				l.check(t, c.frames, c.sent)
				if l.call.AnsweredBy != c.answeredBy || (l.call.Closing != nil) != c.closing {
					t.Errorf("the call is %+v, want answered by %s", l.call, c.answeredBy)
				}
				if ours := l.call.Closing != nil && l.call.Closing.ID == "id-1"; ours && (l.call.Generation != generation+1 || l.call.Closing.Reason != aurora.EndedByVoicemail) {
					t.Errorf("the generation is %d and the call closes with %+v, want a newer one and voicemail", l.call.Generation, l.call.Closing)
				}
			})
		})
	}
	t.Run("no session yet", func(t *testing.T) {
		testkit.DiscardLog(t)
		l := newLine(aurora.Assistant{}, nil)
		l.missing = true
		for count := range 16 {
			if err := l.Machine(t.Context(), aurora.PhoneTask{Kind: aurora.PhoneTaskMachine, CallSID: taskSID, AnsweredBy: "machine_start", Count: count}); err != nil {
				t.Fatal(err)
			}
		}
		if len(l.sent) != 15 || l.sent[14] != "machine 15 after 2s" {
			t.Errorf("the task was sent %q, want 15 times", l.sent)
		}
	})
}

func TestKeepOpen(t *testing.T) {
	again := []string{"keepOpen 0 after 8m0s"}
	for name, c := range map[string]struct {
		change       func(*aurora.PhoneCall)
		gone         bool
		frames, sent []string
	}{
		"nothing is said":        {nil, false, []string{`""`}, again},
		"the assistant speaks":   {func(c *aurora.PhoneCall) { c.AgentSpeaking = true }, false, nil, again},
		"a turn goes on":         {func(c *aurora.PhoneCall) { c.Spoken[0].EndedAt = time.Time{} }, false, nil, again},
		"the connection is gone": {nil, true, nil, []string{"finish 0 after 20s"}},
		"the connection is lost": {func(c *aurora.PhoneCall) { c.ConnectionID = "" }, false, nil, nil},
		"the call is over":       {func(c *aurora.PhoneCall) { c.End.StatusAt = time.Now() }, false, nil, nil},
		"the report is begun":    {func(c *aurora.PhoneCall) { c.Report = &aurora.PhoneReport{} }, false, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testkit.DiscardLog(t)
				l := newLine(aurora.Assistant{}, c.change)
				l.gone = c.gone
				if err := l.KeepOpen(t.Context(), aurora.PhoneTask{Kind: aurora.PhoneTaskKeepOpen, CallSID: taskSID}); err != nil {
					t.Fatal(err)
				}
				l.check(t, c.frames, c.sent)
				if c.gone && (l.call.ConnectionID != "" || l.call.End.DisconnectedAt.IsZero()) {
					t.Errorf("the end of the connection is not stored: %+v", l.call)
				}
			})
		})
	}
}

// A task of a call without state is done. A task whose store does not answer fails, so that the queue delivers it again.
func TestTasksWithoutState(t *testing.T) {
	testkit.DiscardLog(t)
	task := aurora.PhoneTask{CallSID: taskSID, Generation: 3, Count: 3}
	for name, do := range map[string]func(*phonecall.Worker) func(context.Context, aurora.PhoneTask) error{
		"digits":   func(w *phonecall.Worker) func(context.Context, aurora.PhoneTask) error { return w.Digits },
		"silence":  func(w *phonecall.Worker) func(context.Context, aurora.PhoneTask) error { return w.Silence },
		"close":    func(w *phonecall.Worker) func(context.Context, aurora.PhoneTask) error { return w.Close },
		"machine":  func(w *phonecall.Worker) func(context.Context, aurora.PhoneTask) error { return w.Machine },
		"keepOpen": func(w *phonecall.Worker) func(context.Context, aurora.PhoneTask) error { return w.KeepOpen },
	} {
		l := newLine(aurora.Assistant{}, nil)
		l.missing = true
		if err := do(l.Worker)(t.Context(), task); err != nil || len(l.frames) > 0 {
			t.Errorf("%s: %v and %q without a state, want nothing", name, err, l.frames)
		}
		l = newLine(aurora.Assistant{}, nil)
		l.down = fault.New(fault.Unavailable, "The store does not answer.").Because(errors.New("timeout"))
		if err := do(l.Worker)(t.Context(), task); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: %v without a store, want an error", name, err)
		}
	}
}
