package outbound

import (
	"context"
	"slices"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Guards are the deployment's rules. The zero value lets nobody be called.
type Guards struct {
	Countries      Countries
	DefaultRegion  string // that national numbers are of; empty refuses them
	RequireConsent bool
	Hours          Hours
	Limits         Limits
}

// mayUse is whether a key may place calls for an assistant.
func (k Key) mayUse(assistant string) error {
	if len(k.Assistants) > 0 && !slices.Contains(k.Assistants, assistant) {
		return fault.New(fault.Forbidden, "This key may not place calls for this assistant.").Coded("assistant_not_allowed").In("assistantId")
	}
	return nil
}

// holder is a key's name as it may stand in the ledger, its kind where it has none. The two never meet.
func (k Key) holder() string {
	if k.Name != "" {
		return "n-" + aurora.SafeName(k.Name)
	}
	return "k-" + aurora.SafeName(k.Kind)
}

// caller is the number that an assistant calls from.
func (g Guards) caller(a aurora.Assistant) (aurora.Phone, error) {
	if p, ok := aurora.ParsePhone(string(a.AssistantPhoneNumber)); ok {
		return p, nil // Twilio knows whether it is the account's, which a number's form does not tell
	}
	n, err := ParseNumber(string(a.AssistantPhoneNumber), g.DefaultRegion)
	if err != nil {
		return "", fault.New(fault.Invalid, "The assistant has no phone number to call from.").Coded("assistant_number_invalid").In("assistantId")
	}
	return n.Phone, nil
}

// destination is whether a number may be called at all: its type, its country, and that it is none of the project's.
func (s *Service) destination(ctx context.Context, to Number, own ...aurora.Phone) error {
	if !to.Ordinary() {
		return fault.New(fault.Forbidden, "Numbers of this type are not called: only mobile and fixed lines are.").Coded("number_type_blocked")
	}
	if !s.Guards.Countries.Allow(to.Region) {
		return fault.New(fault.Forbidden, "This country is not called.").Coded("country_blocked")
	}
	ours := fault.New(fault.Forbidden, "This number is one of our own.").Coded("number_type_blocked")
	if slices.Contains(own, to.Phone) {
		return ours
	}
	switch _, err := s.Assistants.ByNumber(ctx, to.Phone); {
	case err == nil, fault.Is(err, fault.Internal): // one that cannot be read has the number all the same
		return ours
	case !fault.Is(err, fault.NotFound):
		return unavailable("The assistants cannot be read now, so no call was placed.", err)
	}
	return nil
}

// person is whether whoever has a number may be called now: do-not-call, consent, the hour. zone is where they are said
// to be besides; empty where nobody said.
func (s *Service) person(ctx context.Context, to Number, zone string, now time.Time) error {
	refused, err := s.Ledger.Refused(ctx, to.Phone)
	if err != nil {
		return unavailable("The do-not-call list cannot be read now, so no call was placed.", err)
	}
	if refused {
		return fault.New(fault.Forbidden, "This number is on the do-not-call list.").Coded("do_not_call")
	}
	if s.Guards.RequireConsent {
		consented, err := s.Ledger.Consented(ctx, to.Phone)
		if err != nil {
			return unavailable("Consents cannot be read now, so no call was placed.", err)
		}
		if !consented {
			return fault.New(fault.Forbidden, "There is no record that this number consented to be called.").Coded("consent_missing")
		}
	}
	zones := to.Zones
	if zone != "" {
		zones = append(slices.Clip(zones), zone)
	}
	if !s.Guards.Hours.Open(now, to.Zones) || !s.Guards.Hours.Open(now, zones) {
		return fault.New(fault.Forbidden, "It is outside the calling hours where this number is, or nobody knows where it is.").Coded("quiet_hours")
	}
	return nil
}

// ownNumbers are an assistant's, however they are written.
func (g Guards) ownNumbers(a aurora.Assistant) []aurora.Phone {
	own := a.Numbers()
	for _, s := range append([]string{string(a.AssistantPhoneNumber), string(a.TextFromNumber)}, a.PhoneNumbers...) {
		if p, ok := aurora.ParsePhone(s); ok {
			own = append(own, p)
		} else if n, err := ParseNumber(s, g.DefaultRegion); err == nil {
			own = append(own, n.Phone)
		}
	}
	return own
}
