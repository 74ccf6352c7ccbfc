package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// keyItem is an aurora.IdempotencyClaim as an item. Until is what counts, to the millisecond; ExpiresAt only tidies up.
type keyItem struct {
	Key         string `dynamo:"key,hash"`
	Fingerprint string `dynamo:"fingerprint"`
	Record      string `dynamo:"record"`
	Until       int64  `dynamo:"until"`
	ExpiresAt   int64  `dynamo:"expiresAt"`
}

// Key is who has an idempotency key; it is not ok where nobody has.
func (s *Outbound) Key(ctx context.Context, key string) (k aurora.IdempotencyClaim, ok bool, err error) {
	var item keyItem
	if ok, err = s.getItem(ctx, key, &item); !ok || err != nil || item.Until <= s.now().UnixMilli() {
		return k, false, err
	}
	return aurora.IdempotencyClaim{Key: key, Fingerprint: item.Fingerprint, RecordID: item.Record, ExpiresAt: timeFromMillis(item.Until)}, true, nil
}

// ClaimKey takes a key that is free, or that the record over has. The record is the owner's token: where the condition
// fails and the key is that record's, only the reply was lost.
func (s *Outbound) ClaimKey(ctx context.Context, k aurora.IdempotencyClaim, over string) (claimed bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	item := keyItem{Key: k.Key, Fingerprint: k.Fingerprint, Record: k.RecordID, Until: k.ExpiresAt.UnixMilli(), ExpiresAt: k.ExpiresAt.Add(time.Minute).Unix()}
	condition, args := "attribute_not_exists($) OR $ <= ?", []any{"key", "until", s.now().UnixMilli()}
	if over != "" {
		condition, args = condition+" OR $ = ?", append(args, "record", over)
	}
	err = t.Put(item).If(condition, args...).Run(ctx)
	if err == nil {
		return true, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return false, errUnavailable("The call cannot be written down now.").Because(fmt.Errorf("claim key: %w", err))
	}
	var held keyItem
	if _, err := s.getItem(ctx, k.Key, &held); err != nil {
		return false, err
	}
	return held.Record == k.RecordID, nil
}

// ReleaseKey frees a key that is the record's.
func (s *Outbound) ReleaseKey(ctx context.Context, key, record string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Delete("key", key).If("$ = ?", "record", record).Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return errUnavailable("The call's key cannot be released now.").Because(fmt.Errorf("release key: %w", err))
	}
	return nil
}

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
