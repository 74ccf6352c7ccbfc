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
	At        int64  `dynamo:"at"`                 // seconds since 1970
	Finished  bool   `dynamo:"finished,omitempty"` // nothing of the call is left to be erased
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// MarkErased remembers for 90 days that the data of calls is erased now, or that it was. calls are what aurora.ErasedCall
// returns.
func (s *Ledger) MarkErased(ctx context.Context, calls []string, finished bool) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	now := s.now()
	for _, call := range calls {
		item := erasedItem{Key: erasedPrefix + call, At: now.Unix(), Finished: finished, ExpiresAt: now.Add(erasedTTL).Unix()}
		if err := t.Put(item).Run(ctx); err != nil {
			return fmt.Errorf("mark a call as erased: %w", err)
		}
	}
	return nil
}

// IsErased reports whether the data of an assistant's call was erased after the time at which the call was; zero if that is not
// known. A later call with the same id is another call. names are the call's ids, in SafeKey's form.
func (s *Ledger) IsErased(ctx context.Context, assistantID string, names []string, at time.Time) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	for _, name := range names {
		var item erasedItem
		err := t.Get("key", erasedPrefix+aurora.ErasedCall(assistantID, name)).Consistent(true).One(ctx, &item)
		if err == nil && item.ExpiresAt > s.now().Unix() && (at.IsZero() || at.Unix() <= item.At) {
			return true, nil
		}
		if err != nil && !errors.Is(err, dynamo.ErrNotFound) {
			return false, fmt.Errorf("look up an erased call: %w", err)
		}
	}
	return false, nil
}
