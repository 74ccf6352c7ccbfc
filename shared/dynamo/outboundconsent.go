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

const consentPrefix = "consent#"

// consent is a number whose holder agreed to be called, as an item. It holds until it is withdrawn.
type consent struct {
	Key    string `dynamo:"key,hash"`
	Source string `dynamo:"source"`
	At     string `dynamo:"at"` // RFC 3339, UTC
}

// Consent notes that a number's holder agreed to be called, and says who noted it. A number that is there already
// keeps its first source and time.
func (s *Ledger) Consent(ctx context.Context, number aurora.Phone, source string) error {
	if err := whole(number); err != nil {
		return err
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Put(consent{Key: consentPrefix + string(number), Source: source, At: s.now().UTC().Format(time.RFC3339)}).
		If("attribute_not_exists($)", "key").Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return away("Consents cannot be written now.").Because(fmt.Errorf("write consent: %w", err))
	}
	return nil
}

// Consented reports whether a number's holder agreed to be called. Whoever gets an error must not call.
func (s *Ledger) Consented(ctx context.Context, number aurora.Phone) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	var c consent
	err = t.Get("key", consentPrefix+string(number)).Consistent(true).One(ctx, &c)
	if errors.Is(err, dynamo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, away("Consents cannot be read now.").Because(fmt.Errorf("read consent: %w", err))
	}
	return true, nil
}

// Withdraw notes that a number's holder does not agree any more; it reports whether they had.
func (s *Ledger) Withdraw(ctx context.Context, number aurora.Phone) (was bool, err error) {
	return s.strike(ctx, consentPrefix, number)
}

// Unrefuse takes a number off the do-not-call list; it reports whether it was there.
func (s *Ledger) Unrefuse(ctx context.Context, number aurora.Phone) (was bool, err error) {
	return s.strike(ctx, refusedPrefix, number)
}

func (s *Ledger) strike(ctx context.Context, prefix string, number aurora.Phone) (was bool, err error) {
	if err := whole(number); err != nil {
		return false, err
	}
	t, err := s.table()
	if err != nil {
		return false, err
	}
	err = t.Delete("key", prefix+string(number)).If("attribute_exists($)", "key").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, away("The list cannot be written now.").Because(fmt.Errorf("strike number: %w", err))
	}
	return true, nil
}

func whole(number aurora.Phone) error {
	if p, ok := aurora.ParsePhone(string(number)); !ok || p != number {
		return fault.New(fault.Invalid, "This is no number in E.164.").Coded("invalid_phone_number")
	}
	return nil
}
