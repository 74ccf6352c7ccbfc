package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/dynalite"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/endofcall"
	"example.com/aurora/shared/usecase/phonecall"
	"example.com/aurora/shared/usecase/webhook"
)

const callSID = "CA00000000000000000000000000000001"

// bucket stores the first object of a key, as S3 does with If-None-Match: *.
type bucket struct {
	mu      sync.Mutex
	objects map[string]object
	now     func() time.Time
	lost    int // replies that are still lost
}

type object struct {
	body, hash string
	written    time.Time
}

func (b *bucket) Create(_ context.Context, key string, body []byte, hash string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if old, ok := b.objects[key]; ok {
		return old.hash == hash, nil
	}
	b.objects[key] = object{string(body), hash, b.now()}
	if b.lost > 0 && strings.HasPrefix(key, aurora.EndOfCallPrefix) {
		b.lost--
		return false, io.ErrUnexpectedEOF
	}
	return true, nil
}

func (b *bucket) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.objects[key]
	if !ok {
		return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
	}
	return []byte(o.body), o.written, nil
}

// reports returns the keys of the end-of-call reports.
func (b *bucket) reports() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(b.objects)), func(key string) bool { return !strings.HasPrefix(key, aurora.EndOfCallPrefix) })
}

// stack is a stack's stores, and a clock that moves on to the next task.
type stack struct {
	t     *testing.T
	now   time.Time
	calls *dynamo.PhoneCalls
	rows  *dynamo.Calls
	// tasks wait for their time. done are those that ran; they may be delivered again.
	mu       sync.Mutex
	tasks    []waitingTask
	done     []aurora.PhoneTask
	bucket   *bucket
	index    *callindex.Worker
	analyses int
	network  testkit.LossyTransport
	consume  func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
}

type waitingTask struct {
	at   time.Time
	task aurora.PhoneTask
}

func (s *stack) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, waitingTask{s.now.Add(delay), task})
	return nil
}

// Analyse is a model that finds the same in every call.
func (s *stack) Analyse(context.Context, aurora.Assistant, providermsg.EndOfCall, []providermsg.Utterance) (aurora.AnalysisResult, error) {
	s.analyses++
	return aurora.AnalysisResult{Summary: "The caller asked for a slot.", Analysis: aurora.Analysis{Outcome: aurora.OutcomeResolved, AnalysisModel: "gpt-test"}}, nil
}

func newStack(t *testing.T, assistant aurora.Assistant) *stack {
	t.Helper()
	s := &stack{t: t, now: time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)}
	now := func() time.Time { return s.now }
	config := dynalite.Tables(t, &s.network)
	retention := 400 * 24 * time.Hour
	ledger := dynamo.NewLedger(config, "ledger", now)
	s.bucket = &bucket{objects: map[string]object{}, now: now}
	s.calls = dynamo.NewPhoneCalls(config, "ledger", now, rand.Text)
	s.rows = dynamo.NewCalls(config, "calls", retention)
	assistants := testkit.NewAssistants(assistant)
	index := &callindex.Index{Aliases: ledger, Rows: s.rows, Now: now, Retention: retention}
	count := func(context.Context, string) {}
	s.index = &callindex.Worker{Reader: s.bucket, Writer: s.bucket, Assistants: assistants, Index: index, Analyser: s, Count: count}
	price := aurora.MicroUSD(10_000)
	finisher := &endofcall.Service{Calls: s.calls, Rows: index, Tasks: s, Assistants: assistants, Now: now, Count: count,
		Archive: webhook.Archive{Objects: s.bucket, Assistants: assistants, Now: now, Count: count}, Prices: endofcall.Prices{VoiceMinute: &price, RelayMinute: &price}}
	s.consume = sqs.Consume(serve(newHandlers(&phonecall.Worker{}, finisher), s))
	return s
}

// signal stores what a signal says of the call's end, and sends the task that follows.
func (s *stack) signal(change func(*aurora.CallEnd)) {
	s.t.Helper()
	if _, err := s.calls.UpdateCall(s.t.Context(), callSID, func(c *aurora.PhoneCall) bool { change(&c.End); return true }); err != nil {
		s.t.Fatal(err)
	}
	_ = s.Send(s.t.Context(), aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: callSID}, endofcall.FinishDelay)
}

