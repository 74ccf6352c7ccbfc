package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

const sessionEndPrefix = "session-end#"

// sessionEndItem says that an operator's session has ended.
type sessionEndItem struct {
	Key       string `dynamo:"key,hash"`
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// EndSession notes that an operator's session has ended. The table drops the note some time after until.
func (s *Ledger) EndSession(ctx context.Context, id string, until time.Time) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	if err := t.Put(sessionEndItem{Key: sessionEndPrefix + aurora.SafeKey(id), ExpiresAt: until.Unix()}).Run(ctx); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// HasSessionEnded reports whether EndSession was called for a session. The read is consistent, so that a session ends at once.
func (s *Ledger) HasSessionEnded(ctx context.Context, id string) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	var item sessionEndItem
	err = t.Get("key", sessionEndPrefix+aurora.SafeKey(id)).Consistent(true).One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read session end: %w", err)
	}
	return true, nil
}
