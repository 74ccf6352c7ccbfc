package dynamo

import (
	"context"
	"fmt"
	"time"
)

// usageItem is a counter of what a key has used as an item.
type usageItem struct {
	N int64 `dynamo:"n"`
}

// AddUsage adds an amount to a counter and returns the sum. The SDK repeats a write whose reply was lost; the amount may then
// count twice.
func (s *Ledger) AddUsage(ctx context.Context, counter string, amount int64, expiresAt time.Time) (total int64, err error) {
	t, err := s.table()
	if err != nil {
		return 0, err
	}
	var item usageItem
	err = t.Update("key", counter).Add("n", amount).Set(expiryKey, expiresAt.Unix()).OnlyUpdatedValue(ctx, &item)
	if err != nil {
		return 0, fmt.Errorf("add usage: %w", err)
	}
	return item.N, nil
}
