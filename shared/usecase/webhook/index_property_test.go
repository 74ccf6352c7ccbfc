package webhook_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/webhook"
)

var errCrash = errors.New("the process died")

// What happens to one call of a store.
const (
	succeeds      = iota
	crashesBefore // the process dies, the call was never made
	crashesAfter  // the process dies, the call was made
	replyIsLost   // the call is made, its reply lost, and the SDK makes it again
)

// indexWorker indexes one report, one call of a store at a time.
type indexWorker struct {
	report int
	next   func() (struct{}, bool)
	stop   func()
	fate   int
	err    error
}

// steppedStore stops before each call of a store, so that the test decides who goes on and how it ends.
type steppedStore struct {
	*memory
	w     *indexWorker
	yield func(struct{}) bool
}

func step[T any](g steppedStore, call func() (T, error)) (T, error) {
	var zero T
	if !g.yield(struct{}{}) || g.w.fate == crashesBefore {
		return zero, errCrash
	}
	v, err := call()
	switch g.w.fate {
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

func (g steppedStore) Alias(ctx context.Context, name string) (aurora.CallAlias, bool, error) {
	f, err := step(g, func() (f lookup[aurora.CallAlias], err error) { f.v, f.ok, err = g.memory.Alias(ctx, name); return })
	return f.v, f.ok, err
}
func (g steppedStore) CreateAlias(ctx context.Context, a aurora.CallAlias) (bool, error) {
	return step(g, func() (bool, error) { return g.memory.CreateAlias(ctx, a) })
}
func (g steppedStore) UpdateAlias(ctx context.Context, a aurora.CallAlias) (bool, error) {
	return step(g, func() (bool, error) { return g.memory.UpdateAlias(ctx, a) })
}
func (g steppedStore) Row(ctx context.Context, at aurora.CallKey) (aurora.Call, bool, error) {
	f, err := step(g, func() (f lookup[aurora.Call], err error) { f.v, f.ok, err = g.memory.Row(ctx, at); return })
	return f.v, f.ok, err
}
func (g steppedStore) Put(ctx context.Context, c aurora.Call) error {
	_, err := step(g, func() (bool, error) { return true, g.memory.Put(ctx, c) })
	return err
}
func (g steppedStore) Delete(ctx context.Context, c aurora.Call) (bool, error) {
	return step(g, func() (bool, error) { return g.memory.Delete(ctx, c) })
}

type told struct {
	names     []string
	assistant string
	version   string
}

// TestOneCallIsOneRow: whatever several reports about one call bring, in whatever order their steps interleave, however
// often each is delivered and wherever workers die, there is one row in the end, and it says what the newest report said.
func TestOneCallIsOneRow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reports := drawReports(t)
		stores := newMemory()
		clock := noon
		start := func(report int) *indexWorker {
			w := &indexWorker{report: report}
			r := reports[report]
			w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
				g := steppedStore{stores, w, yield}
				x := webhook.Index{Aliases: g, Rows: g, Now: func() time.Time { return clock }, Retention: time.Hour}
				w.err = x.Add(context.Background(), r.names, aurora.Call{Version: r.version,
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
				t.Fatal("it never ends")
			}
			i := rapid.IntRange(0, len(waiting)-1).Draw(t, "who")
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
			if w.err != nil { // SQS delivers it again
				waiting = append(waiting, start(w.report))
			}
		}
		checkOneRow(t, stores, reports)
	})
}

func drawReports(t *rapid.T) []told {
	pool := []string{"a", "b", "c", "d", "e"}
	known := []string{}
	var reports []told
	for i := range rapid.IntRange(1, 4).Draw(t, "reports") {
		names := rapid.Permutation(pool).Draw(t, "names")[:rapid.IntRange(1, 3).Draw(t, "n")]
		if i > 0 { // all are about one call: each shares a name with one before it
			names[rapid.IntRange(0, len(names)-1).Draw(t, "at")] = rapid.SampledFrom(known).Draw(t, "shared")
		}
		r := told{assistant: rapid.SampledFrom([]string{"_", "riley"}).Draw(t, "assistant"), version: fmt.Sprintf("%d", rapid.IntRange(0, 99).Draw(t, "v")*10+i+1000)}
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

func checkOneRow(t *rapid.T, stores *memory, reports []told) {
	newest, assistant := "", "_"
	for _, r := range reports {
		newest = max(newest, r.version)
		if r.assistant != "_" {
			assistant = r.assistant
		}
	}
	if len(stores.rows) != 1 {
		t.Fatalf("%d rows: %v\nof %v\nrecords %v", len(stores.rows), stores.rows, reports, stores.aliases)
	}
	for at, row := range stores.rows {
		if row.Version != newest || at.AssistantID != assistant || row.CallKey != at {
			t.Fatalf("the row is %+v, want version %s of %s", row, newest, assistant)
		}
		for _, r := range reports {
			for _, name := range r.names {
				record := stores.aliases[name]
				for record.Parent != "" {
					record = stores.aliases[record.Parent]
				}
				if n := len(record.RowKeys); n == 0 || record.RowKeys[n-1] != at {
					t.Fatalf("%s leads to %v, not to %v", name, record.RowKeys, at)
				}
			}
		}
	}
}
