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

// outcome says how one step of a worker ends. A step is one call of a store or of the provider.
type outcome int

const (
	stepSucceeds         outcome = iota
	processDiesBefore            // the process dies, and the step is not applied
	processDiesAfter             // the process dies, and the step is applied
	replyLost                    // the step is applied, its reply is lost, and the SDK repeats it
	stepFails                    // the step is not applied, and returns an error
	stepSucceedsButFails         // the step is applied, and returns an error
)

// worker places one call, one step at a time.
type worker struct {
	key     string
	next    func() (struct{}, bool) // runs one step
	stop    func()
	outcome outcome // of the next step
	dead    bool
}

// steppedLedger pauses before each step, so that the test decides which worker goes on and how the step ends.
type steppedLedger struct {
	*fakeLedger
	provider *fakeProvider
	w        *worker
	yield    func(struct{}) bool
}

// runStep waits for the worker's turn, and runs a step with the outcome that the test chose.
func runStep[T any](g steppedLedger, step func() (T, error)) (v T, err error) {
	if g.w.dead || !g.yield(struct{}{}) || g.w.outcome == processDiesBefore {
		g.w.dead = true
		return v, errProcessDied
	}
	if g.w.outcome == stepFails {
		return v, fault.New(fault.Unavailable, "unavailable")
	}
	v, err = step()
	switch g.w.outcome {
	case processDiesAfter:
		var zero T
		g.w.dead = true
		return zero, errProcessDied
	case replyLost:
		return step()
	case stepSucceedsButFails:
		var zero T
		return zero, fault.New(fault.Unavailable, "unavailable")
	}
	return v, err
}

// optional is a result that may be missing.
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
	return g.fakeLedger.ReturnQuota(ctx, t) // the adapter tries it once, so a lost reply does not repeat it
}

// CreateCall differs from the other steps: no library repeats it, and its errors say what became of the call.
func (g steppedLedger) CreateCall(ctx context.Context, d aurora.CallRequest) (string, error) {
	if g.w.dead || !g.yield(struct{}{}) || g.w.outcome == processDiesBefore {
		g.w.dead = true
		return "", errProcessDied
	}
	if g.w.outcome == stepFails {
		return "", errNotSent
	}
	sid, err := g.provider.CreateCall(ctx, d)
	if g.w.outcome == processDiesAfter {
		g.w.dead = true
		return "", errProcessDied
	}
	if g.w.outcome != stepSucceeds {
		return "", errReplyLost
	}
	return sid, err
}

func (g steppedLedger) ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.ProviderCall, error) {
	return runStep(g, func() ([]aurora.ProviderCall, error) { return g.provider.ListCalls(ctx, from, to, since) })
}

// Equal requests run at once. Their steps interleave in any order, processes die, stores fail and replies are lost. In
// every case at most one request under an idempotency key reaches the provider.
func TestOneCallPerIdempotencyKey(t *testing.T) {
	testkit.DiscardLog(t)
	rapid.Check(t, func(rt *rapid.T) {
		h := newHarness(t)
		if rapid.Bool().Draw(rt, "requests are lost") {
			h.provider.respond = func(int) (bool, error) { return false, errReplyLost }
		}
		h.sleepFunc = func(context.Context, time.Duration) bool { return true }
		requests := map[string]int{} // that reached the provider, by key
		start := func(key string) *worker {
			w := &worker{key: key}
			w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
				g := steppedLedger{fakeLedger: h.ledger, provider: h.provider, w: w, yield: yield}
				s := *h.Service
				s.Ledger, s.Provider = g, g
				_, _ = s.Place(context.Background(), newRequest(w.key))
			})
			return w
		}
		var workers []*worker
		for range rapid.IntRange(2, 5).Draw(rt, "requests") {
			workers = append(workers, start(rapid.SampledFrom([]string{"k1", "k1", "k1", "k2"}).Draw(rt, "key")))
		}
		defer func() {
			for _, w := range workers {
				w.dead = true
				w.stop()
			}
		}()
		repeats := rapid.IntRange(0, 4).Draw(rt, "repeats")
		accidents := rapid.IntRange(0, 8).Draw(rt, "accidents")
		for steps := 0; len(workers) > 0; steps++ {
			if steps > 20000 {
				rt.Fatal("the workers do not end")
			}
			i := rapid.IntRange(0, len(workers)-1).Draw(rt, "worker")
			w := workers[i]
			w.outcome = stepSucceeds
			if accidents > 0 {
				w.outcome = outcome(rapid.IntRange(int(stepSucceeds), int(stepSucceedsButFails)).Draw(rt, "outcome"))
				if w.outcome != stepSucceeds {
					accidents--
				}
				h.advance(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, 16 * time.Second, time.Minute}).Draw(rt, "tick"))
			}
			before := h.provider.requestCount()
			_, more := w.next()
			if n := h.provider.requestCount() - before; n > 0 {
				if requests[w.key] += n; requests[w.key] > 1 {
					rt.Fatalf("%d requests under %s reached the provider; records %+v", requests[w.key], w.key, h.ledger.records)
				}
			}
			if more {
				continue
			}
			workers = append(workers[:i:i], workers[i+1:]...)
			if repeats > 0 {
				repeats--
				workers = append(workers, start(w.key))
			}
		}
		checkAfterwards(rt, h, requests)
	})
}

// checkAfterwards repeats each request an hour later. A key under which a request reached the provider places no other
// call: the answer is a replay, or that the state is unknown.
func checkAfterwards(rt *rapid.T, h *harness, requests map[string]int) {
	h.advance(time.Hour)
	if n, taken := int64(len(h.provider.calls)), h.ledger.counts["count#to#"+string(recipient)+"#2026-11-18"]; taken < n {
		rt.Fatalf("%d calls were placed, and the quota counts %d", n, taken)
	}
	for _, key := range []string{"k1", "k2"} {
		before := h.provider.requestCount()
		a, err := h.place(newRequest(key))
		switch {
		case requests[key] > 0 && h.provider.requestCount() > before:
			rt.Fatalf("a second call was placed for %s", key)
		case requests[key] > 0 && faultCode(err) != "idempotency_state_unknown" && !a.Replayed:
			rt.Fatalf("%s: %+v, %v; want a replay or idempotency_state_unknown", key, a, err)
		}
	}
	if len(h.provider.calls) > 2 {
		rt.Fatalf("%d calls were placed for two keys", len(h.provider.calls))
	}
}
