package outbound

import (
	"context"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/contact"
)

// CheckEligible returns nil if a number may be called now, by the same rules as for a call to it. A rejection has the
// code of the rule; fault.Unavailable means that a store does not answer. Quotas are read and not taken, and those of an
// API key do not apply. timeZone is where the contact is, if known.
func (s *Service) CheckEligible(ctx context.Context, number, timeZone string) error {
	to, err := ParseNumber(number, s.Guards.DefaultRegion)
	if err != nil {
		return err
	}
	if err := s.contacts().CheckNumber(ctx, contact.Calls, to.Phone, aurora.Assistant{}); err != nil {
		return err
	}
	now := s.Now()
	if err := s.checkRecipient(ctx, to, timeZone, now); err != nil {
		return err
	}
	for _, l := range s.Guards.Limits.quotas(auth.Principal{}, to, now) {
		n, err := s.Ledger.QuotaUsed(ctx, l.Key)
		if err != nil {
			return errUnavailable("The limits of calls cannot be read now.", err)
		}
		if n+l.Amount > l.Limit {
			return l.Exceeded()
		}
	}
	return nil
}
