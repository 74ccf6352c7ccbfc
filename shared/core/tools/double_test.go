package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const caller aurora.Phone = "+14155550123"

const (
	sender  = "+15551230100"
	callSID = "CA00000000000000000000000000000001"
)

var noon = time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC)

// world is everything outside that a kit uses, and what was done to it.
type world struct {
	mu      sync.Mutex
	texts   []string // from, to, body
	mails   []aurora.Mail
	asked   []string // of the history: assistant, caller
	refused map[aurora.Phone]string
	control []string
	secrets map[string]string
	ledger  map[string]*deed

	calls []aurora.Call
	err   error // of every part but the ledger
	away  error // of the ledger
}

// deed is something in the ledger. Like the real one it forgets a failure, and keeps what nobody knows.
type deed struct {
	mu     sync.Mutex
	done   bool
	result string
	err    error
}

func (w *world) SendSMS(_ context.Context, from, to aurora.Phone, body string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.texts = append(w.texts, string(from)+" "+string(to)+" "+body)
	return "SM1", w.err
}

func (w *world) SendMail(_ context.Context, m aurora.Mail) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mails = append(w.mails, m)
	return w.err
}

func (w *world) CallsOf(_ context.Context, assistantID string, caller aurora.Phone, limit int) ([]aurora.Call, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, assistantID+" "+string(caller))
	return w.calls[:min(limit, len(w.calls))], w.err
}

func (w *world) Refuse(_ context.Context, number aurora.Phone, source string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refused[number] = source
	return w.err
}

func (w *world) Refused(_ context.Context, number aurora.Phone) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.refused[number]
	return ok, w.err
}

func (w *world) Transfer(_ context.Context, sid string, to aurora.Destination) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.control = append(w.control, "transfer "+sid+" "+to.Number)
	return w.err
}

func (w *world) Hangup(_ context.Context, sid string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.control = append(w.control, "hangup "+sid)
	return w.err
}

func (w *world) Secret(_ context.Context, name string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := w.secrets[name]; ok {
		return v, nil
	}
	return "", errors.New("no such secret")
}

func (w *world) Once(ctx context.Context, key string, do func(context.Context) (string, error)) (string, error) {
	w.mu.Lock()
	if w.away != nil {
		w.mu.Unlock()
		return "", w.away
	}
	if w.ledger[key] == nil {
		w.ledger[key] = &deed{}
	}
	d := w.ledger[key]
	w.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.done {
		d.result, d.err = do(ctx)
		d.done = d.err == nil || fault.Is(d.err, fault.Timeout)
	}
	return d.result, d.err
}

// newKit is a kit in a world of its own.
func newKit(t *testing.T) (*Kit, *world) {
	t.Helper()
	w := &world{refused: map[aurora.Phone]string{}, ledger: map[string]*deed{}, secrets: map[string]string{}}
	k := &Kit{SMS: w, Mail: w, History: w, DoNotCall: w, Once: w, Control: w, Secrets: w, SecretPrefix: "aurora/test/tools/",
		Now: func() time.Time { return noon }}
	t.Cleanup(func() {
		k.ready()
		k.guard.transport.CloseIdleConnections()
	})
	return k, w
}

// session is one in which every built-in tool can work.
func session() Session {
	return Session{CallID: "call-1", Caller: caller, UserMessages: 3, Assistant: aurora.Assistant{
		Configuration: aurora.Configuration{AssistantID: "a1", AssistantName: "Riley", TimeZone: "America/New_York", TextFromNumber: sender,
			Emails: aurora.List{"team@example.com", "boss@example.com"}, Functions: Names()},
		TransferDestinations: []aurora.Destination{
			{Name: "sales", Description: "For prices.", Number: "+14155550111"},
			{Name: "support", Number: "+14155550112"},
			{SIPURI: "sip:desk@example.com"},
		},
	}}
}

func names(offered []agent.Tool) []string {
	var all []string
	for _, t := range offered {
		all = append(all, t.Name)
	}
	return all
}

func find(t *testing.T, offered []agent.Tool, name string) agent.Tool {
	t.Helper()
	for _, tool := range offered {
		if tool.Name == name {
			return tool
		}
	}
	t.Fatalf("%s is not offered, only %v", name, names(offered))
	return agent.Tool{}
}

// use calls a tool as the loop does.
func use(t *testing.T, tool agent.Tool, arguments string) (agent.Outcome, error) {
	t.Helper()
	if err := tool.Check(json.RawMessage(arguments)); err != nil {
		return agent.Outcome{}, err
	}
	return tool.Call(t.Context(), agent.Call{ID: "t1", Arguments: json.RawMessage(arguments)})
}

// logs is what is logged while a test runs. Tests that read it do not run beside others.
func logs(t *testing.T) *bytes.Buffer {
	t.Helper()
	b := &syncBuffer{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b.Buffer
}

type syncBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}
