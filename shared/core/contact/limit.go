package contact

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
)

// Limit is a quota, and the error for a contact that exceeds it.
type Limit struct {
	aurora.Quota
	Code, Message string
	RetryAfter    time.Duration // until the quota's window ends
}

// codeBudget is the code of the limit of the day's spend.
const codeBudget = "budget_exhausted"

// PerDay returns a limit for the UTC day of now. key names what is counted.
func PerDay(key string, amount, maximum int64, now time.Time, code, message string) Limit {
	now = now.UTC()
	midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
	return Limit{Quota: aurora.Quota{Key: "count#" + key + "#" + now.Format(time.DateOnly), Amount: amount, Limit: maximum, ExpiresAt: midnight.Add(24 * time.Hour)},
		Code: code, Message: message, RetryAfter: midnight.Sub(now)}
}

// PerMinute returns a limit of one contact at a time for the minute of now. key names what is counted.
func PerMinute(key string, maximum int64, now time.Time, code, message string) Limit {
	minute := now.UTC().Truncate(time.Minute)
	return Limit{Quota: aurora.Quota{Key: "count#" + key + "#" + minute.Format("2006-01-02T15:04"), Amount: 1, Limit: maximum, ExpiresAt: minute.Add(time.Hour)},
		Code: code, Message: message, RetryAfter: minute.Add(time.Minute).Sub(now)}
}

// Spend returns the limit of what all calls and messages of a day may cost together.
func Spend(estimate, maximum aurora.MicroUSD, now time.Time, message string) Limit {
	return PerDay("spend", int64(estimate), int64(maximum), now, codeBudget, message)
}

// Exceeded returns the error for a contact that exceeds the limit.
func (l Limit) Exceeded() *fault.Error {
	return fault.New(fault.RateLimited, l.Message).WithCode(l.Code).WithRetryAfter(time.Duration(math.Ceil(l.RetryAfter.Seconds())) * time.Second)
}

// returnTimeout bounds the writes after a contact that did not take place, also if the caller has disconnected.
const returnTimeout = 3 * time.Second

// Take takes all limits, or none. taker is an id of this contact, so that a repeated write is not counted twice.
func (g *Guard) Take(ctx context.Context, c Channel, taker string, limits []Limit) error {
	for i, l := range limits {
		taken, err := g.Ledger.TakeQuota(ctx, l.Quota, taker)
		if taken && err == nil {
			continue
		}
		g.Return(ctx, limits[:i])
		if err != nil {
			return c.errUnavailable("The limits of "+c.what+" cannot be counted now", fmt.Errorf("take %s: %w", l.Code, err))
		}
		return g.exceeded(ctx, l)
	}
	return nil
}

// CheckPossible returns an error if one of the limits allows nothing, whatever was used before. It reads and writes nothing.
// The last such limit decides: those of the deployment stand after those of a key.
func (g *Guard) CheckPossible(ctx context.Context, limits []Limit) error {
	for _, l := range slices.Backward(limits) {
		if l.Amount > l.Limit {
			return g.exceeded(ctx, l)
		}
	}
	return nil
}

// exceeded counts that a limit was exceeded, and returns the error.
func (g *Guard) exceeded(ctx context.Context, l Limit) error {
	if l.Code == codeBudget {
		g.count(ctx, "BudgetExhausted")
	}
	return l.Exceeded()
}

// Return returns the limits of a contact that did not take place. A limit whose return fails stays taken.
func (g *Guard) Return(ctx context.Context, limits []Limit) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), returnTimeout)
	defer cancel()
	var failed error
	for _, l := range limits {
		if err := g.Ledger.ReturnQuota(ctx, l.Quota); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", l.Code, err))
		}
	}
	if failed != nil {
		metric.CountFault(ctx, "AnswerDegraded", failed)
		slog.WarnContext(ctx, "quotas of a contact that did not take place were not returned", "event", "contact.quota_not_returned", "error", failed)
	}
}
