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

// listItem is a number on a list, as an item. It never expires.
type listItem struct {
	Key    string `dynamo:"key,hash"`
	Source string `dynamo:"source"`
	At     string `dynamo:"at"` // RFC 3339, UTC
}

// listPrefix is the prefix of a list's keys.
type listPrefix string

const (
	doNotCallPrefix listPrefix = "dnc#"     // numbers that must not be called or texted
	consentPrefix   listPrefix = "consent#" // numbers whose owners consented to calls
)

// AddDoNotCall adds a number to the do-not-call list. source says who asked for it. A number that is on the list already
// keeps its first source and time.
func (s *Ledger) AddDoNotCall(ctx context.Context, number aurora.Phone, source string) error {
	return s.addToList(ctx, doNotCallPrefix, number, source)
}

// IsDoNotCall reports whether a number is on the do-not-call list. After an error the number must not be called.
func (s *Ledger) IsDoNotCall(ctx context.Context, number aurora.Phone) (bool, error) {
	return s.isOnList(ctx, doNotCallPrefix, number)
}

// RemoveDoNotCall removes a number from the do-not-call list and reports whether it was on it.
func (s *Ledger) RemoveDoNotCall(ctx context.Context, number aurora.Phone) (removed bool, err error) {
	return s.removeFromList(ctx, doNotCallPrefix, number)
}

// AddConsent stores that the owner of a number consented to calls. source says who stored it. A number that has consent
// already keeps its first source and time.
func (s *Ledger) AddConsent(ctx context.Context, number aurora.Phone, source string) error {
	return s.addToList(ctx, consentPrefix, number, source)
}

// HasConsent reports whether the owner of a number consented to calls. After an error the number must not be called.
func (s *Ledger) HasConsent(ctx context.Context, number aurora.Phone) (bool, error) {
	return s.isOnList(ctx, consentPrefix, number)
}

// RemoveConsent removes the consent of a number and reports whether there was one.
func (s *Ledger) RemoveConsent(ctx context.Context, number aurora.Phone) (removed bool, err error) {
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

// isOnList looks up every spelling of the number: an entry may be older than the one spelling that ParsePhone returns, or
// have been written by another program.
func (s *Ledger) isOnList(ctx context.Context, l listPrefix, number aurora.Phone) (bool, error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	for _, spelling := range number.Spellings() {
		var item listItem
		err = t.Get("key", string(l)+string(spelling)).Consistent(true).One(ctx, &item)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, dynamo.ErrNotFound) {
			return false, errUnavailable("The list of numbers cannot be read now.").Because(fmt.Errorf("read %s: %w", l, err))
		}
	}
	return false, nil
}

func (s *Ledger) removeFromList(ctx context.Context, l listPrefix, number aurora.Phone) (removed bool, err error) {
	if err := checkE164(number); err != nil {
		return false, err
	}
	t, err := s.table()
	if err != nil {
		return false, err
	}
	for _, spelling := range number.Spellings() {
		err = t.Delete("key", string(l)+string(spelling)).If("attribute_exists($)", "key").Run(ctx)
		if err != nil && !dynamo.IsCondCheckFailed(err) {
			return removed, errUnavailable("The list of numbers cannot be written now.").Because(fmt.Errorf("remove from %s: %w", l, err))
		}
		removed = removed || err == nil
	}
	return removed, nil
}

// checkE164 rejects numbers in another form: an item with such a key would never be found.
func checkE164(number aurora.Phone) error {
	if p, ok := aurora.ParsePhone(string(number)); !ok || p != number {
		return fault.New(fault.Invalid, "The number must be in E.164, such as +14155550100.").WithCode("invalid_phone_number")
	}
	return nil
}
