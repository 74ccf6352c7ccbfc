package outbound

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
	"example.com/aurora/shared/dev/testkit"
)

var errProcessDied = errors.New("the process died")

// What happens to one step of a worker.
const (
	stepSucceeds         = iota
	processDiesBefore    // the process dies, the step was never made
	processDiesAfter     // the process dies, the step was made
	replyLost            // the step is made, its reply lost, and the SDK makes it again
	stepFails            // the step is not made, and the worker is told so
	stepSucceedsButFails // the step is made, and the worker is told that it failed
)

// worker places one call, one step at a time.
type worker struct {
	key  string
	next func() (struct{}, bool)
	stop func()
	fate int
	dead bool
}

// steppedLedger stops before each step, so that the test decides who goes on and how it ends.
type steppedLedger struct {
	*fakeLedger
	provider *fakeProvider
	w        *worker
	yield    func(struct{}) bool
}

func runStep[T any](g steppedLedger, step func() (T, error)) (v T, err error) {
	if g.w.dead || !g.yield(struct{}{}) || g.w.fate == processDiesBefore {
		g.w.dead = true
		return v, errProcessDied
	}
	if g.w.fate == stepFails {
		return v, fault.New(fault.Unavailable, "away")
	}
	v, err = step()
	switch g.w.fate {
	case processDiesAfter:
		var zero T
		g.w.dead = true
		return zero, errProcessDied
	case replyLost:
		return step()
	case stepSucceedsButFails:
		var zero T
		return zero, fault.New(fault.Unavailable, "away")
	}
	return v, err
}

type optional[T any] struct {
	v  T
	ok bool
}

func (g steppedLedger) IsDoNotCall(ctx context.Context, p aurora.Phone) (bool, error) {
	return runStep(g, func() (bool, error) { return g.fakeLedger.IsDoNotCall(ctx, p) })
}
func (g steppedLedger) CreateRecord(ctx context.Context, r aurora.OutboundCall) error {
	_, err := runStep(g, func() (bool, error) { return true, g.fakeLedger.CreateRecord(ctx, r) })
	return err
}
func (g steppedLedger) Record(ctx context.Context, id string) (aurora.OutboundCall, bool, error) {
	f, err := runStep(g, func() (f optional[aurora.OutboundCall], err error) {
		f.v, f.ok, err = g.fakeLedger.Record(ctx, id)
		return
	})
	return f.v, f.ok, err
}
func (g steppedLedger) UpdateRecord(ctx context.Context, r aurora.OutboundCall) (bool, error) {
	return runStep(g, func() (bool, error) { return g.fakeLedger.UpdateRecord(ctx, r) })
}
func (g steppedLedger) ClaimSID(ctx context.Context, sid, record string) (string, error) {
	return runStep(g, func() (string, error) { return g.fakeLedger.ClaimSID(ctx, sid, record) })
}
func (g steppedLedger) AddPending(ctx context.Context, to aurora.Phone, record string) error {
	_, err := runStep(g, func() (bool, error) { return true, g.fakeLedger.AddPending(ctx, to, record) })
	return err
}
func (g steppedLedger) RemovePending(ctx context.Context, to aurora.Phone, record string) error {
	_, err := runStep(g, func() (bool, error) { return true, g.fakeLedger.RemovePending(ctx, to, record) })
	return err
}
func (g steppedLedger) Pending(ctx context.Context, to aurora.Phone) ([]string, error) {
	return runStep(g, func() ([]string, error) { return g.fakeLedger.Pending(ctx, to) })
}
func (g steppedLedger) FindClaim(ctx context.Context, key string) (idempotency.Claim, bool, error) {
	f, err := runStep(g, func() (f optional[idempotency.Claim], err error) {
		f.v, f.ok, err = g.fakeLedger.FindClaim(ctx, key)
		return
	})
	return f.v, f.ok, err
}
func (g steppedLedger) ClaimKey(ctx context.Context, c idempotency.Claim, replace string) (idempotency.Claim, error) {
	return runStep(g, func() (idempotency.Claim, error) { return g.fakeLedger.ClaimKey(ctx, c, replace) })
}
func (g steppedLedger) ReleaseKey(ctx context.Context, key, owner string) error {
	_, err := runStep(g, func() (bool, error) { return true, g.fakeLedger.ReleaseKey(ctx, key, owner) })
	return err
}
func (g steppedLedger) TakeQuota(ctx context.Context, t aurora.Quota, taker string) (bool, error) {
	return runStep(g, func() (bool, error) { return g.fakeLedger.TakeQuota(ctx, t, taker) })
}
func (g steppedLedger) ReturnQuota(ctx context.Context, t aurora.Quota) error {
	if g.w.dead || !g.yield(struct{}{}) {
		g.w.dead = true
		return errProcessDied
	}
	return g.fakeLedger.ReturnQuota(ctx, t) // it is tried once, so no fate but death makes it two
}