// deliver delivers tasks in one batch, each twice, and the notifications about all reports twice.
func (s *stack) deliver(tasks ...aurora.PhoneTask) {
	s.t.Helper()
	var batch events.SQSEvent
	for i, task := range tasks {
		body, err := json.Marshal(task)
		if err != nil {
			s.t.Fatal(err)
		}
		for d := range 2 {
			batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(i, "-", d), Body: string(body)})
		}
	}
	for range 20 { // SQS delivers again what failed
		response, err := s.consume(s.t.Context(), batch)
		if err != nil {
			s.t.Fatal(err)
		}
		batch.Records = slices.DeleteFunc(batch.Records, func(m events.SQSMessage) bool {
			return !slices.ContainsFunc(response.BatchItemFailures, func(f events.SQSBatchItemFailure) bool { return f.ItemIdentifier == m.MessageId })
		})
	}
	if len(batch.Records) > 0 {
		s.t.Fatalf("%d tasks failed 20 times", len(batch.Records))
	}
	every := s.network.Every.Swap(0) // the index has tests of its own for this
	defer s.network.Every.Store(every)
	for _, key := range slices.Concat(s.bucket.reports(), s.bucket.reports()) {
		if err := s.index.ObjectCreated(s.t.Context(), key); err != nil {
			s.t.Fatal(err)
		}
	}
}

// run moves the clock from task to task until none is left.
func (s *stack) run() {
	s.t.Helper()
	for n := 0; len(s.tasks) > 0; n++ {
		if n > 40 {
			s.t.Fatalf("tasks are sent again and again: %+v", s.tasks)
		}
		slices.SortStableFunc(s.tasks, func(a, b waitingTask) int { return a.at.Compare(b.at) })
		next := s.tasks[0]
		s.tasks, s.now = s.tasks[1:], next.at
		s.done = append(s.done, next.task)
		s.deliver(next.task)
	}
}

// row returns the call's only row.
func (s *stack) row() aurora.Call {
	s.t.Helper()
	c, ok, err := s.rows.Row(s.t.Context(), aurora.CallKey{AssistantID: "riley", Day: "2026-11-20", CallID: callSID})
	if err != nil || !ok {
		s.t.Fatalf("the call has no row: %v", err)
	}
	return c
}

// startCall stores a call with a conversation of one turn, which the caller interrupted.
func (s *stack) startCall() {
	s.t.Helper()
	call := aurora.PhoneCall{SID: callSID, AssistantID: "riley", Direction: aurora.DirectionInbound, From: "+14155550142", To: "+15551230100",
		Customer: "+14155550142", OwnNumber: "+15551230100", CreatedAt: s.now, ConnectedAt: s.now.Add(time.Second), ConnectionID: "x", LastEventAt: s.now.Add(50 * time.Second)}
	if _, err := s.calls.CreateCall(s.t.Context(), call); err != nil {
		s.t.Fatal(err)
	}
	messages, err := json.Marshal([]agent.Message{{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "call_1", Name: "find_slot", Arguments: "{}"}}},
		{Role: agent.RoleTool, ToolCallID: "call_1", ToolName: "find_slot", Content: "9:00"}, {Role: agent.RoleAssistant, Content: "There is one at nine."}})
	if err != nil {
		s.t.Fatal(err)
	}
	turn := aurora.SpokenTurn{Generation: 1, Said: []aurora.CallerWords{{ID: "m1", Text: "Is there a slot? My number is 415 555 0142.", At: s.now.Add(9 * time.Second)}},
		Planned: "There is one at nine.", Heard: "There is one", Cut: true, StartedAt: s.now.Add(10 * time.Second), EndedAt: s.now.Add(12 * time.Second), Messages: messages}
	if err := s.calls.WriteTurn(s.t.Context(), callSID, turn); err != nil {
		s.t.Fatal(err)
	}
	s.now = s.now.Add(61 * time.Second)
}

func (s *stack) action(e *aurora.CallEnd) {
	seconds := 60.0
	e.ActionAt, e.SessionStatus, e.SessionSeconds = s.now, "completed", &seconds
}

func (s *stack) status(e *aurora.CallEnd) {
	seconds := 61.0
	e.StatusAt, e.Status, e.Seconds = s.now, aurora.CallCompleted, &seconds
}

func (s *stack) disconnect(e *aurora.CallEnd) { e.DisconnectedAt = s.now }

var riley = aurora.Assistant{Language: "en-US", Configuration: aurora.Configuration{AssistantID: "riley", AssistantName: "Riley", AssistantPhoneNumber: "+15551230100"}}

