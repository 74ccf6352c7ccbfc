package chat

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
)

// KeyLimits limits the turns and the tokens of each key. It is safe for concurrent use.
//
// Before a turn it compares what this process knows, and writes nothing: a caller on the phone waits. After the turn's last
// byte it adds what the turn has used to the store, and learns what all processes have used. So each process that serves a
// key may let one turn pass that would have been rejected: N processes let at most N-1 turns too many pass in a minute, and
// the tokens of N turns too many in a day. A Lambda process serves one turn at a time.
//
// If the store fails, turns go on, and each process limits what it has used itself until the store works again.
type KeyLimits struct {
	Store UsageStore
	// TurnsPerMinute and TokensPerDay are for keys whose own limits do not say otherwise.
	TurnsPerMinute, TokensPerDay int64
	Now                          func() time.Time

	mu       sync.Mutex
	accounts map[string]*account
}

// UsageStore counts what keys have used.
type UsageStore interface {
	// AddUsage adds an amount to a counter and returns the sum. A store that is not sure counts too much.
	AddUsage(ctx context.Context, counter string, amount int64, expiresAt time.Time) (total int64, err error)
}

// settleTimeout bounds the writes after a turn. Lambda ends the process two seconds after the turn's own time is over.
const settleTimeout = time.Second

// account is what this process knows about the use of one account.
type account struct {
	turns, tokens counter
	settling      sync.Mutex // held while amounts are on their way to the store
}

// counter counts in one window, which is a minute or a day.
type counter struct {
	key       string // of the store's counter; the window is part of it
	endsAt    time.Time
	expiresAt time.Time
	total     int64 // of all processes, when the store last answered
	local     int64 // used in this process and not yet added to the store
	sending   int64 // on the way to the store
}

func (c *counter) used() int64 { return c.total + c.local + c.sending }

// enter begins to count anew if the counter's window is over.
func (c *counter) enter(name string, now time.Time, length, retention time.Duration) {
	start := now.UTC().Truncate(length)
	if !c.endsAt.Equal(start.Add(length)) {
		*c = counter{key: "count#" + name + "#" + start.Format("2006-01-02T15:04"), endsAt: start.Add(length), expiresAt: start.Add(length + retention)}
	}
}

// limitReached returns the error for a key that has used up a limit.
func limitReached(message string, wait time.Duration) *fault.Error {
	return fault.New(fault.RateLimited, message).WithCode("key_limit").WithRetryAfter(time.Duration(math.Ceil(wait.Seconds())) * time.Second)
}

// Begin counts a turn of a key. It returns fault.RateLimited if the key has used up a limit; the turn does not count then.
func (l *KeyLimits) Begin(p auth.Principal) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.Now()
	a := l.account(p.Account(), now)
	switch {
	case a.turns.used() >= limitOf(p.Limits.ChatTurnsPerMinute, l.TurnsPerMinute):
		return limitReached("This key has had its chat turns for this minute.", a.turns.endsAt.Sub(now))
	case a.tokens.used() >= limitOf(p.Limits.ChatTokensPerDay, l.TokensPerDay):
		return limitReached("This key has used its chat tokens for today.", a.tokens.endsAt.Sub(now))
	}
	a.turns.local++
	return nil
}

func limitOf(own *int64, deployment int64) int64 {
	if own != nil {
		return *own
	}
	return deployment
}

// account returns what is known of an account in the present minute and day. The mutex is held.
func (l *KeyLimits) account(name string, now time.Time) *account {
	a := l.accounts[name]
	if a == nil {
		if l.accounts == nil {
			l.accounts = map[string]*account{}
		}
		a = &account{}
		l.accounts[name] = a
	}
	a.turns.enter("chat-turns#"+name, now, time.Minute, time.Hour)
	a.tokens.enter("chat-tokens#"+name, now, 24*time.Hour, 24*time.Hour)
	return a
}

// Settle adds what a key has used to the store: the turns that have begun, and the tokens of one that has ended.
func (l *KeyLimits) Settle(ctx context.Context, p auth.Principal, tokens int) {
	l.mu.Lock()
	a := l.account(p.Account(), l.Now())
	a.tokens.local += int64(tokens)
	l.mu.Unlock()
	// One at a time: a total that comes back while another amount is on its way may hold that amount already, and it would be
	// counted twice.
	a.settling.Lock()
	defer a.settling.Unlock()
	// The turn's context may have ended: it may have timed out, or the reader may have disconnected.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	l.mu.Lock()
	counters := []*counter{&a.turns, &a.tokens}
	sent := make([]counter, len(counters))
	for i, c := range counters {
		sent[i] = *c
		c.sending, c.local = c.sending+c.local, 0
	}
	l.mu.Unlock()
	for _, err := range safego.Each(ctx, len(counters), len(counters), func(i int) error { return l.send(ctx, counters[i], sent[i]) }) {
		if err != nil {
			metric.CountFault(ctx, "AnswerDegraded", err)
			slog.WarnContext(ctx, "what a key has used was not stored; this process goes on counting by itself", "event", "chat.usage_not_stored", "keyId", p.ID, "error", err)
		}
	}
}

// send adds the local amount of a counter, as it was, to the store.
func (l *KeyLimits) send(ctx context.Context, c *counter, was counter) error {
	if was.local == 0 {
		return nil
	}
	total, err := l.Store.AddUsage(ctx, was.key, was.local, was.expiresAt)
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.key != was.key { // the next window has begun
		return err
	}
	c.sending -= was.local
	if err != nil {
		c.local += was.local
	} else {
		c.total = max(c.total, total)
	}
	return err
}
