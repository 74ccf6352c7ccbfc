package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// listed is a number on one of the lists, as an item. It never expires.
type listed struct {
	Key    string `dynamo:"key,hash"`
	Source string `dynamo:"source"`
	At     string `dynamo:"at"` // RFC 3339, UTC
}

// list is what stands before a number in the key of an item.
type list string

const (
	refusals list = "dnc#"     // numbers that must not be called or texted
	consents list = "consent#" // numbers whose holders agreed to be called
)

// Refuse puts a number on the do-not-call list, and says who asked for it. A number that is there already keeps its
// first source and time.
func (s *Ledger) Refuse(ctx context.Context, number aurora.Phone, source string) error {
	return s.enter(ctx, refusals, number, source)
}

// Refused reports whether a number is on the do-not-call list. Whoever gets an error must not call.
func (s *Ledger) Refused(ctx context.Context, number aurora.Phone) (bool, error) {
	return s.listed(ctx, refusals, number)
}

// Unrefuse takes a number off the do-not-call list; it reports whether it was there.
func (s *Ledger) Unrefuse(ctx context.Context, number aurora.Phone) (was bool, err error) {
	return s.strike(ctx, refusals, number)
}

// Consent notes that a number's holder agreed to be called, and says who noted it. A number that is there already
// keeps its first source and time.
func (s *Ledger) Consent(ctx context.Context, number aurora.Phone, source string) error {
	return s.enter(ctx, consents, number, source)
}

// Consented reports whether a number's holder agreed to be called. Whoever gets an error must not call.
func (s *Ledger) Consented(ctx context.Context, number aurora.Phone) (bool, error) {
	return s.listed(ctx, consents, number)
}

// Withdraw notes that a number's holder does not agree any more; it reports whether they had.
func (s *Ledger) Withdraw(ctx context.Context, number aurora.Phone) (was bool, err error) {
	return s.strike(ctx, consents, number)
}

func (s *Ledger) enter(ctx context.Context, l list, number aurora.Phone, source string) error {
	if err := whole(number); err != nil {
		return err
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Put(listed{Key: string(l) + string(number), Source: source, At: s.now().UTC().Format(time.RFC3339)}).
		If("attribute_not_exists($)", "key").Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return away("The list of numbers cannot be written now.").Because(fmt.Errorf("write %s: %w", l, err))
	}
	return nil
}

func (s *Ledger) listed(ctx context.Context, l list, number aurora.Phone) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	var there listed
	err = t.Get("key", string(l)+string(number)).Consistent(true).One(ctx, &there)
	if errors.Is(err, dynamo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, away("The list of numbers cannot be read now.").Because(fmt.Errorf("read %s: %w", l, err))
	}
	return true, nil
}

func (s *Ledger) strike(ctx context.Context, l list, number aurora.Phone) (was bool, err error) {
	if err := whole(number); err != nil {
		return false, err
	}
	t, err := s.table()
	if err != nil {
		return false, err
	}
	err = t.Delete("key", string(l)+string(number)).If("attribute_exists($)", "key").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, away("The list of numbers cannot be written now.").Because(fmt.Errorf("strike %s: %w", l, err))
	}
	return true, nil
}

func whole(number aurora.Phone) error {
	if p, ok := aurora.ParsePhone(string(number)); !ok || p != number {
		return fault.New(fault.Invalid, "This is no number in E.164.").Coded("invalid_phone_number")
	}
	return nil
}
