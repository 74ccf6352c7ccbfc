package outbound

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// MicroUSD is money, in millionths of a US dollar.
type MicroUSD int64

var dollarsPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]{1,9}(?:\.([0-9]{1,6}))?$`)
})

// ParseUSD reads an amount such as 0.10.
func ParseUSD(s string) (MicroUSD, error) {
	m := dollarsPattern().FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is no amount of US dollars such as 0.10", s)
	}
	whole, _, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(whole+(m[1] + "000000")[:6], 10, 64)
	return MicroUSD(n), err
}

// Limits bound how much is called. Zero allows nothing.
type Limits struct {
	KeyPerMinute, KeyPerDay          int64 // calls that one key may place
	DestinationPerDay, CountryPerDay int64 // calls to one number, to one country
	SpendPerDay                      MicroUSD
	EstimatePerCall                  MicroUSD // reserved for each call, whose price nobody knows before
}

// limit is a tally, and what is said where it is full.
type limit struct {
	aurora.Quota
	code, message string
	wait          time.Duration
}

// quotas is every limit that a call to a number runs into, in the order in which they are taken. A call nobody's key asks
// for has none of a key's.
func (l Limits) quotas(holder string, to Number, now time.Time) []limit {
	now = now.UTC()
	day := now.Format(time.DateOnly)
	minute := now.Truncate(time.Minute)
	midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
	kept := midnight.Add(24 * time.Hour)
	daily := func(key string, amount, most int64, code, message string) limit {
		return limit{Quota: aurora.Quota{Key: "count#" + key + "#" + day, Amount: amount, Limit: most, ExpiresAt: kept},
			code: code, message: message, wait: midnight.Sub(now)}
	}
	var all []limit
	if holder != "" {
		all = append(all,
			limit{Quota: aurora.Quota{Key: "count#minute#" + holder + "#" + minute.Format("2006-01-02T15:04"), Amount: 1, Limit: l.KeyPerMinute,
				ExpiresAt: minute.Add(time.Hour)}, code: "key_limit", message: "This key has placed its calls for this minute.", wait: minute.Add(time.Minute).Sub(now)},
			daily("key#"+holder, 1, l.KeyPerDay, "key_limit", "This key has placed its calls for today."))
	}
	return append(all,
		daily("to#"+string(to.Phone), 1, l.DestinationPerDay, "destination_limit", "This number has been called often enough today."),
		daily("country#"+to.Region, 1, l.CountryPerDay, "country_limit", "This country has been called often enough today."),
		daily("spend", int64(l.EstimatePerCall), int64(l.SpendPerDay), "budget_exhausted", "Today's budget for calls is used up."))
}

func (l limit) exceeded() *fault.Error {
	return fault.New(fault.RateLimited, l.message).WithCode(l.code).WithRetryAfter(time.Duration(math.Ceil(l.wait.Seconds())) * time.Second)
}

// takeQuotas takes all of the limits for a record, or none.
func (s *Service) takeQuotas(ctx context.Context, record string, limits []limit) error {
	for i, l := range limits {
		taken, err := s.Ledger.TakeQuota(ctx, l.Quota, record)
		if taken && err == nil {
			continue
		}
		s.returnQuotas(ctx, limits[:i])
		if err != nil {
			return errUnavailable("The limits of calls cannot be counted now, so no call was placed.", fmt.Errorf("take %s: %w", l.code, err))
		}
		if l.code == "budget_exhausted" {
			s.countMetric(ctx, "BudgetExhausted")
		}
		return l.exceeded()
	}
	return nil
}

// returnQuotas gives back what a call took that was not placed. What cannot be given back stays taken.
func (s *Service) returnQuotas(ctx context.Context, limits []limit) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	var failed error
	for _, l := range limits {
		if err := s.Ledger.ReturnQuota(ctx, l.Quota); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", l.code, err))
		}
	}
	if failed != nil {
		slog.WarnContext(ctx, "what a call took of its limits was not given back", "error", failed)
	}
}
