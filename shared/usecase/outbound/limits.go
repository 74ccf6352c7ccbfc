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

// MicroUSD is an amount of money in millionths of a US dollar.
type MicroUSD int64

var dollarsPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[0-9]{1,9}(?:\.([0-9]{1,6}))?$`)
})

// ParseUSD reads an amount such as 0.10.
func ParseUSD(s string) (MicroUSD, error) {
	m := dollarsPattern().FindStringSubmatch(s)
	if m == nil {
		return 0, fmt.Errorf("%q is not an amount of US dollars such as 0.10", s)
	}
	dollars, _, _ := strings.Cut(s, ".")
	n, err := strconv.ParseInt(dollars+(m[1] + "000000")[:6], 10, 64)
	return MicroUSD(n), err
}

// Limits bounds the number of calls and the spend. A limit of zero allows nothing.
type Limits struct {
	KeyPerMinute, KeyPerDay          int64 // calls with one API key
	DestinationPerDay, CountryPerDay int64 // calls to one number, to one country
	SpendPerDay                      MicroUSD
	EstimatePerCall                  MicroUSD // reserved for each call, whose price is not known in advance
}

// limit is a quota, and the error for a call that exceeds it.
type limit struct {
	aurora.Quota
	code, message string
	retryAfter    time.Duration // until the quota's window ends
}

// quotas returns the limits of a call to a number, in the order in which they are taken. If keyName is empty, the limits of
// an API key are left out.
func (l Limits) quotas(keyName string, to Number, now time.Time) []limit {
	now = now.UTC()
	day := now.Format(time.DateOnly)
	minute := now.Truncate(time.Minute)
	midnight := now.Truncate(24 * time.Hour).Add(24 * time.Hour)
	expiresAt := midnight.Add(24 * time.Hour)
	daily := func(key string, amount, maximum int64, code, message string) limit {
		return limit{Quota: aurora.Quota{Key: "count#" + key + "#" + day, Amount: amount, Limit: maximum, ExpiresAt: expiresAt},
			code: code, message: message, retryAfter: midnight.Sub(now)}
	}
	var all []limit
	if keyName != "" {
		all = append(all,
			limit{Quota: aurora.Quota{Key: "count#minute#" + keyName + "#" + minute.Format("2006-01-02T15:04"), Amount: 1, Limit: l.KeyPerMinute,
				ExpiresAt: minute.Add(time.Hour)}, code: "key_limit", message: "This key has placed its calls for this minute.", retryAfter: minute.Add(time.Minute).Sub(now)},
			daily("key#"+keyName, 1, l.KeyPerDay, "key_limit", "This key has placed its calls for today."))
	}
	return append(all,
		daily("to#"+string(to.Phone), 1, l.DestinationPerDay, "destination_limit", "This number has been called often enough today."),
		daily("country#"+to.Region, 1, l.CountryPerDay, "country_limit", "This country has been called often enough today."),
		daily("spend", int64(l.EstimatePerCall), int64(l.SpendPerDay), "budget_exhausted", "Today's budget for calls is used up."))
}

// exceeded returns the error for a call that exceeds the limit.
func (l limit) exceeded() *fault.Error {
	return fault.New(fault.RateLimited, l.message).WithCode(l.code).WithRetryAfter(time.Duration(math.Ceil(l.retryAfter.Seconds())) * time.Second)
}

// takeQuotas takes the quotas of all limits for a record, or none.
func (s *Service) takeQuotas(ctx context.Context, recordID string, limits []limit) error {
	for i, l := range limits {
		taken, err := s.Ledger.TakeQuota(ctx, l.Quota, recordID)
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

// returnQuotas returns the quotas of a call that was not placed. A quota whose return fails stays taken.
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
		slog.WarnContext(ctx, "quotas of a call that was not placed were not returned", "event", "outbound.quota_not_returned", "error", failed)
	}
}
