package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/guregu/dynamo/v2"

	"aurora/shared/fault"
)

const (
	oncePrefix = "once#"
	onceKept   = 24 * time.Hour         // how long a result is given again
	lease      = 60 * time.Second       // after that, whoever was doing it is taken to have died
	doing      = 50 * time.Second       // how long it may take, so that nobody works beyond the lease
	look       = 100 * time.Millisecond // between two looks at what another is doing
	finishTime = 2 * time.Second        // for writing down how it ended
)

// The states of something that is to happen once.
const (
	underWay = "under way"
	done     = "done"
	unclear  = "unclear" // nobody knows whether it happened
)

// onceRecord is something that is to happen once, as an item.
type onceRecord struct {
	Key       string `dynamo:"key,hash"`
	Owner     string `dynamo:"owner"` // who claimed it; new with every claim
	State     string `dynamo:"state"`
	Until     int64  `dynamo:"until"` // milliseconds since 1970: the end of the lease
	Result    string `dynamo:"result,omitempty"`
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// Once does something, once for a key, and gives the first result to everybody who asks within 24 hours. While one is
// doing it the others wait for its result, as long as their contexts let them.
//
// Where do fails, the key is free again, and the error is returned: do must fail only where nothing happened. Where it
// ends in fault.Timeout, or its context does, nobody knows whether something happened; it is then never tried again, and
// every later caller gets fault.Timeout too. Where the ledger cannot be written do is not called at all: the error is
// fault.Unavailable.
func (s *Ledger) Once(ctx context.Context, key string, do func(context.Context) (string, error)) (string, error) {
	t, err := s.table()
	if err != nil {
		return "", err
	}
	owner := rand.Text()
	for {
		claimed, err := s.claim(ctx, t, key, owner)
		if err != nil {
			return "", away("What was done before cannot be looked up now, so nothing was done.").Because(err)
		}
		if claimed {
			return s.carryOut(ctx, t, key, owner, do)
		}
		var r onceRecord
		err = t.Get("key", oncePrefix+key).Consistent(true).One(ctx, &r)
		switch {
		case errors.Is(err, dynamo.ErrNotFound):
			continue // given up in between
		case err != nil:
			return "", away("What was done before cannot be looked up now, so nothing was done.").Because(fmt.Errorf("read once: %w", err))
		case r.State == underWay && r.Owner == owner:
			return s.carryOut(ctx, t, key, owner, do) // ours: only the reply was lost
		case r.State == done:
			return r.Result, nil
		case r.State == unclear:
			return "", fault.New(fault.Timeout, "This was tried before, and it is not known whether it was done.").Coded("state_unknown")
		}
		if !pause(ctx, look) {
			return "", fault.New(fault.Conflict, "This is being done already.").Coded("in_progress").After(time.Second).Because(context.Cause(ctx))
		}
	}
}

// claim takes a key that is free, or whose owner is overdue.
func (s *Ledger) claim(ctx context.Context, t dynamo.Table, key, owner string) (bool, error) {
	now := s.now()
	r := onceRecord{Key: oncePrefix + key, Owner: owner, State: underWay, Until: now.Add(lease).UnixMilli(), ExpiresAt: now.Add(onceKept).Unix()}
	err := t.Put(r).If("attribute_not_exists($) OR $ <= ? OR ($ = ? AND $ <= ?)",
		"key", expiryKey, now.Unix(), "state", underWay, "until", now.UnixMilli()).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim once: %w", err)
	}
	return true, nil
}

// carryOut does what the owner claimed, and writes down how it ended, also where the caller has gone meanwhile.
func (s *Ledger) carryOut(ctx context.Context, t dynamo.Table, key, owner string, do func(context.Context) (string, error)) (string, error) {
	working, cancel := context.WithTimeout(ctx, doing)
	defer cancel()
	result, failed := do(working)

	closing, end := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer end()
	var err error
	mine := []any{"owner", owner}
	switch {
	case failed == nil:
		err = t.Update("key", oncePrefix+key).Set("state", done).Set("result", result).If("$ = ?", mine...).Run(closing)
	case fault.From(failed).Kind == fault.Timeout || errors.Is(failed, context.Canceled):
		err = t.Update("key", oncePrefix+key).Set("state", unclear).If("$ = ?", mine...).Run(closing)
	default:
		err = t.Delete("key", oncePrefix+key).If("$ = ?", mine...).Run(closing)
	}
	if dynamo.IsCondCheckFailed(err) && failed != nil {
		err = nil // deleted, and the reply was lost; or taken over, and then it is another's
	}
	if err != nil { // it happened, or did not, whatever the ledger says
		slog.ErrorContext(ctx, "the end of something that must happen once was not written down", "key", key, "failed", failed != nil, "error", err)
	}
	return result, failed
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
