package trace_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/trace"
)

func TestNewName(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "gpt-4o-2024-08-06": "gpt-4o-2024-08-06", "openai/gpt-5": "openai/gpt-5", "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4": "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4",
		"CA00000000000000000000000000000001": "CA00000000000000000000000000000001", "customer-ended-call": "customer-ended-call",
		"Maria Lopez": "other", "+14155550100": "other", "14155550100": "other", "caller-4155550100": "other", "a@example.com": "other",
		"call me back, please": "other", "émile": "other", strings.Repeat("a", 101): "other",
	} {
		if got := trace.NewName(in).String(); got != want {
			t.Errorf("NewName(%q) is %q, want %q", in, got, want)
		}
	}
}

func TestNewKey(t *testing.T) {
	for _, kept := range []string{"", "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", "CA00000000000000000000000000000001"} {
		if got := trace.NewKey(kept).String(); got != kept {
			t.Errorf("NewKey(%q) is %q", kept, got)
		}
	}
	for _, hidden := range []string{"+14155550100", "14155550100", "maria-lopez", "c1"} {
		key := trace.NewKey(hidden)
		if strings.Contains(key.String(), hidden) || !strings.HasPrefix(key.String(), "h-") {
			t.Errorf("NewKey(%q) is %q, want a hash", hidden, key)
		}
		if again := trace.NewKey(key.String()); again != key {
			t.Errorf("the key of the key %q is %q", key, again)
		}
	}
}

// store remembers what is written. err is returned first.
type store struct {
	mu      sync.Mutex
	records []trace.Record
	writes  int
	err     error
}

func (s *store) Write(ctx context.Context, records []trace.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := ctx.Deadline(); !ok {
		return errors.New("a write without a limit")
	}
	s.writes++
	s.records = append(s.records, records...)
	return s.err
}

func finish(ctx context.Context, w *trace.Writer, callID string, wait bool, complete func(*trace.Record)) trace.Record {
	ctx, r := trace.New(logfields.New(ctx))
	logfields.Set(ctx, logfields.CallID, callID)
	r.Begin(trace.KindTurn, time.Now(), time.Now, w)
	record, _ := r.Finish(ctx, wait, complete)
	return record
}

func TestRecordOfATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		ctx, r := trace.New(logfields.New(t.Context()))
		r.Begin(trace.KindTurn, time.Now(), time.Now, &trace.Writer{Store: s, Sample: 100})
		logfields.Set(ctx, logfields.CallSID, "CA00000000000000000000000000000001", logfields.CallID, "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", logfields.AssistantVersion, "7")
		trace.ReadAssistant(ctx, "table", 3*time.Millisecond)
		trace.ReadAssistant(ctx, "cache", 0) // of a handoff
		slow := trace.AskModel(ctx, "gpt-slow", "slow.example.com")
		time.Sleep(2500 * time.Millisecond)
		slow.End("failed", fault.New(fault.Timeout, "Late.").WithCode("upstream_timeout"))
		fast := trace.AskModel(ctx, "gpt-fast", "fast.example.com")
		time.Sleep(400 * time.Millisecond)
		fast.FirstChunk()
		r.Sent()
		time.Sleep(100 * time.Millisecond)
		fast.End("answered", nil)
		trace.RanTool(ctx, "look_up", 50, "timeout")
		trace.HandedOff(ctx, "billing")
		r.Finish(ctx, true, func(*trace.Record) {})
		r.Sent()
		trace.RanTool(ctx, "late", 1, "") // after the end
		if len(s.records) != 1 {
			t.Fatalf("%d records are stored, want 1", len(s.records))
		}
		b, err := json.Marshal(s.records[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			`"gen_ai.conversation.id":["a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4","CA00000000000000000000000000000001"]`, `"gen_ai.agent.version":"7"`,
			`"aurora.assistant.source":"table"`, `{"at_ms":0,"gen_ai.request.model":"gpt-slow","server.address":"slow.example.com","aurora.duration_ms":2500,"aurora.outcome":"failed","error.type":"upstream_timeout"}`,
			`{"at_ms":2500,"gen_ai.request.model":"gpt-fast","server.address":"fast.example.com","gen_ai.response.time_to_first_chunk":0.4,"aurora.duration_ms":500,"aurora.outcome":"answered"}`,
			`"aurora.first_byte_ms":2900`, `{"at_ms":2950,"gen_ai.tool.name":"look_up","aurora.duration_ms":50,"error.type":"timeout"}`, `{"at_ms":3000,"gen_ai.agent.name":"billing"}`,
		} {
			if !strings.Contains(string(b), want) {
				t.Errorf("the record has no %s:\n%s", want, b)
			}
		}
		if strings.Contains(string(b), "late\"") {
			t.Errorf("the record has a tool that ended after it:\n%s", b)
		}
		var back trace.Record
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if again, _ := json.Marshal(back); string(again) != string(b) {
			t.Errorf("read back, the record is\n%s\nwant\n%s", again, b)
		}
	})
}

func TestSample(t *testing.T) {
	s := &store{}
	w := &trace.Writer{Store: s, Sample: 30}
	stored := 0
	for i := range 1000 {
		id := strconv.Itoa(i)
		before := len(s.records)
		for range 2 { // a call is stored whole or not at all
			finish(t.Context(), w, "c"+id, true, func(*trace.Record) {})
		}
		if n := len(s.records) - before; n == 1 {
			t.Fatal("one of two records of a call is stored")
		} else if n == 2 {
			stored++
		}
	}
	if stored < 220 || stored > 380 {
		t.Errorf("%d of 1000 calls are stored, want about 300", stored)
	}
	w.Sample = 0
	before := len(s.records)
	for name, complete := range map[string]func(*trace.Record){
		"an error":          func(r *trace.Record) { r.Code = trace.NewName("upstream_error") },
		"a fallback":        func(r *trace.Record) { r.Turn.IsFallback = true },
		"a late first word": func(r *trace.Record) { ms := int64(2501); r.Turn.FirstWordMs = &ms },
		"a failed tool":     func(r *trace.Record) { r.Tools = []trace.Tool{{Code: trace.NewName("timeout")}} },
	} {
		finish(t.Context(), w, "c", true, complete)
		if len(s.records) != before+1 {
			t.Errorf("%s is not stored", name)
		}
		before = len(s.records)
	}
}

// A write that fails is counted, and the record is the log's.
func TestWriteFails(t *testing.T) {
	s := &store{err: errors.New("away")}
	counted := ""
	ctx := metric.WithRecorder(t.Context(), func(_ context.Context, m metric.Sample) { counted = m.Name })
	if r := finish(ctx, &trace.Writer{Store: s, Sample: 100}, "c1", true, func(*trace.Record) {}); r.ID.IsZero() {
		t.Error("there is no record for the log")
	}
	if counted != "TraceNotWritten" {
		t.Errorf("the metric %q is counted", counted)
	}
	finish(ctx, &trace.Writer{Store: s, Sample: 100}, "", true, func(*trace.Record) {})
	if s.writes != 1 {
		t.Errorf("%d writes, want none for a turn without a call", s.writes)
	}
}

// Records whose answer must not wait are written in the background.
func TestWriteInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		w := &trace.Writer{Store: s, Sample: 100}
		s.mu.Lock() // the store does not answer
		finish(t.Context(), w, "c1", false, func(*trace.Record) {})
		s.mu.Unlock()
		synctest.Wait()
		if len(s.records) != 1 {
			t.Errorf("%d records are stored, want 1", len(s.records))
		}
	})
}
