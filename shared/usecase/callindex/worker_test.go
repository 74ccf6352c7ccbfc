package callindex_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/testkit"
)

// firstReport is the report of one call with two ids, without speech.
const firstReport = `"call":{"id":"v1","assistantId":"riley","phoneCallProviderId":"CA1"},"endedAt":"2026-11-18T15:04:42Z"`

func TestWorkerFindsAssistantByNumber(t *testing.T) {
	f := newFixture()
	f.store(t, `"call":{"id":"c1"},"phoneNumber":{"number":"+1 555 123 0100"},"endedAt":"2026-11-18T15:04:42Z"`)
	f.store(t, `"call":{"id":"c2"},"phoneNumber":{"number":"+15559999999"},"endedAt":"2026-11-18T15:04:42Z"`)
	f.store(t, `"call":{"id":"c3","assistantId":"../x"},"endedAt":"2026-11-18T15:04:42Z"`)
	f.deliverAll(t)
	for id, want := range map[string]string{"c1": "riley", "c2": "_", "c3": "_"} {
		if _, ok := f.rows[aurora.CallKey{AssistantID: want, Day: "2026-11-18", CallID: id}]; !ok {
			t.Errorf("call %s has no row of assistant %s; the rows are %v", id, want, f.rows)
		}
	}
	f.worker.Assistants = &testkit.Assistants{Err: fault.New(fault.Unavailable, "The assistants cannot be read now.")}
	if err := f.worker.ObjectCreated(t.Context(), "eoc/_/2026/11/18/c1.json"); err == nil {
		t.Error("a report was indexed without its assistant while the table of assistants was unreachable")
	}
}

func TestWorkerIgnoresOtherObjects(t *testing.T) {
	f := newFixture()
	for _, key := range []string{"reports/riley/weekly/2026-11-16T0000/report.html", "eoc/riley/2026/11/18/deleted.json"} {
		f.deliver(t, key)
	}
	if len(f.rows) != 0 {
		t.Errorf("there are rows: %v", f.rows)
	}
}

func TestRowKeepsDayAndTakesNewestReport(t *testing.T) {
	f := newFixture()
	for _, fields := range []string{
		`"timestamp":1795014286704,"call":{"id":"v1","assistantId":"riley","transport":{"callSid":"CA1"}},"endedAt":"2026-11-18T23:59:59Z","cost":1`,
		`"timestamp":1795014286705,"call":{"id":"CA1","assistantId":"riley"},"endedAt":"2026-11-19T00:00:01Z","cost":2`,
		`"timestamp":1795014286703,"call":{"id":"v1","assistantId":"riley"},"endedAt":"2026-11-17T00:00:01Z","cost":3`,
	} {
		f.deliver(t, f.store(t, fields))
	}
	c := f.row(t)
	if want := (aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: "v1"}); c.CallKey != want {
		t.Errorf("the row lies at %+v, want %+v", c.CallKey, want)
	}
	if *c.Cost != 2 {
		t.Errorf("the row has the cost %v, want 2 of the newest report", *c.Cost)
	}
}

// A call of which no time is known counts at the time when its report arrived.
func TestReportWithoutTimesCountsAtArrival(t *testing.T) {
	f := newFixture()
	key := f.store(t, `"call":{"id":"v1","assistantId":"riley"}`)
	f.deliverAll(t)
	c := f.row(t)
	if arrived := f.objects[key].written; !c.CountedAt().Equal(arrived) {
		t.Errorf("the call counts at %v, want %v", c.CountedAt(), arrived)
	}
	if c.Day != "2026-11-18" {
		t.Errorf("the row's day is %s, want 2026-11-18", c.Day)
	}
}

// The worker dies before each of its calls to a store in turn; the notification is delivered again.
func TestFault43CrashDuringIndexing(t *testing.T) {
	for calls := 0; ; calls++ {
		f := newFixture()
		key := f.store(t, firstReport)
		left := calls
		w := *f.worker
		w.Index = newIndex(crashingStore{f.memory, &left}, crashingStore{f.memory, &left})
		err := w.ObjectCreated(t.Context(), key)
		f.deliverAll(t)
		if len(f.rows) != 1 || len(f.aliases) != 2 {
			t.Fatalf("after a crash at call %d there are %d rows and %d alias records, want 1 and 2: %v %v", calls, len(f.rows), len(f.aliases), f.rows, f.aliases)
		}
		if err == nil {
			if calls < 6 {
				t.Errorf("the worker called its stores only %d times", calls)
			}
			return
		}
	}
}

