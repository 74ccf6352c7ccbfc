package dynamo_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
)

// newEffects returns a runner over the ledger's table, as one process has it.
func newEffects(config func() (aws.Config, error), c *clock) *idempotency.Runner {
	return idempotency.NewEffects(dynamo.NewLedger(config, "ledger", c.now), c.now, rand.Text)
}

func newMails(config func() (aws.Config, error), c *clock) *idempotency.Mails {
	return idempotency.NewMails(dynamo.NewLedger(config, "ledger", c.now), c.now, rand.Text)
}

func TestConcurrentEffectsRunOnce(t *testing.T) {
	config, _ := newTables(t)
	var runs atomic.Int32
	release := make(chan struct{})
	effect := func(context.Context) (string, error) {
		<-release // until the others have found the key claimed
		return fmt.Sprintf("result %d", runs.Add(1)), nil
	}
	processes := []*idempotency.Runner{newEffects(config, newClock()), newEffects(config, newClock())}
	var callers sync.WaitGroup
	for i := range 50 {
		callers.Go(func() {
			if i == 49 {
				close(release)
			}
			if got, err := processes[i%2].Do(t.Context(), "k", effect); got != "result 1" || err != nil {
				t.Errorf("caller %d got %q, %v; want the result of the first run", i, got, err)
			}
		})
	}
	callers.Wait()
	if runs.Load() != 1 {
		t.Errorf("the effect ran %d times, want once", runs.Load())
	}
}

func TestEffects(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	r := newEffects(config, c)
	type want struct {
		result string
		kind   fault.Kind // of the error; Internal and no result stand for an error of no kind
		runs   int
	}
	step := func(name, key string, fails error, w want) {
		t.Helper()
		runs := 0
		got, err := r.Do(t.Context(), key, func(context.Context) (string, error) {
			runs++
			return fmt.Sprintf("result %d", runs), fails
		})
		if runs != w.runs {
			t.Errorf("%s: the effect ran %d times, want %d", name, runs, w.runs)
		}
		if err == nil && got != w.result {
			t.Errorf("%s: result %q, want %q", name, got, w.result)
		}
		if err != nil && (w.result != "" || fault.From(err).Kind != w.kind) {
			t.Errorf("%s: error %v (%s), want %+v", name, err, fault.From(err).Kind, w)
		}
	}
	unavailable := fault.New(fault.Unavailable, "Unavailable.")
	timeout := fmt.Errorf("send: %w", fault.New(fault.Timeout, "It is not known."))
	canceled := fmt.Errorf("send: %w", context.Canceled)
	step("a failure releases the key", "a", unavailable, want{kind: fault.Unavailable, runs: 1})
	step("then the effect runs", "a", nil, want{result: "result 1", runs: 1})
	step("and does not run again", "a", nil, want{result: "result 1"})
	step("another key is another effect", "b", nil, want{result: "result 1", runs: 1})
	c.advance(24*time.Hour - time.Second)
	step("the result is stored for a day", "a", nil, want{result: "result 1"})
	c.advance(time.Second)
	step("and no longer", "a", nil, want{result: "result 1", runs: 1})

	step("a timeout leaves the state unknown", "u", timeout, want{kind: fault.Timeout, runs: 1})
	step("an unknown effect does not run again", "u", nil, want{kind: fault.Timeout})
	c.advance(2 * time.Minute)
	step("not after the lease either", "u", nil, want{kind: fault.Timeout})
	step("a canceled effect", "v", canceled, want{kind: fault.Internal, runs: 1})
	step("is unknown as well", "v", nil, want{kind: fault.Timeout})

	f.failAll(errorReply(400, "ThrottlingException"))
	step("without the table no effect runs", "x", nil, want{kind: fault.Unavailable})
}

