package callindex_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/callindex"
)

var errCrash = errors.New("the process died")

// What happens to one call of a store.
const (
	succeeds      = iota
	crashesBefore // the process dies before the call is made
	crashesAfter  // the process dies after the call was made
	replyIsLost   // the call is made, its reply is lost, and the SDK repeats the call
)

// indexWorker indexes one report, one call of a store at a time.
type indexWorker struct {
	report int
	next   func() (struct{}, bool)
	stop   func()
	fate   int // of the next call
	stored aurora.Call
	err    error
}

// steppedStore stops before each call of a store, so that the test decides which worker goes on and how its call ends.
type steppedStore struct {
	*memory
	w     *indexWorker
	yield func(struct{}) bool
}

func step[T any](s steppedStore, call func() (T, error)) (T, error) {
	var zero T
	if !s.yield(struct{}{}) || s.w.fate == crashesBefore {
		return zero, errCrash
	}
	v, err := call()
	switch s.w.fate {
	case crashesAfter:
		return zero, errCrash
	case replyIsLost:
		return call()
	}
	return v, err
}

type lookup[T any] struct {
	v  T
	ok bool
}

func (s steppedStore) Alias(ctx context.Context, name string) (aurora.CallAlias, bool, error) {
	l, err := step(s, func() (l lookup[aurora.CallAlias], err error) {
		l.v, l.ok, err = s.memory.Alias(ctx, name)
		return l, err
	})
	return l.v, l.ok, err
}

func (s steppedStore) CreateAlias(ctx context.Context, a aurora.CallAlias) (bool, error) {
	return step(s, func() (bool, error) { return s.memory.CreateAlias(ctx, a) })
}

func (s steppedStore) UpdateAlias(ctx context.Context, a aurora.CallAlias) (bool, error) {
	return step(s, func() (bool, error) { return s.memory.UpdateAlias(ctx, a) })
}

func (s steppedStore) Row(ctx context.Context, key aurora.CallKey) (aurora.Call, bool, error) {
	l, err := step(s, func() (l lookup[aurora.Call], err error) {
		l.v, l.ok, err = s.memory.Row(ctx, key)
		return l, err
	})
	return l.v, l.ok, err
}

func (s steppedStore) Put(ctx context.Context, c aurora.Call) (bool, error) {
	return step(s, func() (bool, error) { return s.memory.Put(ctx, c) })
}

func (s steppedStore) Delete(ctx context.Context, c aurora.Call) (bool, error) {
	return step(s, func() (bool, error) { return s.memory.Delete(ctx, c) })
}

// indexedReport is what one report says of the call.
type indexedReport struct {
	names     []string
	assistant string
	version   string
}

// Several reports about one call are indexed. The steps of their workers interleave in any order, messages are
// delivered more than once, and workers die. In the end there is one row, and it has the newest report's version.
func TestOneCallIsOneRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reports := drawReports(t, "_", "riley")
		stores := newMemory()
		indexInAnyOrder(t, stores, reports)
		checkOneRow(t, stores, reports)
	})
}

// Two assistants have calls with the same ids. In the end each has one row, with the newest version of its own reports.
func TestCallsOfTwoAssistantsStaySeparate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		riley, avery := drawReports(t, "riley"), drawReports(t, "avery")
		stores := newMemory()
		indexInAnyOrder(t, stores, append(slices.Clone(riley), avery...))
		for assistant, reports := range map[string][]indexedReport{"riley": riley, "avery": avery} {
			newest := ""
			for _, r := range reports {
				newest = max(newest, r.version)
			}
			var rows []aurora.Call
			for key, row := range stores.rows {
				if key.AssistantID == assistant {
					rows = append(rows, row)
				}
			}
			if len(rows) != 1 || rows[0].Version != newest {
				t.Fatalf("rows of %s: %+v, want one of version %s\nof the reports %v and %v\nalias records %v", assistant, rows, newest, riley, avery, stores.aliases)
			}
		}
	})
}

