package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

const (
	// erasedTTL is longer than anything can bring a report back: a message waits at most 14 days, a noncurrent version of an
	// object 30, and a table can be restored for 35.
	erasedTTL = 90 * 24 * time.Hour
	// erasedPrefix begins the key of the record that a call was erased. It holds a hash of the call's id and no personal data.
	erasedPrefix = "erased#"
)

type erasedItem struct {
	Key       string `dynamo:"key,hash"`
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// MarkErased remembers for 90 days that the data of an assistant's call was erased. names are the call's ids, in SafeKey's
// form.
func (s *Ledger) MarkErased(ctx context.Context, assistantID string, names []string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	for _, name := range names {
		item := erasedItem{Key: erasedPrefix + aurora.ErasedCall(assistantID, name), ExpiresAt: s.now().Add(erasedTTL).Unix()}
		if err := t.Put(item).Run(ctx); err != nil {
			return fmt.Errorf("mark a call as erased: %w", err)
		}
	}
	return nil
}

// IsErased reports whether the data of an assistant's call was erased. names are the call's ids, in SafeKey's form.
func (s *Ledger) IsErased(ctx context.Context, assistantID string, names []string) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		var item erasedItem
		err := t.Get("key", erasedPrefix+aurora.ErasedCall(assistantID, name)).Consistent(true).One(ctx, &item)
		if err == nil && item.ExpiresAt > s.now().Unix() {
			return true, nil
		}
		if err != nil && !errors.Is(err, dynamo.ErrNotFound) {
			return false, fmt.Errorf("look up an erased call: %w", err)
		}
	}
	return false, nil
}
