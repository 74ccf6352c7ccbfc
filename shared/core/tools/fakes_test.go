package tools

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/dev/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const caller aurora.Phone = "+14155550123"

const (
	sender  = "+15551230100"
	callSID = "CA00000000000000000000000000000001"
)

var testNow = time.Date(2026, 11, 22, 17, 30, 0, 0, time.UTC)

// fakeBackends stands for everything that a kit uses, and records what was done.
type fakeBackends struct {
	mu             sync.Mutex
	sentSMS        []string // from, to, body
	sentMail       []aurora.Mail
	historyQueries []string // assistant, caller
	doNotCall      map[aurora.Phone]string
	counted        []string
	quotas         []string // keys of those that were taken
	callControl    []string
	secrets        map[string]string
	results        map[string]*onceResult
	providerCalls  map[string]aurora.ProviderCall // by sid
	records        map[string]aurora.OutboundCall // by sid

	calls   []aurora.Call
	err     error // of every part but Idempotency and the do-not-call list
	onceErr error // of Idempotency

	ledgerErr error // of the do-not-call list
}

// onceResult is the result of an effect. Like the real store it forgets a failure, and remembers a timeout.
type onceResult struct {
	mu     sync.Mutex
	done   bool
	result string
	err    error
}

func (w *fakeBackends) SendSMS(_ context.Context, from, to aurora.Phone, body string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sentSMS = append(w.sentSMS, string(from)+" "+string(to)+" "+body)
	return "SM1", w.err
}

func (w *fakeBackends) SendMail(_ context.Context, m aurora.Mail) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sentMail = append(w.sentMail, m)
	return w.err
}

func (w *fakeBackends) CallsOf(_ context.Context, assistantID string, caller aurora.Phone, limit int) ([]aurora.Call, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.historyQueries = append(w.historyQueries, assistantID+" "+string(caller))
	return w.calls[:min(limit, len(w.calls))], w.err
}

func (w *fakeBackends) AddDoNotCall(_ context.Context, number aurora.Phone, source string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.doNotCall[number] = source
	return w.err
}

func (w *fakeBackends) IsDoNotCall(_ context.Context, number aurora.Phone) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, ok := w.doNotCall[number]
	return ok, w.ledgerErr
}

func (w *fakeBackends) TakeQuota(_ context.Context, q aurora.Quota, _ string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quotas = append(w.quotas, q.Key)
	return true, nil
}

func (w *fakeBackends) ReturnQuota(context.Context, aurora.Quota) error { return nil }

func (w *fakeBackends) FetchCall(_ context.Context, sid string) (aurora.ProviderCall, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c, ok := w.providerCalls[sid]; ok {
		return c, w.err
	}
	return aurora.ProviderCall{}, fault.New(fault.NotFound, "The call was not found.")
}

// Record implements aurora.OutboundCallFinder.
func (w *fakeBackends) Record(_ context.Context, sid string) (aurora.OutboundCall, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c, ok := w.records[sid]
	return c, ok, w.err
}

func (w *fakeBackends) Transfer(_ context.Context, sid string, to aurora.Destination) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.callControl = append(w.callControl, "transfer "+sid+" "+to.Number)
	return w.err
}

func (w *fakeBackends) Hangup(_ context.Context, sid string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.callControl = append(w.callControl, "hangup "+sid)
	return w.err
}

func (w *fakeBackends) Secret(_ context.Context, name string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v, ok := w.secrets[name]; ok {
		return v, nil
	}
	return "", errors.New("no such secret")
}

func (w *fakeBackends) Do(ctx context.Context, key string, do func(context.Context) (string, error)) (string, error) {
	w.mu.Lock()
	if w.onceErr != nil {
		w.mu.Unlock()
		return "", w.onceErr
	}
	if w.results[key] == nil {
		w.results[key] = &onceResult{}
	}
	d := w.results[key]
	w.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.done {
		d.result, d.err = do(ctx)
		d.done = d.err == nil || fault.Is(d.err, fault.Timeout)
	}
	return d.result, d.err
}

// newKit returns a kit with fakes of its own.
func newKit(t *testing.T) (*Kit, *fakeBackends) {
	t.Helper()
	w := &fakeBackends{providerCalls: map[string]aurora.ProviderCall{callSID: {SID: callSID, From: caller, To: sender, Direction: "inbound"}}, doNotCall: map[aurora.Phone]string{}, results: map[string]*onceResult{}, secrets: map[string]string{}}
	k := &Kit{SMS: w, Mail: w, Contacts: fakeledger.NewGuard(testkit.NewAssistants(), w, func() time.Time { return testNow }), History: w, DoNotCall: w, Idempotency: w, Control: w, OutboundCalls: w, Secrets: w, SecretPrefix: "aurora/test/tools/",
		Now: func() time.Time { return testNow }, Count: func(_ context.Context, metric string) { w.counted = append(w.counted, metric) }}
	t.Cleanup(func() {
		k.init()
		for _, known := range k.mcpServers.servers {
			if known.connection != nil {
				_ = known.connection.Close()
			}
		}
		k.guard.transport.CloseIdleConnections()
	})
	return k, w
}

// testScope returns a scope in which every built-in tool is available.
func testScope() Scope {
	return Scope{CallID: "call-1", Caller: caller, UserMessageCount: 3, CalledID: "a1", CalledNumbers: []aurora.Phone{sender}, Assistant: aurora.Assistant{
		Configuration: aurora.Configuration{AssistantID: "a1", AssistantName: "Riley", TimeZone: "America/New_York", TextFromNumber: sender,
			Emails: aurora.List{"team@example.com", "boss@example.com"}, Functions: BuiltinNames()},
		TransferDestinations: []aurora.Destination{
			{Name: "sales", Description: "For prices.", Number: "+14155550111"},
			{Name: "support", Number: "+14155550112"},
			{SIPURI: "sip:desk@example.com"},
		},
	}}
}

func toolNames(tools []agent.Tool) []string {
	var all []string
	for _, t := range tools {
		all = append(all, t.Name)
	}
	return all
}

func findTool(t *testing.T, tools []agent.Tool, name string) agent.Tool {
	t.Helper()
	for _, tool := range tools {
		if tool.Name == name {
			return tool
		}
	}
	t.Fatalf("%s is not available, only %v", name, toolNames(tools))
	return agent.Tool{}
}

// callTool validates the arguments and runs the tool, as package agent does.
func callTool(t *testing.T, tool agent.Tool, arguments string) (agent.ToolResult, error) {
	t.Helper()
	if err := tool.Validate(json.RawMessage(arguments)); err != nil {
		return agent.ToolResult{}, err
	}
	return tool.Run(t.Context(), agent.Invocation{ID: "t1", Arguments: json.RawMessage(arguments)})
}

// check reports an error if got is not want; what names the value.
func check[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %+v, want %+v", what, got, want)
	}
}