// indexInAnyOrder indexes reports by workers that interleave, die and get messages again.
func indexInAnyOrder(t *rapid.T, stores *memory, reports []indexedReport) {
	clock := noon
	start := func(report int) *indexWorker {
		w := &indexWorker{report: report}
		r := reports[report]
		w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
			s := steppedStore{stores, w, yield}
			x := callindex.Index{Aliases: s, Rows: s, Now: func() time.Time { return clock }, Retention: time.Hour}
			w.stored, w.err = x.Upsert(context.Background(), r.names, aurora.Call{Version: r.version,
				CallKey: aurora.CallKey{AssistantID: r.assistant, Day: fmt.Sprintf("2026-11-%02d", 18+report)}})
		})
		return w
	}
	var waiting []*indexWorker
	for i := range reports {
		for range rapid.IntRange(1, 2).Draw(t, "deliveries") {
			waiting = append(waiting, start(i))
		}
	}
	defer func() {
		for _, w := range waiting {
			w.stop()
		}
	}()
	accidents := rapid.IntRange(0, 6).Draw(t, "accidents")
	for steps := 0; len(waiting) > 0; steps++ {
		if steps > 5000 {
			t.Fatal("the workers do not come to an end within 5000 steps")
		}
		i := rapid.IntRange(0, len(waiting)-1).Draw(t, "worker")
		w := waiting[i]
		w.fate = succeeds
		if accidents > 0 {
			if w.fate = rapid.IntRange(succeeds, replyIsLost).Draw(t, "fate"); w.fate != succeeds {
				accidents--
			}
			clock = clock.Add(time.Duration(rapid.IntRange(0, 1).Draw(t, "tick")) * time.Millisecond)
		}
		if _, more := w.next(); more {
			continue
		}
		waiting = append(waiting[:i:i], waiting[i+1:]...)
		if w.err != nil { // SQS delivers the message again
			waiting = append(waiting, start(w.report))
		} else if w.stored.Version < reports[w.report].version {
			t.Fatalf("Upsert says that version %s is stored, which is older than its own %s", w.stored.Version, reports[w.report].version)
		}
	}
}

// drawReports draws reports of one call, of any of these assistants: each shares a name with an earlier one.
func drawReports(t *rapid.T, assistants ...string) []indexedReport {
	pool := []string{"a", "b", "c", "d", "e"}
	known := []string{}
	var reports []indexedReport
	for i := range rapid.IntRange(1, 4).Draw(t, "reports") {
		names := rapid.Permutation(pool).Draw(t, "names")[:rapid.IntRange(1, 3).Draw(t, "n")]
		if i > 0 {
			names[rapid.IntRange(0, len(names)-1).Draw(t, "at")] = rapid.SampledFrom(known).Draw(t, "shared")
		}
		r := indexedReport{assistant: rapid.SampledFrom(assistants).Draw(t, "assistant"), version: fmt.Sprint(rapid.IntRange(0, 99).Draw(t, "v")*10 + i + 1000)}
		seen := map[string]bool{}
		for _, name := range names {
			if !seen[name] {
				seen[name] = true
				r.names = append(r.names, name)
			}
		}
		known = append(known, r.names...)
		reports = append(reports, r)
	}
	return reports
}

func checkOneRow(t *rapid.T, stores *memory, reports []indexedReport) {
	newest, assistant := "", "_"
	for _, r := range reports {
		newest = max(newest, r.version)
		if r.assistant != "_" {
			assistant = r.assistant
		}
	}
	if len(stores.rows) != 1 {
		t.Fatalf("there are %d rows, want 1: %v\nof the reports %v\nalias records %v", len(stores.rows), stores.rows, reports, stores.aliases)
	}
	for key, row := range stores.rows {
		if row.Version != newest || key.AssistantID != assistant || row.CallKey != key {
			t.Fatalf("the row is %+v, want version %s of %s", row, newest, assistant)
		}
		for _, r := range reports {
			for _, name := range r.names {
				record := stores.aliases[name]
				for record.Parent != "" {
					record = stores.aliases[record.Parent]
				}
				if n := len(record.RowKeys); n == 0 || record.RowKeys[n-1] != key {
					t.Fatalf("the alias %s leads to %v, want %v", name, record.RowKeys, key)
				}
			}
		}
	}
}
