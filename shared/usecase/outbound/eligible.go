package outbound

import (
	"context"

	"example.com/aurora/shared/core/aurora"
)

// CheckEligible is whether a number could be called now, by the guards that a call to it runs into: nil where it could, the
// refusal where not, and a fault.Unavailable where that cannot be said. Counters are read and not taken, and there is
// no key whose limits could count. zone is where the contact is said to be; empty where nobody said.
func (s *Service) CheckEligible(ctx context.Context, number, zone string) error {
	to, err := ParseNumber(number, s.Guards.DefaultRegion)
	if err != nil {
		return err
	}
	if err := s.checkNumber(ctx, to); err != nil {
		return err
	}
	now := s.Now()
	if err := s.checkRecipient(ctx, to, zone, now); err != nil {
		return err
	}
	for _, l := range s.Guards.Limits.quotas("", to, now) {
		n, err := s.Ledger.QuotaUsed(ctx, l.Key)
		if err != nil {
			return errUnavailable("The limits of calls cannot be read now.", err)
		}
		if n+l.Amount > l.Limit {
			return l.exceeded()
		}
	}
	return nil
}

// FindCall is what an assistant may know of the call it speaks on, by the call's sid or its record's id; it is not ok where
// the call is none of ours.
func FindCall(ctx context.Context, records interface {
	Record(ctx context.Context, idOrSID string) (r aurora.OutboundCall, ok bool, err error)
}, idOrSID string) (c aurora.OutboundContext, ok bool, err error) {
	if !aurora.IsSafeID(idOrSID) {
		return c, false, nil
	}
	r, ok, err := records.Record(ctx, idOrSID)
	if err != nil || !ok || r.State == aurora.OutboundRejected {
		return c, false, err
	}
	return r.Context(), true, nil
}
