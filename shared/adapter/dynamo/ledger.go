package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// Ledger reads and writes the ledger table: small items that are written once or on a condition. Use NewLedger.
type Ledger struct {
	table    lazyTable
	now      func() time.Time
	ownerKey string // the attribute that holds the owner of a claim
}

// NewLedger returns the ledger in the table with this name.
func NewLedger(config func() (aws.Config, error), table string, now func() time.Time) *Ledger {
	return &Ledger{table: openTable(config, table), now: now, ownerKey: ownerKey}
}

// Open opens the connection that the ledger shares with all other stores of DynamoDB but the assistants.
func (s *Ledger) Open(ctx context.Context) error { return s.table.open(ctx, "key") }

// aliasItem is an aurora.CallAlias as an item.
type aliasItem struct {
	Key       string   `dynamo:"key,hash"`
	Parent    string   `dynamo:"parent,omitempty"`
	Created   int64    `dynamo:"created"` // milliseconds since 1970
	Places    []string `dynamo:"places,omitempty"`
	Revision  int      `dynamo:"revision"`
	ExpiresAt int64    `dynamo:"expiresAt"`
}

const aliasPrefix = "call#"

// Alias returns the alias with this name. It is not ok if there is none, or an expired one.
func (s *Ledger) Alias(ctx context.Context, name string) (a aurora.CallAlias, ok bool, err error) {
	t, err := s.table()
	if err != nil {
		return a, false, err
	}
	var r aliasItem
	err = t.Get("key", aliasPrefix+name).Consistent(true).One(ctx, &r)
	if errors.Is(err, dynamo.ErrNotFound) || err == nil && r.ExpiresAt <= s.now().Unix() {
		return a, false, nil
	}
	if err != nil {
		return a, false, fmt.Errorf("read alias: %w", err)
	}
	a = aurora.CallAlias{Name: name, Parent: r.Parent, Created: time.UnixMilli(r.Created).UTC(), Revision: r.Revision,
		ExpiresAt: time.Unix(r.ExpiresAt, 0).UTC()}
	for _, p := range r.Places {
		a.RowKeys = append(a.RowKeys, aurora.ParseCallKey(p, name))
	}
	return a, true, nil
}

// CreateAlias stores an alias unless there is one that has not expired. It reports whether it did.
func (s *Ledger) CreateAlias(ctx context.Context, a aurora.CallAlias) (done bool, err error) {
	return s.putAlias(ctx, a, "attribute_not_exists($) OR $ <= ?", "key", expiryKey, s.now().Unix())
}

// UpdateAlias stores an alias over the one with the revision before. It reports whether it did.
func (s *Ledger) UpdateAlias(ctx context.Context, a aurora.CallAlias) (done bool, err error) {
	return s.putAlias(ctx, a, "$ = ?", "revision", a.Revision-1)
}

func (s *Ledger) putAlias(ctx context.Context, a aurora.CallAlias, condition string, args ...any) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	r := aliasItem{Key: aliasPrefix + a.Name, Parent: a.Parent, Created: a.Created.UnixMilli(), Revision: a.Revision, ExpiresAt: a.ExpiresAt.Unix()}
	for _, p := range a.RowKeys {
		r.Places = append(r.Places, p.Partition()) // the row's call id is the alias's own name
	}
	err = t.Put(r).If(condition, args...).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("write alias: %w", err)
	}
	return true, nil
}
