package endofcall_test

import (
	"bytes"
	"context"
	"maps"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/usecase/endofcall"
)

// fixture is a Service over stores in memory.
type fixture struct {
	*endofcall.Service
	store   *store
	now     time.Time
	reports [][]byte // each different one once, as a bucket stores them
	rows    []aurora.Call
	delays  []time.Duration // of the tasks that were sent and not yet run
	counted map[string]int
	fail    map[string]error // by the method's name; used once, after it took effect
	storage aurora.Storage
}

func newFixture(t *testing.T, call aurora.PhoneCall) *fixture {
	f := &fixture{store: &store{call: call, turns: newTurns(t), fail: map[string]error{}}, now: after(66), counted: map[string]int{}, fail: map[string]error{}}
	f.Service = &endofcall.Service{Calls: f.store, Archive: f, Rows: f, Tasks: f, Assistants: f, Now: func() time.Time { return f.now },
		Count: func(_ context.Context, metric string) { f.counted[metric]++ }}
	return f
}

func (f *fixture) once(name string) error {
	err := f.fail[name]
	delete(f.fail, name)
	return err
}

func (f *fixture) StoreReport(_ context.Context, body []byte) error {
	for _, other := range f.reports {
		if bytes.Equal(other, body) {
			return f.once("StoreReport")
		}
	}
	f.reports = append(f.reports, body)
	return f.once("StoreReport")
}

func (f *fixture) Upsert(_ context.Context, _ []string, c aurora.Call) (aurora.Call, error) {
	f.rows = append(f.rows, c)
	return c, f.once("Upsert")
}

func (f *fixture) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	if task.Kind != aurora.PhoneTaskFinish || task.CallSID != sid {
		panic("another task")
	}
	f.delays = append(f.delays, delay)
	return nil
}

func (f *fixture) ByID(context.Context, string) (aurora.Assistant, error) {
	return aurora.Assistant{Storage: f.storage, RetentionDays: 30}, nil
}

func (f *fixture) ByNumber(context.Context, aurora.Phone) (aurora.Assistant, error) {
	return aurora.Assistant{}, fault.New(fault.NotFound, "none")
}

// finish runs the task, and every task that it sends when its time has come, until none is left. It returns the time that passed.
func (f *fixture) finish(t *testing.T) time.Duration {
	t.Helper()
	begin := f.now
	for runs := 0; ; runs++ {
		if err := f.Finish(t.Context(), sid); err != nil {
			t.Fatal(err)
		}
		if len(f.delays) == 0 {
			return f.now.Sub(begin)
		}
		if runs > 50 {
			t.Fatalf("the task is sent again and again, last with the delay %v", f.delays)
		}
		f.now, f.delays = f.now.Add(f.delays[0]), f.delays[1:]
	}
}

func TestFinishWaitsUntilTheCallIsOver(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*aurora.PhoneCall)
		want   time.Time // when the report is stored
	}{
		"all signals":               {func(*aurora.PhoneCall) {}, after(85.5)},
		"request after the session": {func(c *aurora.PhoneCall) { c.End = aurora.CallEnd{ActionAt: after(65), SessionStatus: "completed"} }, after(85)},
		"and the connection is open": {func(c *aurora.PhoneCall) {
			c.ConnectionID, c.End = "x", aurora.CallEnd{ActionAt: after(65), SessionStatus: "completed"}
		}, after(85)},
		"session failed": {func(c *aurora.PhoneCall) {
			c.End = aurora.CallEnd{ActionAt: after(65), SessionStatus: "failed", ErrorCode: "64105"}
		}, after(125)},
		"to be resumed": {func(c *aurora.PhoneCall) {
			c.End = aurora.CallEnd{ActionAt: after(65), SessionStatus: "failed", ErrorCode: "64105", Resumed: true}
		}, after(365)},
		"status only": {func(c *aurora.PhoneCall) {
			c.ConnectionID, c.End = "x", aurora.CallEnd{StatusAt: after(65), Status: aurora.CallCompleted}
		}, after(85)},
		"connection lost":                 {func(c *aurora.PhoneCall) { c.End = aurora.CallEnd{DisconnectedAt: after(65)} }, after(125)},
		"fault 123: connected, no signal": {func(c *aurora.PhoneCall) { c.ConnectionID, c.End = "x", aurora.CallEnd{} }, after(64 + 30*60)},
		"never connected, no signal":      {func(c *aurora.PhoneCall) { c.ConnectedAt, c.End = time.Time{}, aurora.CallEnd{} }, after(15 * 60)},
		"recording is missing":            {func(c *aurora.PhoneCall) { c.Recorded = true }, after(185.5)},
		"recording is there":              {func(c *aurora.PhoneCall) { c.Recorded, c.End.RecordingURL = true, "https://api.example.com/RE1" }, after(85.5)},
		"transfer without an end":         {func(c *aurora.PhoneCall) { c.End = aurora.CallEnd{ActionAt: after(65), Transferred: true} }, after(66 + 20*15*60)},
	} {
		t.Run(name, func(t *testing.T) {
			call := newCall()
			c.change(&call)
			f := newFixture(t, call)
			f.finish(t)
			if len(f.reports) != 1 || !f.store.call.Report.At.Equal(c.want) || !f.store.call.Report.Stored || f.store.call.Generation != 1 {
				t.Errorf("%d reports, the last at %v; want one at %v", len(f.reports), f.store.call.Report.At, c.want)
			}
			if got := f.counted[endofcall.MetricWithoutSignal]; (got == 1) != (call.End == aurora.CallEnd{}) {
				t.Errorf("counted %d calls without a signal", got)
			}
		})
	}
}

