package dynamo

import (
	"context"
	"fmt"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// quotaItem is a counter as an item. last is who took from it last.
type quotaItem struct {
	Key  string `dynamo:"key,hash"`
	N    int64  `dynamo:"n"`
	Last string `dynamo:"last"`
}

// TakeQuota adds a tally's amount where that stays within the limit; it reports whether it did. A write whose reply was lost
// is recognised by its taker. Where another came between it counts twice, which refuses a call too many and never lets
// one through.
func (s *Outbound) TakeQuota(ctx context.Context, tally aurora.Quota, taker string) (taken bool, err error) {
	if tally.Amount < 0 || tally.Amount > tally.Limit {
		return false, nil
	}
	t, err := s.table()
	if err != nil {
		return false, err
	}
	err = t.Update("key", tally.Key).Add("n", tally.Amount).Set("last", taker).Set(expiryKey, tally.ExpiresAt.Unix()).
		If("(attribute_not_exists($) OR $ <= ?) AND (attribute_not_exists($) OR $ <> ?)",
			"n", "n", tally.Limit-tally.Amount, "last", "last", taker).Run(ctx)
	if err == nil {
		return true, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return false, errUnavailable("The limits of calls cannot be counted now.").Because(fmt.Errorf("take from counter: %w", err))
	}
	var item quotaItem
	if _, err := s.getItem(ctx, tally.Key, &item); err != nil {
		return false, err
	}
	return item.Last == taker, nil
}

// ReturnQuota subtracts a tally's amount. It is tried once: a second try could give back twice.
func (s *Outbound) ReturnQuota(ctx context.Context, tally aurora.Quota) error {
	t, err := s.singleAttempt()
	if err != nil {
		return err
	}
	err = t.Update("key", tally.Key).Add("n", -tally.Amount).If("$ >= ?", "n", tally.Amount).Run(ctx)
	if err != nil {
		return fmt.Errorf("give back to counter: %w", err)
	}
	return nil
}

// QuotaUsed is how much was taken from a counter.
func (s *Outbound) QuotaUsed(ctx context.Context, key string) (int64, error) {
	var item quotaItem
	_, err := s.getItem(ctx, key, &item)
	return item.N, err
}