// CreateCall is never made twice by anything below: a lost reply is an error that says so.
func (g steppedLedger) CreateCall(ctx context.Context, d aurora.CallRequest) (string, error) {
	if g.w.dead || !g.yield(struct{}{}) || g.w.fate == processDiesBefore {
		g.w.dead = true
		return "", errProcessDied
	}
	if g.w.fate == stepFails {
		return "", errNotSent
	}
	sid, err := g.provider.CreateCall(ctx, d)
	if g.w.fate == processDiesAfter {
		g.w.dead = true
		return "", errProcessDied
	}
	if g.w.fate != stepSucceeds {
		return "", errReplyLost
	}
	return sid, err
}

func (g steppedLedger) ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.ProviderCall, error) {
	return runStep(g, func() ([]aurora.ProviderCall, error) { return g.provider.ListCalls(ctx, from, to, since) })
}

// Whatever equal requests do at once, in whatever order their steps interleave, wherever processes die, stores fail and
// replies are lost: no more than one request under a key reaches the provider.
func TestOneCallPerIdempotencyKey(t *testing.T) {
	testkit.DiscardLog(t)
	rapid.Check(t, func(rt *rapid.T) {
		b := newHarness(t)
		if rapid.Bool().Draw(rt, "never arrives") {
			b.provider.respond = func(int) (bool, error) { return false, errReplyLost }
		}
		b.sleepFunc = func(context.Context, time.Duration) bool { return true }
		posts := map[string]int{}
		start := func(key string) *worker {
			w := &worker{key: key}
			w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
				g := steppedLedger{fakeLedger: b.ledger, provider: b.provider, w: w, yield: yield}
				s := *b.Service
				s.Ledger, s.Provider = g, g
				_, _ = s.Place(context.Background(), newRequest(w.key))
			})
			return w
		}
		var waiting []*worker
		for range rapid.IntRange(2, 5).Draw(rt, "requests") {
			waiting = append(waiting, start(rapid.SampledFrom([]string{"k1", "k1", "k1", "k2"}).Draw(rt, "key")))
		}
		defer func() {
			for _, w := range waiting {
				w.dead = true
				w.stop()
			}
		}()
		again := rapid.IntRange(0, 4).Draw(rt, "again")
		accidents := rapid.IntRange(0, 8).Draw(rt, "accidents")
		for steps := 0; len(waiting) > 0; steps++ {
			if steps > 20000 {
				rt.Fatal("it never ends")
			}
			i := rapid.IntRange(0, len(waiting)-1).Draw(rt, "who")
			w := waiting[i]
			w.fate = stepSucceeds
			if accidents > 0 {
				if w.fate = rapid.IntRange(stepSucceeds, stepSucceedsButFails).Draw(rt, "fate"); w.fate != stepSucceeds {
					accidents--
				}
				b.advance(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, 16 * time.Second, time.Minute}).Draw(rt, "tick"))
			}
			before := b.provider.requestCount()
			_, more := w.next()
			if n := b.provider.requestCount() - before; n > 0 {
				if posts[w.key] += n; posts[w.key] > 1 {
					rt.Fatalf("%d requests under %s reached the provider; records %+v", posts[w.key], w.key, b.ledger.records)
				}
			}
			if more {
				continue
			}
			waiting = append(waiting[:i:i], waiting[i+1:]...)
			if again > 0 {
				again--
				waiting = append(waiting, start(w.key))
			}
		}
		checkAfterwards(rt, b, posts)
	})
}

// checkAfterwards asks once more when everything is over: a key under which a request reached the provider is never placed
// anew, and what it answers is its own call.
func checkAfterwards(rt *rapid.T, b *harness, posts map[string]int) {
	b.advance(time.Hour)
	if n, taken := int64(len(b.provider.calls)), b.ledger.counts["count#to#"+string(recipient)+"#2026-11-18"]; taken < n {
		rt.Fatalf("%d calls are counted as %d", n, taken)
	}
	for _, key := range []string{"k1", "k2"} {
		before := b.provider.requestCount()
		a, err := b.place(newRequest(key))
		switch {
		case posts[key] > 0 && b.provider.requestCount() > before:
			rt.Fatalf("%s was placed anew", key)
		case posts[key] > 0 && faultCode(err) != "idempotency_state_unknown" && !a.Replayed:
			rt.Fatalf("%s: %+v %v", key, a, err)
		}
	}
	if len(b.provider.calls) > 2 {
		rt.Fatalf("%d calls", len(b.provider.calls))
	}
}