// TestOneReportAndOneRow lets the signals of a call's end come in every order, some of them twice or not at all. Every task and every
// notification is delivered twice (fault 125). The call has one report and one row, and is analysed once.
func TestOneReportAndOneRow(t *testing.T) {
	testkit.DiscardLog(t)
	for name, signals := range map[string]func(s *stack){
		"action, status, disconnect": func(s *stack) { s.signal(s.action); s.signal(s.status); s.signal(s.disconnect) },
		"fault 120: the action twice, and the status twice": func(s *stack) {
			for range 2 {
				s.signal(s.action)
				s.signal(s.status)
			}
			s.signal(s.disconnect)
		},
		"fault 121: the action before the disconnect": func(s *stack) { s.signal(s.action); s.now = s.now.Add(5 * time.Second); s.signal(s.disconnect) },
		"fault 122: no disconnect":                    func(s *stack) { s.signal(s.action); s.signal(s.status) },
		"status alone":                                func(s *stack) { s.signal(s.status) },
		"disconnect alone":                            func(s *stack) { s.signal(s.disconnect) },
		"fault 123: no signal at all": func(s *stack) {
			_ = s.Send(s.t.Context(), aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: callSID}, endofcall.MaxDelay)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack(t, riley)
			s.startCall()
			signals(s)
			s.run()
			s.deliver(s.done...)
			if reports := s.bucket.reports(); len(reports) != 1 || reports[0] != "eoc/riley/2026/11/20/"+callSID+".json" {
				t.Fatalf("the reports are %v, want one", reports)
			}
			c := s.row()
			if c.ID != callSID || c.Disposition != aurora.DispositionAnswered || c.Outcome != aurora.OutcomeResolved || s.analyses != 1 || !c.Spoke || c.Customer != "+14155550142" ||
				c.Direction != aurora.DirectionInbound || c.Seconds == nil || *c.Seconds > 61 {
				t.Errorf("after %d analyses the row is %+v", s.analyses, c)
			}
		})
	}
}

// TestLateFacts lets the status and the recording come after the report: the row has them, and there is no second report.
func TestLateFacts(t *testing.T) {
	testkit.DiscardLog(t)
	for name, c := range map[string]struct {
		storage             aurora.Storage
		customer, recording string
		words               string
	}{
		"everything":            {"", "+14155550142", "https://api.example.com/RE1", "User: Is there a slot? My number is 415 555 0142.\\nAI: There is one\\n"},
		"without personal data": {aurora.StoreWithoutPersonalData, "", "", "User: Is there a slot? My number is [phone number].\\nAI: There is one\\n"},
		"figures":               {aurora.StoreFigures, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			assistant := riley
			assistant.Storage = c.storage
			s := newStack(t, assistant)
			s.startCall()
			s.signal(s.action)
			s.run()
			s.now = s.now.Add(time.Minute)
			s.signal(s.status)
			s.signal(func(e *aurora.CallEnd) { e.RecordingURL = "https://api.example.com/RE1" })
			s.run()
			s.deliver(s.done...)
			row, reports := s.row(), s.bucket.reports()
			if len(reports) != 1 || string(row.Customer) != c.customer || row.Recording != c.recording || row.Seconds == nil || *row.Seconds != 61 || row.Cost == nil || *row.Cost != 0.03 {
				t.Errorf("the reports are %v and the row is %+v", reports, row)
			}
			if body := s.bucket.objects[reports[0]].body; c.words != "" && !strings.Contains(body, c.words) || c.words == "" && strings.Contains(body, "slot") {
				t.Errorf("the report is %s, want the words %q", body, c.words)
			}
			if wantAnalyses := map[bool]int{true: 0, false: 1}[c.storage == aurora.StoreFigures]; s.analyses != wantAnalyses {
				t.Errorf("the call was analysed %d times, want %d", s.analyses, wantAnalyses)
			}
		})
	}
}

// TestFault124 loses the reply of the bucket and requests and replies of DynamoDB, while facts about the call still come: a run that
// failed between the report and its mark writes the same report again.
func TestFault124(t *testing.T) {
	testkit.DiscardLog(t)
	for _, every := range []int64{0, 5, 7} {
		t.Run(fmt.Sprintf("fault 124: every %d", every), func(t *testing.T) {
			s := newStack(t, riley)
			s.startCall()
			s.signal(s.action)
			s.bucket.lost = 1
			s.network.Every.Store(every)
			s.now = s.now.Add(endofcall.FinishDelay)
			first := s.tasks[0].task
			body, _ := json.Marshal(first)
			_, _ = s.consume(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: string(body)}}}) // and the process dies
			s.network.Every.Store(0)
			s.signal(s.status)
			s.network.Every.Store(every)
			s.run()
			s.deliver(s.done...)
			s.network.Every.Store(0)
			row, reports := s.row(), s.bucket.reports()
			if len(reports) != 1 || row.Seconds == nil || *row.Seconds != 61 || s.analyses != 1 {
				t.Errorf("the reports are %v, analysed %d times, and the row is %+v", reports, s.analyses, row)
			}
		})
	}
}