// crashingStore fails every call once it has served *left calls.
type crashingStore struct {
	*memory
	left *int
}

func (s crashingStore) countCall() error {
	if *s.left--; *s.left < 0 {
		return errCrash
	}
	return nil
}

func (s crashingStore) Alias(ctx context.Context, name string) (aurora.CallAlias, bool, error) {
	if err := s.countCall(); err != nil {
		return aurora.CallAlias{}, false, err
	}
	return s.memory.Alias(ctx, name)
}

func (s crashingStore) CreateAlias(ctx context.Context, a aurora.CallAlias) (bool, error) {
	if err := s.countCall(); err != nil {
		return false, err
	}
	return s.memory.CreateAlias(ctx, a)
}

func (s crashingStore) Row(ctx context.Context, key aurora.CallKey) (aurora.Call, bool, error) {
	if err := s.countCall(); err != nil {
		return aurora.Call{}, false, err
	}
	return s.memory.Row(ctx, key)
}

func (s crashingStore) Put(ctx context.Context, c aurora.Call) (bool, error) {
	if err := s.countCall(); err != nil {
		return false, err
	}
	return s.memory.Put(ctx, c)
}

func (s crashingStore) Read(ctx context.Context, key string) (body []byte, written time.Time, err error) {
	if err := s.countCall(); err != nil {
		return nil, written, err
	}
	return s.memory.Read(ctx, key)
}

func (s crashingStore) Create(ctx context.Context, key string, body []byte, hash string) (bool, error) {
	if err := s.countCall(); err != nil {
		return false, err
	}
	return s.memory.Create(ctx, key, body, hash)
}

// crashingAnalyser crashes after it has answered, when the model is paid for.
type crashingAnalyser struct {
	*fakeAnalyser
	left *int
}

func (a crashingAnalyser) Analyse(ctx context.Context, assistant aurora.Assistant, r providermsg.EndOfCall, transcript []providermsg.Utterance) (aurora.AnalysisResult, error) {
	result, err := a.fakeAnalyser.Analyse(ctx, assistant, r, transcript)
	return result, errors.Join(err, crashingStore{left: a.left}.countCall())
}

func TestExpiredAliases(t *testing.T) {
	f := newFixture()
	f.store(t, firstReport)
	f.deliverAll(t)
	delete(f.aliases, "v1") // the root has expired, its child has not
	clear(f.rows)
	f.deliverAll(t)
	f.deliverAll(t)
	if len(f.rows) != 1 {
		t.Errorf("there are %d rows, want 1: %v %v", len(f.rows), f.rows, f.aliases)
	}
}

func TestConcurrentWorkersWriteOneRow(t *testing.T) {
	f := newFixture()
	for i := range 20 {
		f.store(t, fmt.Sprintf(`"timestamp":%d,"call":{"id":%q,"assistantId":%q},"session":{"callSid":"CA1","streamSid":"MZ1"},"callId":"v1","endedAt":"2026-11-18T15:04:42Z","n":%d`,
			1795014286704+i, []string{"v1", "CA1", "MZ1"}[i%3], []string{"", "riley"}[i%2], i))
	}
	var wg sync.WaitGroup
	for _, key := range f.reportKeys() {
		for range 3 {
			wg.Go(func() {
				for f.worker.ObjectCreated(t.Context(), key) != nil { // SQS delivers the message again
				}
			})
		}
	}
	wg.Wait()
	c := f.row(t)
	if c.AssistantID != "riley" {
		t.Errorf("the row belongs to %s, want riley", c.AssistantID)
	}
	if !strings.HasPrefix(c.Version, "01795014286723-") {
		t.Errorf("the row has version %s, want the newest report's", c.Version)
	}
}
