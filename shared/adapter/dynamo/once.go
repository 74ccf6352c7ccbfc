package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/fault"
)

const (
	lease      = 60 * time.Second       // after that, whoever was doing it is taken to have died
	doing      = 50 * time.Second       // how long it may take, so that nobody works beyond the lease
	look       = 100 * time.Millisecond // between two looks at what another is doing
	finishTime = 2 * time.Second        // for writing down how it ended
)

// kind is a sort of thing that happens once: the beginning of its keys, and how long it is remembered.
type kind struct {
	prefix string
	kept   time.Duration
}

var (
	effects = kind{"once#", 24 * time.Hour}       // how long a result is given again
	mails   = kind{"sent#", 400 * 24 * time.Hour} // as long as the calls are kept that a report is of
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
	return s.once(ctx, effects, key, false, do)
}

// Send sends a mail, once for a key, as Once does things; sent reports whether this call sent it. With again it is sent
// whatever was sent before, and that it was is written down. A mail of which nobody knows whether it was sent is a
// fault.Timeout to whoever tried; after that it counts as sent, since nothing is won by failing over it for ever.
func (s *Ledger) Send(ctx context.Context, key string, again bool, send func(context.Context) error) (sent bool, err error) {
	tried := false
	_, err = s.once(ctx, mails, key, again, func(ctx context.Context) (string, error) {
		tried = true
		err := send(ctx)
		sent = err == nil
		return "", err
	})
	if !tried && fault.Is(err, fault.Timeout) {
		return false, nil
	}
	return sent, err
}

// once does something of a kind once for a key; with again it does it whatever the key's record says.
func (s *Ledger) once(ctx context.Context, k kind, key string, again bool, do func(context.Context) (string, error)) (string, error) {
	t, err := s.table()
	if err != nil {
		return "", err
	}
	owner := rand.Text()
	name := k.prefix + key
	for {
		claimed, err := s.claim(ctx, t, k, name, owner, again)
		if err != nil {
			return "", errUnavailable("What was done before cannot be looked up now, so nothing was done.").Because(err)
		}
		if claimed {
			return s.carryOut(ctx, t, name, owner, do)
		}
		var r onceRecord
		err = t.Get("key", name).Consistent(true).One(ctx, &r)
		switch {
		case errors.Is(err, dynamo.ErrNotFound):
			continue // given up in between
		case err != nil:
			return "", errUnavailable("What was done before cannot be looked up now, so nothing was done.").Because(fmt.Errorf("read once: %w", err))
		case r.State == underWay && r.Owner == owner:
			return s.carryOut(ctx, t, name, owner, do) // ours: only the reply was lost
		case r.State == done:
			return r.Result, nil
		case r.State == unclear:
			return "", fault.New(fault.Timeout, "This was tried before, and it is not known whether it was done.").WithCode("state_unknown")
		}
		if !pause(ctx, look) {
			return "", fault.New(fault.Conflict, "This is being done already.").WithCode("in_progress").WithRetryAfter(time.Second).Because(context.Cause(ctx))
		}
	}
}

// claim takes a key that is free, or whose owner is overdue; with again it takes any.
func (s *Ledger) claim(ctx context.Context, t dynamo.Table, k kind, name, owner string, again bool) (bool, error) {
	now := s.now()
	put := t.Put(onceRecord{Key: name, Owner: owner, State: underWay, Until: now.Add(lease).UnixMilli(), ExpiresAt: now.Add(k.kept).Unix()})
	if !again {
		put = put.If("attribute_not_exists($) OR $ <= ? OR ($ = ? AND $ <= ?)",
			"key", expiryKey, now.Unix(), "state", underWay, "until", now.UnixMilli())
	}
	err := put.Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("claim once: %w", err)
	}
	return true, nil
}

// carryOut does what the owner claimed, and writes down how it ended, also where the caller has gone meanwhile.
func (s *Ledger) carryOut(ctx context.Context, t dynamo.Table, name, owner string, do func(context.Context) (string, error)) (string, error) {
	working, cancel := context.WithTimeout(ctx, doing)
	defer cancel()
	result, failed := do(working)

	closing, end := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer end()
	var err error
	mine := []any{"owner", owner}
	switch {
	case failed == nil:
		err = t.Update("key", name).Set("state", done).Set("result", result).If("$ = ?", mine...).Run(closing)
	case fault.From(failed).Kind == fault.Timeout || errors.Is(failed, context.Canceled):
		err = t.Update("key", name).Set("state", unclear).If("$ = ?", mine...).Run(closing)
	default:
		err = t.Delete("key", name).If("$ = ?", mine...).Run(closing)
	}
	if dynamo.IsCondCheckFailed(err) && failed != nil {
		err = nil // deleted, and the reply was lost; or taken over, and then it is another's
	}
	if err != nil { // it happened, or did not, whatever the ledger says
		slog.ErrorContext(ctx, "the end of something that must happen once was not written down", "key", name, "failed", failed != nil, "error", err)
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
