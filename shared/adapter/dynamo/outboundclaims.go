package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// keyItem is an aurora.Idempotency as an item. Until is what counts, to the millisecond; ExpiresAt only tidies up.
type keyItem struct {
	Key         string `dynamo:"key,hash"`
	Fingerprint string `dynamo:"fingerprint"`
	Record      string `dynamo:"record"`
	Until       int64  `dynamo:"until"`
	ExpiresAt   int64  `dynamo:"expiresAt"`
}

// Key is who has an idempotency key; it is not ok where nobody has.
func (s *Outbound) Key(ctx context.Context, key string) (k aurora.Idempotency, ok bool, err error) {
	var item keyItem
	if ok, err = s.find(ctx, key, &item); !ok || err != nil || item.Until <= s.now().UnixMilli() {
		return k, false, err
	}
	return aurora.Idempotency{Key: key, Fingerprint: item.Fingerprint, Record: item.Record, Until: moment(item.Until)}, true, nil
}

// ClaimKey takes a key that is free, or that the record over has. The record is the owner's token: where the condition
// fails and the key is that record's, only the reply was lost.
func (s *Outbound) ClaimKey(ctx context.Context, k aurora.Idempotency, over string) (claimed bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	item := keyItem{Key: k.Key, Fingerprint: k.Fingerprint, Record: k.Record, Until: k.Until.UnixMilli(), ExpiresAt: k.Until.Add(time.Minute).Unix()}
	condition, args := "attribute_not_exists($) OR $ <= ?", []any{"key", "until", s.now().UnixMilli()}
	if over != "" {
		condition, args = condition+" OR $ = ?", append(args, "record", over)
	}
	err = t.Put(item).If(condition, args...).Run(ctx)
	if err == nil {
		return true, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return false, away("The call cannot be written down now.").Because(fmt.Errorf("claim key: %w", err))
	}
	var held keyItem
	if _, err := s.find(ctx, k.Key, &held); err != nil {
		return false, err
	}
	return held.Record == k.Record, nil
}

// ReleaseKey frees a key that is the record's.
func (s *Outbound) ReleaseKey(ctx context.Context, key, record string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Delete("key", key).If("$ = ?", "record", record).Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return away("The call's key cannot be released now.").Because(fmt.Errorf("release key: %w", err))
	}
	return nil
}

// tallyItem is a counter as an item. last is who took from it last.
type tallyItem struct {
	Key  string `dynamo:"key,hash"`
	N    int64  `dynamo:"n"`
	Last string `dynamo:"last"`
}

// Take adds a tally's amount where that stays within the limit; it reports whether it did. A write whose reply was lost
// is recognised by its taker. Where another came between it counts twice, which refuses a call too many and never lets
// one through.
func (s *Outbound) Take(ctx context.Context, tally aurora.Tally, taker string) (taken bool, err error) {
	if tally.Amount < 0 || tally.Amount > tally.Limit {
		return false, nil
	}
	t, err := s.table()
	if err != nil {
		return false, err
	}
	err = t.Update("key", tally.Key).Add("n", tally.Amount).Set("last", taker).Set(expiryKey, tally.Expires.Unix()).
		If("(attribute_not_exists($) OR $ <= ?) AND (attribute_not_exists($) OR $ <> ?)",
			"n", "n", tally.Limit-tally.Amount, "last", "last", taker).Run(ctx)
	if err == nil {
		return true, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return false, away("The limits of calls cannot be counted now.").Because(fmt.Errorf("take from counter: %w", err))
	}
	var item tallyItem
	if _, err := s.find(ctx, tally.Key, &item); err != nil {
		return false, err
	}
	return item.Last == taker, nil
}

// GiveBack subtracts a tally's amount. It is tried once: a second try could give back twice.
func (s *Outbound) GiveBack(ctx context.Context, tally aurora.Tally) error {
	t, err := s.once()
	if err != nil {
		return err
	}
	err = t.Update("key", tally.Key).Add("n", -tally.Amount).If("$ >= ?", "n", tally.Amount).Run(ctx)
	if err != nil {
		return fmt.Errorf("give back to counter: %w", err)
	}
	return nil
}

// Counted is how much was taken from a counter.
func (s *Outbound) Counted(ctx context.Context, key string) (int64, error) {
	var item tallyItem
	_, err := s.find(ctx, key, &item)
	return item.N, err
}