// The caller disconnects while the effect runs: the result is stored all the same.
func TestResultIsStoredAfterCallerDisconnects(t *testing.T) {
	config, _ := newTables(t)
	r := newEffects(config, newClock())
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := r.Do(ctx, "k", func(context.Context) (string, error) { cancel(); return "sent", nil }); err != nil {
		t.Fatal(err)
	}
	got, err := r.Do(t.Context(), "k", func(context.Context) (string, error) { return "sent twice", nil })
	if got != "sent" || err != nil {
		t.Errorf("got %q, %v; want the first result", got, err)
	}
}

// A process that was killed leaves a claim in progress. It holds for 60 seconds and is then taken over. The item is
// spelled out: it is what earlier versions stored.
func TestAbandonedClaimIsTakenOver(t *testing.T) {
	config, _ := newTables(t)
	c := newClock()
	r := newEffects(config, c)
	putItem(t, config, "ledger", map[string]types.AttributeValue{"key": stringValue("once#k"), "owner": stringValue("killed"), "state": stringValue("under way"),
		"until": numberValue(c.now().Add(60 * time.Second).UnixMilli()), "expiresAt": numberValue(c.now().Add(24 * time.Hour).Unix())})
	short, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	got, err := r.Do(short, "k", func(context.Context) (string, error) { return "too early", nil })
	if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.Unavailable) {
		t.Errorf("within the lease: %q, %v; want an error", got, err)
	}
	c.advance(60 * time.Second)
	var runs atomic.Int32
	var callers sync.WaitGroup
	for range 10 {
		callers.Go(func() {
			got, err := r.Do(t.Context(), "k", func(context.Context) (string, error) { runs.Add(1); return "taken over", nil })
			if got != "taken over" || err != nil {
				t.Errorf("after the lease: %q, %v", got, err)
			}
		})
	}
	callers.Wait()
	if runs.Load() != 1 {
		t.Errorf("the claim was taken over %d times, want once", runs.Load())
	}
}

// Results that earlier versions stored are returned as they are.
func TestStoredEffectsOfEarlierVersions(t *testing.T) {
	config, _ := newTables(t)
	c := newClock()
	item := func(key, state string) map[string]types.AttributeValue {
		return map[string]types.AttributeValue{"key": stringValue(key), "owner": stringValue("o"), "state": stringValue(state), "result": stringValue("stored result"),
			"until": numberValue(c.now().Add(-time.Hour).UnixMilli()), "expiresAt": numberValue(c.now().Add(time.Hour).Unix())}
	}
	for _, stored := range []map[string]types.AttributeValue{item("once#done", "done"), item("once#unknown", "unclear"), item("sent#done", "done")} {
		putItem(t, config, "ledger", stored)
	}
	effect := func(context.Context) (string, error) { t.Error("an effect ran again"); return "", nil }
	if got, err := newEffects(config, c).Do(t.Context(), "done", effect); got != "stored result" || err != nil {
		t.Errorf("done: %q, %v; want the stored result", got, err)
	}
	if _, err := newEffects(config, c).Do(t.Context(), "unknown", effect); !fault.Is(err, fault.Timeout) {
		t.Errorf("unknown: %v; want fault.Timeout", err)
	}
	sent, err := newMails(config, c).Send(t.Context(), "done", false, func(context.Context) error { t.Error("a mail was sent again"); return nil })
	if sent || err != nil {
		t.Errorf("a mail that was sent: %v, %v", sent, err)
	}
}

// The reply to one of the two writes is lost after the write was applied. The effect still runs once, and its result is
// known.
func TestFault36EffectWithLostReply(t *testing.T) {
	for _, lost := range []int{1, 2} {
		for name, failed := range map[string]error{"done": nil, "failed": errors.New("no")} {
			t.Run(fmt.Sprintf("%s, reply %d lost", name, lost), func(t *testing.T) {
				config, f := newTables(t)
				r := newEffects(config, newClock())
				f.setRule(func(operation string, _ int) (reply, bool) {
					if operation != "GetItem" && f.writeCount() == lost {
						return dropReply, true
					}
					return nil, false
				})
				runs := 0
				_, _ = r.Do(t.Context(), "k", func(context.Context) (string, error) { runs++; return "first", failed })
				f.setRule(nil)
				got, err := r.Do(t.Context(), "k", func(context.Context) (string, error) { runs++; return "second", nil })
				wantResult, wantRuns := "first", 1
				if failed != nil {
					wantResult, wantRuns = "second", 2
				}
				if got != wantResult || err != nil || runs != wantRuns {
					t.Errorf("got %q, %v after %d runs; want %q after %d", got, err, runs, wantResult, wantRuns)
				}
			})
		}
	}
}

