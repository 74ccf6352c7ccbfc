package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/idempotency"
)

// The attributes that hold a claim's owner. An outbound call's claim is owned by the id of the call's record.
const (
	ownerKey  = "owner"
	recordKey = "record"
)

// claimItem is an idempotency.Claim as an item. It has an Owner or a Record.
type claimItem struct {
	Key         string `dynamo:"key,hash"`
	Owner       string `dynamo:"owner,omitempty"`
	Record      string `dynamo:"record,omitempty"`
	Fingerprint string `dynamo:"fingerprint,omitempty"`
	State       string `dynamo:"state,omitempty"`
	Until       int64  `dynamo:"until"` // milliseconds since 1970: the end of the lease
	Result      string `dynamo:"result,omitempty"`
	ExpiresAt   int64  `dynamo:"expiresAt"`
}

func (s *Ledger) newClaimItem(c idempotency.Claim) claimItem {
	item := claimItem{Key: c.Key, Fingerprint: c.Fingerprint, State: string(c.State), Until: millis(c.LeaseUntil), Result: c.Result, ExpiresAt: c.ExpiresAt.Unix()}
	if s.ownerKey == recordKey {
		item.Record = c.Owner
	} else {
		item.Owner = c.Owner
	}
	return item
}

func (i claimItem) claim() idempotency.Claim {
	return idempotency.Claim{Key: i.Key, Owner: i.Owner + i.Record, Fingerprint: i.Fingerprint, State: idempotency.State(i.State), Result: i.Result,
		LeaseUntil: timeFromMillis(i.Until), ExpiresAt: timeFromSeconds(i.ExpiresAt)}
}

// FindClaim returns the claim of a key. It is not ok if there is none, or one that can be taken over.
func (s *Ledger) FindClaim(ctx context.Context, key string) (c idempotency.Claim, ok bool, err error) {
	item, ok, err := s.getClaim(ctx, key)
	if !ok || err != nil {
		return c, false, err
	}
	c, now := item.claim(), s.now()
	finished := c.State == idempotency.Done || c.State == idempotency.Unknown
	if item.ExpiresAt <= now.Unix() || !finished && item.Until <= now.UnixMilli() {
		return idempotency.Claim{}, false, nil
	}
	return c, true, nil
}

func (s *Ledger) getClaim(ctx context.Context, key string) (item claimItem, ok bool, err error) {
	t, err := s.table()
	if err != nil {
		return item, false, err
	}
	err = t.Get("key", key).Consistent(true).One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) {
		return item, false, nil
	}
	if err != nil {
		return item, false, errUnavailable("The ledger cannot be read now.").Because(fmt.Errorf("read claim: %w", err))
	}
	return item, true, nil
}

// ClaimKey stores a claim and returns it, unless another one holds the key: then it returns the other one, or the zero
// Claim if the other one has been released since.
func (s *Ledger) ClaimKey(ctx context.Context, c idempotency.Claim, replace string) (holder idempotency.Claim, err error) {
	t, err := s.table()
	if err != nil {
		return holder, err
	}
	put, now := t.Put(s.newClaimItem(c)), s.now()
	if replace != idempotency.AnyOwner {
		condition := "attribute_not_exists($) OR $ <= ? OR ((attribute_not_exists($) OR $ = ?) AND $ <= ?)"
		args := []any{"key", expiryKey, now.Unix(), "state", "state", string(idempotency.InProgress), "until", now.UnixMilli()}
		if replace != "" {
			condition, args = condition+" OR $ = ?", append(args, s.ownerKey, replace)
		}
		put = put.If(condition, args...)
	}
	err = put.Run(ctx)
	if err == nil {
		return c, nil
	}
	if !dynamo.IsCondCheckFailed(err) {
		return holder, errUnavailable("The ledger cannot be written now.").Because(fmt.Errorf("claim key: %w", err))
	}
	item, ok, err := s.getClaim(ctx, c.Key)
	if !ok || err != nil {
		return holder, err
	}
	return item.claim(), nil
}

// FinishKey stores the claim's state and result. It reports whether the key is still the owner's.
func (s *Ledger) FinishKey(ctx context.Context, c idempotency.Claim) (held bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	update := t.Update("key", c.Key).Set("state", string(c.State)).If("$ = ?", s.ownerKey, c.Owner)
	if c.State == idempotency.Done {
		update = update.Set("result", c.Result)
	}
	err = update.Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, errUnavailable("The ledger cannot be written now.").Because(fmt.Errorf("finish key: %w", err))
	}
	return true, nil
}

// ReleaseKey removes the claim of a key if it is the owner's. A condition that fails is no error: the claim is another
// owner's by now, or was removed by this call before its reply was lost.
func (s *Ledger) ReleaseKey(ctx context.Context, key, owner string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Delete("key", key).If("$ = ?", s.ownerKey, owner).Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return errUnavailable("The ledger cannot be written now.").Because(fmt.Errorf("release key: %w", err))
	}
	return nil
}
