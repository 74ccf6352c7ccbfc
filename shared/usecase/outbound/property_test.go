package outbound

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

var errCrash = errors.New("the process died")

// What happens to one step of a worker.
const (
	goesWell    = iota
	diesBefore  // the process dies, the step was never made
	diesAfter   // the process dies, the step was made
	replyIsLost // the step is made, its reply lost, and the SDK makes it again
	fails       // the step is not made, and the worker is told so
	unsure      // the step is made, and the worker is told that it failed
)

// worker places one call, one step at a time.
type worker struct {
	key  string
	next func() (struct{}, bool)
	stop func()
	fate int
	dead bool
}

// gated stops before each step, so that the test decides who goes on and how it ends.
type gated struct {
	*memory
	phone *telephone
	w     *worker
	yield func(struct{}) bool
}

func gate[T any](g gated, step func() (T, error)) (v T, err error) {
	if g.w.dead || !g.yield(struct{}{}) || g.w.fate == diesBefore {
		g.w.dead = true
		return v, errCrash
	}
	if g.w.fate == fails {
		return v, fault.New(fault.Unavailable, "away")
	}
	v, err = step()
	switch g.w.fate {
	case diesAfter:
		var zero T
		g.w.dead = true
		return zero, errCrash
	case replyIsLost:
		return step()
	case unsure:
		var zero T
		return zero, fault.New(fault.Unavailable, "away")
	}
	return v, err
}

type found[T any] struct {
	v  T
	ok bool
}

func (g gated) Refused(ctx context.Context, p aurora.Phone) (bool, error) {
	return gate(g, func() (bool, error) { return g.memory.Refused(ctx, p) })
}
func (g gated) OpenRecord(ctx context.Context, r aurora.OutboundRecord) error {
	_, err := gate(g, func() (bool, error) { return true, g.memory.OpenRecord(ctx, r) })
	return err
}
func (g gated) Record(ctx context.Context, id string) (aurora.OutboundRecord, bool, error) {
	f, err := gate(g, func() (f found[aurora.OutboundRecord], err error) { f.v, f.ok, err = g.memory.Record(ctx, id); return })
	return f.v, f.ok, err
}
func (g gated) ChangeRecord(ctx context.Context, r aurora.OutboundRecord) (bool, error) {
	return gate(g, func() (bool, error) { return g.memory.ChangeRecord(ctx, r) })
}
func (g gated) NameCall(ctx context.Context, sid, record string) (string, error) {
	return gate(g, func() (string, error) { return g.memory.NameCall(ctx, sid, record) })
}
func (g gated) Opened(ctx context.Context, to aurora.Phone, record string) error {
	_, err := gate(g, func() (bool, error) { return true, g.memory.Opened(ctx, to, record) })
	return err
}
func (g gated) Settled(ctx context.Context, to aurora.Phone, record string) error {
	_, err := gate(g, func() (bool, error) { return true, g.memory.Settled(ctx, to, record) })
	return err
}
func (g gated) OpenOf(ctx context.Context, to aurora.Phone) ([]string, error) {
	return gate(g, func() ([]string, error) { return g.memory.OpenOf(ctx, to) })
}
func (g gated) Key(ctx context.Context, key string) (aurora.Idempotency, bool, error) {
	f, err := gate(g, func() (f found[aurora.Idempotency], err error) { f.v, f.ok, err = g.memory.Key(ctx, key); return })
	return f.v, f.ok, err
}
func (g gated) ClaimKey(ctx context.Context, k aurora.Idempotency, over string) (bool, error) {
	return gate(g, func() (bool, error) { return g.memory.ClaimKey(ctx, k, over) })
}
func (g gated) ReleaseKey(ctx context.Context, key, record string) error {
	_, err := gate(g, func() (bool, error) { return true, g.memory.ReleaseKey(ctx, key, record) })
	return err
}
func (g gated) Take(ctx context.Context, t aurora.Tally, taker string) (bool, error) {
	return gate(g, func() (bool, error) { return g.memory.Take(ctx, t, taker) })
}
func (g gated) GiveBack(ctx context.Context, t aurora.Tally) error {
	if g.w.dead || !g.yield(struct{}{}) {
		g.w.dead = true
		return errCrash
	}
	return g.memory.GiveBack(ctx, t) // it is tried once, so no fate but death makes it two
}

// Create is never made twice by anything below: a lost reply is an error that says so.
func (g gated) Create(ctx context.Context, d aurora.OutboundDial) (string, error) {
	if g.w.dead || !g.yield(struct{}{}) || g.w.fate == diesBefore {
		g.w.dead = true
		return "", errCrash
	}
	if g.w.fate == fails {
		return "", notSent
	}
	sid, err := g.phone.Create(ctx, d)
	if g.w.fate == diesAfter {
		g.w.dead = true
		return "", errCrash
	}
	if g.w.fate != goesWell {
		return "", lostReply
	}
	return sid, err
}

func (g gated) ListCalls(ctx context.Context, from, to aurora.Phone, since time.Time) ([]aurora.DialedCall, error) {
	return gate(g, func() ([]aurora.DialedCall, error) { return g.phone.ListCalls(ctx, from, to, since) })
}

// Whatever equal requests do at once, in whatever order their steps interleave, wherever processes die, stores fail and
// replies are lost: no more than one request under a key reaches the provider.
func TestOneCallForAKey(t *testing.T) {
	defer capture(new(bytes.Buffer))()
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		if rapid.Bool().Draw(rt, "never arrives") {
			b.phone.say = func(int) (bool, error) { return false, lostReply }
		}
		b.wait = func(context.Context, time.Duration) bool { return true }
		posts := map[string]int{}
		start := func(key string) *worker {
			w := &worker{key: key}
			w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
				g := gated{memory: b.ledger, phone: b.phone, w: w, yield: yield}
				s := *b.Service
				s.Ledger, s.Provider = g, g
				_, _ = s.Place(context.Background(), request(w.key))
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
			w.fate = goesWell
			if accidents > 0 {
				if w.fate = rapid.IntRange(goesWell, unsure).Draw(rt, "fate"); w.fate != goesWell {
					accidents--
				}
				b.pass(rapid.SampledFrom([]time.Duration{0, 0, 0, time.Second, 16 * time.Second, time.Minute}).Draw(rt, "tick"))
			}
			before := b.phone.posts()
			_, more := w.next()
			if n := b.phone.posts() - before; n > 0 {
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
		settled(rt, b, posts)
	})
}

// settled asks once more when everything is over: a key under which a request reached the provider is never placed
// anew, and what it answers is its own call.
func settled(rt *rapid.T, b *bench, posts map[string]int) {
	b.pass(time.Hour)
	if n, taken := int64(len(b.phone.calls)), b.ledger.counts["count#to#"+string(someone)+"#2026-11-18"]; taken < n {
		rt.Fatalf("%d calls are counted as %d", n, taken)
	}
	for _, key := range []string{"k1", "k2"} {
		before := b.phone.posts()
		a, err := b.place(request(key))
		switch {
		case posts[key] > 0 && b.phone.posts() > before:
			rt.Fatalf("%s was placed anew", key)
		case posts[key] > 0 && code(err) != "idempotency_state_unknown" && !a.Replayed:
			rt.Fatalf("%s: %+v %v", key, a, err)
		}
	}
	if len(b.phone.calls) > 2 {
		rt.Fatalf("%d calls", len(b.phone.calls))
	}
}
