package phonecall_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/fakephone"
	"example.com/aurora/shared/usecase/phonecall"
)

const (
	sid        = "CA00000000000000000000000000000001"
	account    = "AC00000000000000000000000000000001"
	connection = "conn-1"
	token      = "token-1"
)

// sentFrame is a message to Twilio.
type sentFrame struct {
	phonecall.Frame
	connection string
	at         time.Duration // since the test began
}

// wire is the connection to Twilio.
type wire struct {
	mu     sync.Mutex
	began  time.Time
	frames []sentFrame
	reject func(connection string, f phonecall.Frame) error // may be nil
}

func (w *wire) Send(_ context.Context, connectionID string, f phonecall.Frame) error {
	w.mu.Lock()
	if w.reject != nil {
		if err := w.reject(connectionID, f); err != nil {
			w.mu.Unlock()
			return err
		}
	}
	w.frames = append(w.frames, sentFrame{f, connectionID, time.Since(w.began)})
	w.mu.Unlock()
	return nil
}

// all returns what was sent: the words in quotes, without the borders of messages, which depend on the time.
func (w *wire) all() string {
	return strings.ReplaceAll(w.chunks(), "\" \"", "")
}

// chunks returns what was sent, one entry for each message.
func (w *wire) chunks() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, f := range w.frames {
		switch {
		case f.End:
			out = append(out, "end:"+f.HandoffData)
		case f.Text == "" && f.Last:
			out = append(out, "closed")
		case f.Last:
			out = append(out, fmt.Sprintf("%q closed", f.Text))
		default:
			out = append(out, fmt.Sprintf("%q", f.Text))
		}
	}
	return strings.Join(out, " ")
}

// sentTask is a task that was sent.
type sentTask struct {
	aurora.PhoneTask
	delay time.Duration
}

type queue struct {
	mu    sync.Mutex
	tasks []sentTask
	err   error
}

func (q *queue) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = append(q.tasks, sentTask{task, delay})
	return q.err
}

func (q *queue) all() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var out []string
	for _, t := range q.tasks {
		out = append(out, fmt.Sprintf("%s/%d after %s", t.Kind, t.Generation, t.delay))
	}
	return strings.Join(out, ", ")
}

// script is what the model and its tools do in one turn.
type script func(ctx context.Context, out phonecall.Output) phonecall.TurnResult

// model plays scripts, one for each turn, and records the conversations that it gets.
type model struct {
	mu      sync.Mutex
	scripts []script
	heard   []string
}

func (m *model) Speak(ctx context.Context, r phonecall.TurnRequest, out phonecall.Output) phonecall.TurnResult {
	m.mu.Lock()
	m.heard = append(m.heard, render(r.Messages))
	next := says("OK.")
	if len(m.scripts) > 0 {
		next, m.scripts = m.scripts[0], m.scripts[1:]
	}
	m.mu.Unlock()
	result := next(ctx, out)
	result.Filler = "One moment, please. "
	return result
}

func (m *model) last(t *testing.T) string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.heard) == 0 {
		t.Fatal("the model was not asked")
	}
	return m.heard[len(m.heard)-1]
}

// render returns messages as text, one line for each.
func render(messages []agent.Message) string {
	var lines []string
	for _, m := range messages {
		line := m.Role + ": " + m.Text()
		for _, c := range m.ToolCalls {
			line += " call " + c.Name
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// says returns a script that says words at once.
func says(words ...string) script {
	return func(_ context.Context, out phonecall.Output) phonecall.TurnResult {
		return speakSlowly(context.Background(), out, 0, words...)
	}
}

// speakSlowly says words with a pause after each, as a model does, until the turn is stopped.
func speakSlowly(ctx context.Context, out phonecall.Output, pause time.Duration, words ...string) phonecall.TurnResult {
	said := ""
	for _, w := range words {
		if out.WriteText(w, "model", false) != nil {
			break
		}
		said += w
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return phonecall.TurnResult{Messages: []agent.Message{{Role: agent.RoleAssistant, Content: said}}}
}

// usesTool returns a script that runs a tool for a time, and then says words.
func usesTool(name string, took time.Duration, runs *int, words string) script {
	return func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
		messages := []agent.Message{{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "c1", Name: name, Arguments: "{}"}}}}
		if out.BeforeTools(ctx, []agent.Tool{{Name: name, Timeout: took}}) != nil {
			return phonecall.TurnResult{Messages: messages}
		}
		*runs++
		<-time.After(took) // a tool is not cancelled
		messages = append(messages, agent.Message{Role: agent.RoleTool, Content: "done", ToolCallID: "c1", ToolName: name})
		if ctx.Err() != nil {
			return phonecall.TurnResult{Messages: messages}
		}
		r := speakSlowly(ctx, out, 0, words)
		return phonecall.TurnResult{Messages: append(messages, r.Messages...)}
	}
}

// rig is an engine with a call.
type rig struct {
	*phonecall.Engine
	store *fakephone.Store
	wire  *wire
	tasks *queue
	model *model
	began time.Time
	n     int
	mu    sync.Mutex
}

// newRig returns an engine whose call is connected. It is used in a bubble of package synctest.
func newRig(t *testing.T, scripts ...script) *rig {
	t.Helper()
	r := &rig{store: fakephone.NewStore(aurora.RelayToken{Token: token, AssistantID: "riley", CallSID: sid, Greeting: "Hello, this is Riley."}), wire: &wire{began: time.Now()}, tasks: &queue{}, model: &model{scripts: scripts}, began: time.Now()}
	r.Engine = &phonecall.Engine{Store: r.store, Sender: r.wire, Tasks: r.tasks, Conversation: r.model, Now: time.Now,
		Account: func(context.Context) (string, error) { return account, nil },
		NewID: func() string {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.n++
			return fmt.Sprint("id", r.n)
		}}
	r.setup(t, connection)
	r.tasks.tasks = nil // those of a call that begins
	return r
}

func (r *rig) setup(t *testing.T, connectionID string) {
	t.Helper()
	r.Setup(t.Context(), r.event(connectionID), phonecall.Setup{SessionID: "VX1", AccountSID: account, CallSID: sid, From: "+14155550100", To: "+15551230100",
		Parameters: map[string]string{phonecall.TokenParameter: token}})
}

// event returns an event that reaches the gateway now.
func (r *rig) event(connectionID string) phonecall.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	return phonecall.Event{ConnectionID: connectionID, MessageID: fmt.Sprint("m", r.n), At: time.Now().UTC().Truncate(time.Millisecond)}
}

// say is a prompt that ends when its turn does.
func (r *rig) say(t *testing.T, words string) {
	t.Helper()
	<-time.After(time.Millisecond) // no two messages have one time, unless the test wants it
	r.Prompt(t.Context(), r.event(connection), words, true)
}

// later does something after a time, while other messages are handled.
func later(group *sync.WaitGroup, after time.Duration, do func()) {
	group.Go(func() {
		<-time.After(after)
		do()
	})
}

// call returns the stored state.
func (r *rig) call(t *testing.T) aurora.PhoneCall {
	t.Helper()
	c, ok, err := r.store.Call(t.Context(), sid)
	if !ok || err != nil {
		t.Fatalf("the call is not stored: %v", err)
	}
	return c
}

// conversation returns what was said, as in the report.
func (r *rig) conversation(t *testing.T) string {
	t.Helper()
	stored, err := r.store.Turns(t.Context(), sid)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, turn := range r.call(t).Conversation(stored) {
		lines = append(lines, turn.Role+": "+turn.Text)
	}
	return strings.Join(lines, "\n")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}
