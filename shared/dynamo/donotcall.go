package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"aurora/shared/aurora"
	"aurora/shared/fault"
)

const refusedPrefix = "dnc#"

// refusal is a number that must not be called or texted, as an item. It never expires.
type refusal struct {
	Key    string `dynamo:"key,hash"`
	Source string `dynamo:"source"`
	At     string `dynamo:"at"` // RFC 3339, UTC
}

// Refuse puts a number on the do-not-call list, and says who asked for it. A number that is there already keeps its
// first source and time.
func (s *Ledger) Refuse(ctx context.Context, number aurora.Phone, source string) error {
	if p, ok := aurora.ParsePhone(string(number)); !ok || p != number {
		return fault.New(fault.Invalid, "This is no number in E.164.").Coded("invalid_phone_number")
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Put(refusal{Key: refusedPrefix + string(number), Source: source, At: s.now().UTC().Format(time.RFC3339)}).
		If("attribute_not_exists($)", "key").Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return away("The do-not-call list cannot be written now.").Because(fmt.Errorf("write do-not-call: %w", err))
	}
	return nil
}

// Refused reports whether a number is on the do-not-call list. Whoever gets an error must not call.
func (s *Ledger) Refused(ctx context.Context, number aurora.Phone) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	var r refusal
	err = t.Get("key", refusedPrefix+string(number)).Consistent(true).One(ctx, &r)
	if errors.Is(err, dynamo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, away("The do-not-call list cannot be read now.").Because(fmt.Errorf("read do-not-call: %w", err))
	}
	return true, nil
}