// A call that goes on is not over: its session was resumed, its connection is back, or the dialled leg still talks.
func TestFinishLeavesLiveCalls(t *testing.T) {
	for name, call := range map[string]func(*aurora.PhoneCall){
		"resumed": func(c *aurora.PhoneCall) {
			c.ConnectionID, c.Resumes, c.End = "y", 1, aurora.CallEnd{ActionAt: after(65), SessionStatus: "failed", ErrorCode: "64105"}
		},
		"reconnected": func(c *aurora.PhoneCall) { c.ConnectionID, c.End = "y", aurora.CallEnd{DisconnectedAt: after(65)} },
		"transferred": func(c *aurora.PhoneCall) {
			c.End = aurora.CallEnd{ActionAt: after(65), DisconnectedAt: after(65), Transferred: true}
		},
	} {
		t.Run(name, func(t *testing.T) {
			state := newCall()
			call(&state)
			f := newFixture(t, state)
			for minute := 2; minute < 40; minute += 10 { // the conversation goes on
				f.now, f.store.call.LastEventAt = after(float64(60*minute)), after(float64(60*minute-5))
				if err := f.Finish(t.Context(), sid); err != nil {
					t.Fatal(err)
				}
			}
			if len(f.reports) > 0 || len(f.delays) != 4 {
				t.Fatalf("%d reports and %d further tasks after 4 runs, want none and 4", len(f.reports), len(f.delays))
			}
			f.store.call.ConnectionID, f.store.call.End.TransferStatus = "", "completed"
			f.store.call.End.StatusAt, f.store.call.End.Status = after(2400), aurora.CallCompleted
			f.delays = nil
			if f.finish(t); len(f.reports) != 1 {
				t.Errorf("%d reports after the call's end, want one", len(f.reports))
			}
		})
	}
}

