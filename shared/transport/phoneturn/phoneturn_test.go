package phoneturn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/dev/fakephone"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/phoneturn"
	"example.com/aurora/shared/usecase/chat"
	"example.com/aurora/shared/usecase/phonecall"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const sid = "CA00000000000000000000000000000001"

// message is one message of the model, in pieces, with a pause before each.
type message struct {
	pause time.Duration
	words []string
	call  string // the tool that it calls; empty if none
	err   error
}

// model says its messages in order, and records what it is asked.
type model struct {
	mu       sync.Mutex
	messages []message
	asked    []agent.ModelRequest
}

func (m *model) Stream(ctx context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	m.mu.Lock()
	m.asked = append(m.asked, r)
	next := message{words: []string{"OK."}}
	if len(m.messages) > 0 {
		next, m.messages = m.messages[0], m.messages[1:]
	}
	m.mu.Unlock()
	return func(yield func(agent.Chunk, error) bool) {
		for _, w := range next.words {
			select {
			case <-ctx.Done():
				yield(agent.Chunk{}, ctx.Err())
				return
			case <-time.After(next.pause):
			}
			if !yield(agent.Chunk{Text: w}, nil) {
				return
			}
		}
		switch {
		case next.err != nil:
			yield(agent.Chunk{}, next.err)
		case next.call != "":
			yield(agent.Chunk{ToolCalls: []agent.ToolCallDelta{{ID: "call_1", Name: next.call, Arguments: "{}"}}, FinishReason: agent.FinishToolCalls}, nil)
		default:
			yield(agent.Chunk{FinishReason: agent.FinishStop}, nil)
		}
	}
}

// kit offers one tool that takes three seconds, and one that ends the call.
type kit struct {
	scope     tools.Scope
	runs      int
	cancelled bool
}

func (k *kit) ForScope(_ context.Context, s tools.Scope) []agent.Tool {
	k.scope = s
	return []agent.Tool{
		{Name: "book", Timeout: 8 * time.Second, Run: func(ctx context.Context, _ agent.Invocation) (agent.ToolResult, error) {
			k.runs++
			select {
			case <-ctx.Done():
				k.cancelled = true
			case <-time.After(3 * time.Second):
			}
			return agent.ToolResult{Content: "booked for nine"}, nil
		}},
		{Name: "end_call", Run: func(context.Context, agent.Invocation) (agent.ToolResult, error) {
			return agent.ToolResult{Content: "The call ends.", Action: &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: "call_1"}}, nil
		}},
	}
}

// wire records what is sent to Twilio, and the tasks.
type wire struct {
	mu    sync.Mutex
	sent  []string
	spoke bool // the last one is words
}

func (w *wire) note(s string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent, w.spoke = append(w.sent, s), false
}

func (w *wire) Send(_ context.Context, _ string, f phonecall.Frame) error {
	switch {
	case f.End:
		w.note("end")
	case f.Last:
		w.note("closed")
	default: // the borders of messages depend on the time
		w.mu.Lock()
		defer w.mu.Unlock()
		if n := len(w.sent) - 1; n >= 0 && w.spoke {
			w.sent[n] += f.Text
		} else {
			w.sent = append(w.sent, f.Text)
		}
		w.spoke = true
	}
	return nil
}

type tasks struct{ *wire }

func (q tasks) Send(_ context.Context, task aurora.PhoneTask, _ time.Duration) error {
	q.note("task " + string(task.Kind))
	return nil
}

type call struct {
	*phonecall.Engine
	*wire
	model *model
	kit   *kit
	n     int
}

// newCall returns the engine of an outbound call that is connected.
func newCall(t *testing.T, messages ...message) *call {
	t.Helper()
	c := &call{wire: &wire{}, model: &model{messages: messages}, kit: &kit{}}
	service := &chat.Service{Assistants: testkit.NewAssistants(aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley", AssistantPrompt: "You are Riley. Call {{ call_id }} with {{ caller_phone_number }}."},
		FallbackMessage: "Say that again?"}), Chain: func([]aurora.ModelRef) agent.Model { return c.model }, DefaultModels: []string{"m"}, Tools: c.kit, Now: time.Now}
	store := fakephone.NewStore(aurora.RelayToken{Token: "t", AssistantID: "riley", RecordID: "oc_1", Greeting: "Hello."})
	c.Engine = &phonecall.Engine{Store: store, Sender: c.wire, Tasks: tasks{c.wire}, Conversation: &phoneturn.Conversation{Service: service}, Now: time.Now,
		Account: func(context.Context) (string, error) { return "AC1", nil }, NewID: func() string { return "id" }}
	c.Setup(t.Context(), c.event(), phonecall.Setup{SessionID: "VX1", AccountSID: "AC1", CallSID: sid, From: "+15551230100", To: "+14155550100", Parameters: map[string]string{"token": "t"}})
	c.sent = nil // tasks of a call that begins
	return c
}

