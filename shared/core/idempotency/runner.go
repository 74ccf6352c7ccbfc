package idempotency

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
)

const (
	lease         = 60 * time.Second       // then the owner of a claim in progress is taken for dead
	effectTimeout = 50 * time.Second       // shorter than the lease, so that no effect happens after it
	pollInterval  = 100 * time.Millisecond // between two looks at an effect in progress
	finishTimeout = 2 * time.Second        // for the write of the result
)

// Runner runs effects once per key. Its fields are set once, before its use.
type Runner struct {
	Store    Store
	Now      func() time.Time
	NewOwner func() string // returns a token that is never returned twice
	Prefix   string        // of the stored keys, so that kinds of effects cannot meet
	TTL      time.Duration // how long a result is stored
}

// NewEffects returns the runner of tools' effects. Their results are stored for 24 hours.
func NewEffects(store Store, now func() time.Time, newOwner func() string) *Runner {
	return &Runner{Store: store, Now: now, NewOwner: newOwner, Prefix: "once#", TTL: 24 * time.Hour}
}

// NewBriefEffects returns the runner of tools' effects in conversations without an id. An effect there is known only by the
// request that led to it. OpenAI's clients send a failed request again within minutes
// (https://github.com/openai/openai-python#retries), and the same words later are a new wish.
func NewBriefEffects(store Store, now func() time.Time, newOwner func() string) *Runner {
	return &Runner{Store: store, Now: now, NewOwner: newOwner, Prefix: "once#", TTL: 10 * time.Minute}
}

// Do runs effect unless it was run for the key before, and returns the result of the first run. While another caller
// runs the effect, Do waits for that result until ctx ends.
//
// If effect fails, the key is free again and the error is returned: effect must fail only if nothing happened. If it
// fails with fault.Timeout or because its context ended, it is not known whether something happened. Then the effect is
// never run again, and later callers get fault.Timeout as well. If the store does not answer, effect is not run and the
// error is fault.Unavailable.
func (r *Runner) Do(ctx context.Context, key string, effect func(context.Context) (string, error)) (string, error) {
	return r.run(ctx, key, "", effect)
}

// run is Do for a claim that may replace the claims of an owner.
func (r *Runner) run(ctx context.Context, key, replace string, effect func(context.Context) (string, error)) (string, error) {
	c := Claim{Key: r.Prefix + key, Owner: r.NewOwner(), State: InProgress}
	for {
		now := r.Now()
		c.LeaseUntil, c.ExpiresAt = now.Add(lease), now.Add(r.TTL)
		holder, err := r.Store.ClaimKey(ctx, c, replace)
		switch {
		case err != nil:
			return "", fault.New(fault.Unavailable, "What was done before cannot be looked up now, so nothing was done.").
				WithCode("store_unavailable").WithRetryAfter(time.Second).Because(err)
		case holder == Claim{}:
			continue
		case holder.Owner == c.Owner:
			return r.runClaimed(ctx, c, effect)
		case holder.State == Done:
			return holder.Result, nil
		case holder.State == Unknown:
			return "", fault.New(fault.Timeout, "This was tried before, and it is not known whether it was done.").WithCode("state_unknown")
		}
		if !sleep(ctx, pollInterval) {
			return "", fault.New(fault.Conflict, "This is being done already.").WithCode("in_progress").WithRetryAfter(time.Second).Because(context.Cause(ctx))
		}
	}
}

// runClaimed runs an effect whose key is claimed, and stores how it ended, also after the caller has disconnected.
func (r *Runner) runClaimed(ctx context.Context, c Claim, effect func(context.Context) (string, error)) (string, error) {
	bounded, cancel := context.WithTimeout(ctx, effectTimeout)
	defer cancel()
	result, failed := effect(bounded)

	finishing, end := context.WithTimeout(context.WithoutCancel(ctx), finishTimeout)
	defer end()
	var err error
	switch {
	case failed == nil:
		c.State, c.Result = Done, result
		var held bool
		if held, err = r.Store.FinishKey(finishing, c); err == nil && !held {
			err = errors.New("another caller took the key over")
		}
	case fault.From(failed).Kind == fault.Timeout || errors.Is(failed, context.Canceled):
		c.State = Unknown
		_, err = r.Store.FinishKey(finishing, c) // a key that was taken over belongs to the new owner
	default:
		err = r.Store.ReleaseKey(finishing, c.Key, c.Owner)
	}
	if err != nil { // the effect has happened or not, whatever is stored; only the hash in the key is no personal data
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.ErrorContext(ctx, "the result of an effect was not stored", "event", "idempotency.finish_failed", "key", c.Key[strings.LastIndexByte(c.Key, '#')+1:], "effectFailed", failed != nil, "error", err)
	}
	return result, failed
}

// sleep waits for d and reports whether ctx lasted that long.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Mails sends each mail once. Use NewMails.
type Mails struct{ runner Runner }

// NewMails returns a Mails over a store. It remembers a mail for 400 days, as long as the calls are stored that a report
// is about.
func NewMails(store Store, now func() time.Time, newOwner func() string) *Mails {
	return &Mails{Runner{Store: store, Now: now, NewOwner: newOwner, Prefix: "sent#", TTL: 400 * 24 * time.Hour}}
}

// Send calls send unless the key's mail was sent before, and reports whether it was sent now. With again it sends the
// mail in any case. If it is not known whether the mail was sent, Send returns fault.Timeout; later calls for the key
// take it as sent, because another try would risk a second mail.
func (m *Mails) Send(ctx context.Context, key string, again bool, send func(context.Context) error) (sent bool, err error) {
	replace := ""
	if again {
		replace = AnyOwner
	}
	tried := false
	_, err = m.runner.run(ctx, key, replace, func(ctx context.Context) (string, error) {
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