func TestFaultsOfTheEnd(t *testing.T) {
	t.Run("no state", func(t *testing.T) {
		f := newFixture(t, newCall())
		f.store.missing = true
		if f.finish(t); len(f.reports) != 0 {
			t.Error("a report of a call that is not stored")
		}
	})
	t.Run("fault 120: duplicate signals, each with a task", func(t *testing.T) {
		f := newFixture(t, newCall())
		f.now = after(90)
		for range 4 {
			f.finish(t)
		}
		if len(f.reports) != 1 || len(f.rows) != 0 {
			t.Errorf("%d reports and %d further writes of the row, want one and none", len(f.reports), len(f.rows))
		}
	})
	t.Run("fault 124: crash between the report and its mark", func(t *testing.T) {
		f := newFixture(t, newCall())
		f.now = after(90)
		f.fail["StoreReport"] = errBroken // stored, and the reply is lost
		if err := f.Finish(t.Context(), sid); err == nil {
			t.Fatal("the task did not fail")
		}
		f.now, f.store.call.End.RecordingURL = after(120), "https://api.example.com/RE1" // meanwhile
		f.finish(t)
		if len(f.reports) != 1 || !f.store.call.Report.Stored {
			t.Errorf("%d different reports, want one", len(f.reports))
		}
		if len(f.rows) != 1 || f.rows[0].Recording != "https://api.example.com/RE1" {
			t.Errorf("the row got %+v, want the recording", f.rows)
		}
	})
	t.Run("mark cannot be written", func(t *testing.T) {
		f := newFixture(t, newCall())
		f.now = after(90)
		f.store.during = func() { f.store.fail["Turns"] = errBroken }
		if err := f.Finish(t.Context(), sid); err == nil {
			t.Fatal("the task did not fail")
		}
		if f.finish(t); len(f.reports) != 1 {
			t.Errorf("%d different reports, want one", len(f.reports))
		}
	})
	t.Run("signal while the report is begun", func(t *testing.T) {
		call := newCall()
		call.End = aurora.CallEnd{DisconnectedAt: after(65)}
		f := newFixture(t, call)
		f.now = after(130)
		f.store.during = func() { f.store.call.ConnectionID, f.store.call.LastEventAt = "y", after(129) } // the connection is back
		if err := f.Finish(t.Context(), sid); err != nil || len(f.reports) != 0 || len(f.delays) != 1 {
			t.Errorf("%v, %d reports, %d tasks; want another task", err, len(f.reports), len(f.delays))
		}
	})
	t.Run("outbound call that never connected", func(t *testing.T) {
		call := newCall()
		call.Direction, call.ConnectedAt, call.RecordID = aurora.DirectionOutbound, time.Time{}, "record-1"
		call.End = aurora.CallEnd{StatusAt: after(20), Status: aurora.CallBusy}
		f := newFixture(t, call)
		if f.finish(t); len(f.reports) != 0 {
			t.Errorf("%d reports, want none: the row comes from the record", len(f.reports))
		}
	})
}

func TestFactsAfterTheReport(t *testing.T) {
	call := newCall()
	call.End = aurora.CallEnd{ActionAt: after(65), SessionStatus: "completed", SessionSeconds: pointer(64.0)}
	for name, c := range map[string]struct {
		storage   aurora.Storage
		recording string
	}{"everything": {"", "https://api.example.com/RE1"}, "without personal data": {aurora.StoreWithoutPersonalData, ""}, "figures": {aurora.StoreFigures, ""}} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, call)
			f.storage = c.storage
			f.finish(t)
			f.now = after(90)
			end := &f.store.call.End
			end.StatusAt, end.Status, end.Seconds, end.RecordingURL = after(70), aurora.CallCompleted, pointer(66.0), "https://api.example.com/RE1"
			f.finish(t)
			f.finish(t)
			if len(f.reports) != 1 || len(f.rows) != 1 {
				t.Fatalf("%d reports and %d further writes of the row, want one of each", len(f.reports), len(f.rows))
			}
			got := f.rows[0]
			if got.Recording != c.recording || got.Seconds == nil || *got.Seconds != 66 || got.ObjectKey != "" || got.Spoke || got.AssistantID != "riley" ||
				got.Day != "2026-11-20" || got.RetentionDays != 30 || got.Version <= aurora.NewVersion(after(86), after(86), "eoc/x") {
				t.Errorf("the row got %+v", got)
			}
		})
	}
	t.Run("newer facts meanwhile", func(t *testing.T) {
		f := newFixture(t, call)
		f.finish(t)
		f.store.call.End.DisconnectedAt = after(66)
		f.store.during = func() { f.store.call.End.RecordingURL = "https://api.example.com/RE1" }
		f.finish(t)
		if last := f.rows[len(f.rows)-1]; last.Recording == "" {
			t.Errorf("the last write of the row is %+v, want the newest facts", last)
		}
	})
}

// What happened to a conversation is counted when its report is stored, and not again.
func TestConversationsAreCounted(t *testing.T) {
	call := newCall()
	call.OutOfOrder, call.Drops, call.Resumes = 2, 1, 1
	f := newFixture(t, call)
	counted := map[string]int64{}
	ctx := metric.WithRecorder(t.Context(), func(_ context.Context, s metric.Sample) { counted[s.Name] += s.Value })
	for range 3 {
		f.now = f.now.Add(time.Minute)
		if err := f.Finish(ctx, sid); err != nil {
			t.Fatal(err)
		}
	}
	if want := map[string]int64{"PhoneOutOfOrder": 2, "PhoneDropped": 1, "PhoneResumed": 1}; !maps.Equal(counted, want) {
		t.Errorf("counted %v, want %v", counted, want)
	}
}