func (c *call) event() phonecall.Event {
	time.Sleep(time.Millisecond)
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	c.n++
	return phonecall.Event{ConnectionID: "c1", MessageID: fmt.Sprint("m", c.n), At: time.Now().Truncate(time.Millisecond)}
}

func (c *call) say(t *testing.T, words string) { c.Prompt(t.Context(), c.event(), words, true) }

func (c *call) all() string { return strings.Join(c.sent, "|") }

func TestTurn(t *testing.T) {
	for name, tc := range map[string]struct {
		messages []message
		want     string
	}{
		"an answer with markup":                 {[]message{{words: []string{"**We** open ", "at nine."}}}, "We open at nine.|closed"},
		"fault 95: before the first word":       {[]message{{err: fault.New(fault.Upstream, "Down.")}}, "Say that again?|closed"},
		"fault 95: after the first word":        {[]message{{words: []string{"We open. "}, err: fault.New(fault.Upstream, "Cut.")}}, "We open. Say that again?|closed"},
		"no words":                              {[]message{{}}, "Say that again?|closed"},
		"a tool, with a filler":                 {[]message{{call: "book"}, {words: []string{"Booked."}}}, "One moment, please. Booked.|closed"},
		"the end of the call":                   {[]message{{words: []string{"Goodbye."}, call: "end_call"}}, "Goodbye.|closed|task close"},
		"the end of the call, and nothing else": {[]message{{call: "end_call"}, {}}, "closed|end"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				testkit.DiscardLog(t)
				c := newCall(t, tc.messages...)
				c.say(t, "Hi")
				if c.all() != tc.want {
					t.Errorf("sent %s, want %s", c.all(), tc.want)
				}
			})
		})
	}
}

// The turn knows the call as every other route does: by Twilio's sid, with the record of an outbound call, and the person at the
// other end.
func TestTurnKnowsTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		testkit.DiscardLog(t)
		c := newCall(t)
		c.say(t, "Hi")
		if s := c.kit.scope; s.CallID != sid || s.CallSID != sid || s.Caller != "+14155550100" || s.Assistant.ID() != "riley" {
			t.Errorf("tools act for %+v", s)
		}
		prompt := c.model.asked[0].Messages[0]
		if !strings.Contains(prompt.Content, "You are Riley. Call "+sid+" with +14155550100.") || !strings.Contains(prompt.Content, "spoken") && !strings.Contains(prompt.Content, "phone") {
			t.Errorf("the prompt is %s", prompt.Content)
		}
	})
}

// A tool that runs when the caller cuts in is not cancelled, and the next turn knows what it returned.
func TestFault101ToolOfAnInterruptedTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := testkit.CaptureLog(t)
		c := newCall(t, message{call: "book"}, message{words: []string{"It is booked."}})
		var group sync.WaitGroup
		group.Go(func() {
			time.Sleep(time.Second)
			c.Interrupt(t.Context(), c.event(), "One mo")
			time.Sleep(200 * time.Millisecond)
			c.say(t, "Hello?")
		})
		c.say(t, "Book it")
		group.Wait()
		if c.kit.runs != 1 || c.kit.cancelled {
			t.Errorf("the tool ran %d times, cancelled %v; want once and not cancelled", c.kit.runs, c.kit.cancelled)
		}
		if want := "One moment, please. |closed|It is booked.|closed"; c.all() != want {
			t.Errorf("sent %s, want %s", c.all(), want)
		}
		b, err := json.Marshal(c.model.asked[1].Messages[1:])
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{`"booked for nine"`, `"Book it"`, `"Hello?"`} {
			if !strings.Contains(string(b), want) {
				t.Errorf("the second conversation lacks %s: %s", want, b)
			}
		}
		if !strings.Contains(log.String(), "outcome=stopped") && !strings.Contains(log.String(), `"outcome":"stopped"`) {
			t.Errorf("no line of the log says that the turn was stopped: %s", log.String())
		}
	})
}
