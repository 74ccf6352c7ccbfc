package dynamo

import (
	"context"
	"fmt"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// quotaItem is a quota's counter as an item.
type quotaItem struct {
	Key  string `dynamo:"key,hash"`
	N    int64  `dynamo:"n"`    // the sum of the amounts that were taken
	Last string `dynamo:"last"` // who took last
}

// TakeQuota adds a quota's amount unless that exceeds the limit, and reports whether it did. taker tells calls apart: after
// a lost reply the SDK repeats the write, and the stored taker shows that the first one was applied. If another call took
// in between, the amount counts twice. That may reject one call too many and never allows one too many.
func (s *Outbound) TakeQuota(ctx context.Context, q aurora.Quota, taker string) (taken bool, err error) {
	if q.Amount < 0 || q.Amount > q.Limit {
		return false, nil
	}
	t, err := s.table()
	if err != nil {
		return false, err
	}
	err = t.Update("key", q.Key).Add("n", q.Amount).Set("last", taker).Set(expiryKey, q.ExpiresAt.Unix()).
		If("(attribute_not_exists($) OR $ <= ?) AND (attribute_not_exists($) OR $ <> ?)",
			"n", "n", q.Limit-q.Amount, "last", "last", taker).Run(ctx)
	if err == nil {
		return true, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return false, errUnavailable("The limits of calls cannot be counted now.").Because(fmt.Errorf("take quota: %w", err))
	}
	var item quotaItem
	if _, err := s.getItem(ctx, q.Key, &item); err != nil {
		return false, err
	}
	return item.Last == taker, nil
}

// ReturnQuota subtracts a quota's amount. It sends one request: a repeated one could return the amount twice.
func (s *Outbound) ReturnQuota(ctx context.Context, q aurora.Quota) error {
	t, err := s.singleAttempt()
	if err != nil {
		return err
	}
	err = t.Update("key", q.Key).Add("n", -q.Amount).If("$ >= ?", "n", q.Amount).Run(ctx)
	if err != nil {
		return fmt.Errorf("return quota: %w", err)
	}
	return nil
}

// QuotaUsed returns the sum of the amounts that were taken.
func (s *Outbound) QuotaUsed(ctx context.Context, key string) (int64, error) {
	var item quotaItem
	_, err := s.getItem(ctx, key, &item)
	return item.N, err
}