func TestMails(t *testing.T) {
	config, f := newTables(t)
	c := newClock()
	m := newMails(config, c)
	type want struct {
		sent bool
		kind fault.Kind // of the error; 0 is no error
		runs int
	}
	step := func(name, key string, again bool, fails error, w want) {
		t.Helper()
		runs := 0
		sent, err := m.Send(t.Context(), key, again, func(context.Context) error { runs++; return fails })
		if runs != w.runs || sent != w.sent {
			t.Errorf("%s: sent %v in %d runs, want %v in %d", name, sent, runs, w.sent, w.runs)
		}
		if (err != nil) != (w.kind != 0) || err != nil && fault.From(err).Kind != w.kind {
			t.Errorf("%s: error %v, want kind %s", name, err, w.kind)
		}
	}
	busy := fault.New(fault.RateLimited, "Busy.")
	timeout := fmt.Errorf("send: %w", fault.New(fault.Timeout, "It is not known."))
	step("a rejected mail", "a", false, busy, want{kind: fault.RateLimited, runs: 1})
	step("is tried again", "a", false, nil, want{sent: true, runs: 1})
	step("a sent mail is not sent again", "a", false, nil, want{})
	step("another key is another mail", "b", false, nil, want{sent: true, runs: 1})
	c.advance(400*24*time.Hour - time.Second)
	step("a sent mail is remembered for 400 days", "a", false, nil, want{})
	step("it is sent again on request", "a", true, nil, want{sent: true, runs: 1})
	step("which is remembered too", "a", false, nil, want{})
	step("a request to send again that fails", "b", true, busy, want{kind: fault.RateLimited, runs: 1})
	step("releases the key", "b", false, nil, want{sent: true, runs: 1})

	step("a mail with an unknown result", "u", false, timeout, want{kind: fault.Timeout, runs: 1})
	step("counts as sent", "u", false, nil, want{})
	c.advance(2 * time.Minute)
	step("after the lease too", "u", false, nil, want{})
	step("it is sent again on request, with an unknown result before", "u", true, nil, want{sent: true, runs: 1})
	step("then it counts as sent", "u", false, nil, want{})

	if _, err := newEffects(config, c).Do(t.Context(), "a", func(context.Context) (string, error) { return "", nil }); err != nil {
		t.Errorf("an effect with the key of a mail: %v", err)
	}
	f.failAll(errorReply(400, "ThrottlingException"))
	step("without the table no mail is sent", "x", false, nil, want{kind: fault.Unavailable})
}

// Two processes get the same job. One mail is sent.
func TestConcurrentMailsSendOnce(t *testing.T) {
	config, _ := newTables(t)
	var runs, sent atomic.Int32
	processes := []*idempotency.Mails{newMails(config, newClock()), newMails(config, newClock())}
	var callers sync.WaitGroup
	for i := range 20 {
		callers.Go(func() {
			ok, err := processes[i%2].Send(t.Context(), "k", false, func(context.Context) error { runs.Add(1); return nil })
			if err != nil {
				t.Error(err)
			}
			if ok {
				sent.Add(1)
			}
		})
	}
	callers.Wait()
	if runs.Load() != 1 || sent.Load() != 1 {
		t.Errorf("%d mails were sent and %d callers report one, want 1 and 1", runs.Load(), sent.Load())
	}
}
