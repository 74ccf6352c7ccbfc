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

// listItem is a number on one of the lists, as an item. It never expires.
type listItem struct {
	Key    string `dynamo:"key,hash"`
	Source string `dynamo:"source"`
	At     string `dynamo:"at"` // RFC 3339, UTC
}

// listPrefix is what stands before a number in the key of an item.
type listPrefix string

const (
	doNotCallPrefix listPrefix = "dnc#"     // numbers that must not be called or texted
	consentPrefix   listPrefix = "consent#" // numbers whose holders agreed to be called
)

// AddDoNotCall puts a number on the do-not-call list, and says who asked for it. A number that is there already keeps its
// first source and time.
func (s *Ledger) AddDoNotCall(ctx context.Context, number aurora.Phone, source string) error {
	return s.addToList(ctx, doNotCallPrefix, number, source)
}

// IsDoNotCall reports whether a number is on the do-not-call list. Whoever gets an error must not call.
func (s *Ledger) IsDoNotCall(ctx context.Context, number aurora.Phone) (bool, error) {
	return s.isOnList(ctx, doNotCallPrefix, number)
}

// RemoveDoNotCall takes a number off the do-not-call list; it reports whether it was there.
func (s *Ledger) RemoveDoNotCall(ctx context.Context, number aurora.Phone) (was bool, err error) {
	return s.removeFromList(ctx, doNotCallPrefix, number)
}

// AddConsent notes that a number's holder agreed to be called, and says who noted it. A number that is there already
// keeps its first source and time.
func (s *Ledger) AddConsent(ctx context.Context, number aurora.Phone, source string) error {
	return s.addToList(ctx, consentPrefix, number, source)
}

// HasConsent reports whether a number's holder agreed to be called. Whoever gets an error must not call.
func (s *Ledger) HasConsent(ctx context.Context, number aurora.Phone) (bool, error) {
	return s.isOnList(ctx, consentPrefix, number)
}

// RemoveConsent notes that a number's holder does not agree any more; it reports whether they had.
func (s *Ledger) RemoveConsent(ctx context.Context, number aurora.Phone) (was bool, err error) {
	return s.removeFromList(ctx, consentPrefix, number)
}

func (s *Ledger) addToList(ctx context.Context, l listPrefix, number aurora.Phone, source string) error {
	if err := checkE164(number); err != nil {
		return err
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Put(listItem{Key: string(l) + string(number), Source: source, At: s.now().UTC().Format(time.RFC3339)}).
		If("attribute_not_exists($)", "key").Run(ctx)
	if err != nil && !dynamo.IsCondCheckFailed(err) {
		return errUnavailable("The list of numbers cannot be written now.").Because(fmt.Errorf("write %s: %w", l, err))
	}
	return nil
}

func (s *Ledger) isOnList(ctx context.Context, l listPrefix, number aurora.Phone) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	var there listItem
	err = t.Get("key", string(l)+string(number)).Consistent(true).One(ctx, &there)
	if errors.Is(err, dynamo.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, errUnavailable("The list of numbers cannot be read now.").Because(fmt.Errorf("read %s: %w", l, err))
	}
	return true, nil
}

func (s *Ledger) removeFromList(ctx context.Context, l listPrefix, number aurora.Phone) (was bool, err error) {
	if err := checkE164(number); err != nil {
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
		return false, errUnavailable("The list of numbers cannot be written now.").Because(fmt.Errorf("strike %s: %w", l, err))
	}
	return true, nil
}

func checkE164(number aurora.Phone) error {
	if p, ok := aurora.ParsePhone(string(number)); !ok || p != number {
		return fault.New(fault.Invalid, "This is no number in E.164.").WithCode("invalid_phone_number")
	}
	return nil
}
