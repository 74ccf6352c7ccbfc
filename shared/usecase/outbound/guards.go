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

// checkAssistant is whether a key may place calls for an assistant.
func (k APIKey) checkAssistant(assistant string) error {
	if len(k.Assistants) > 0 && !slices.Contains(k.Assistants, assistant) {
		return fault.New(fault.Forbidden, "This key may not place calls for this assistant.").WithCode("assistant_not_allowed").WithParam("assistantId")
	}
	return nil
}

// ledgerName is a key's name as it may stand in the ledger, its kind where it has none. The two never meet.
func (k APIKey) ledgerName() string {
	if k.Name != "" {
		return "n-" + aurora.SafeKey(k.Name)
	}
	return "k-" + aurora.SafeKey(k.Kind)
}

// callerNumber is the number that an assistant calls from.
func (g Guards) callerNumber(a aurora.Assistant) (aurora.Phone, error) {
	if p, ok := aurora.ParsePhone(string(a.AssistantPhoneNumber)); ok {
		return p, nil // Twilio knows whether it is the account's, which a number's form does not tell
	}
	n, err := ParseNumber(string(a.AssistantPhoneNumber), g.DefaultRegion)
	if err != nil {
		return "", fault.New(fault.Invalid, "The assistant has no phone number to call from.").WithCode("assistant_number_invalid").WithParam("assistantId")
	}
	return n.Phone, nil
}

// checkNumber is whether a number may be called at all: its type, its country, and that it is none of the project's.
func (s *Service) checkNumber(ctx context.Context, to Number, own ...aurora.Phone) error {
	if !to.IsMobileOrFixed() {
		return fault.New(fault.Forbidden, "Numbers of this type are not called: only mobile and fixed lines are.").WithCode("number_type_blocked")
	}
	if !s.Guards.Countries.Allows(to.Region) {
		return fault.New(fault.Forbidden, "This country is not called.").WithCode("country_blocked")
	}
	ours := fault.New(fault.Forbidden, "This number is one of our own.").WithCode("number_type_blocked")
	if slices.Contains(own, to.Phone) {
		return ours
	}
	switch _, err := s.Assistants.ByNumber(ctx, to.Phone); {
	case err == nil, fault.Is(err, fault.Internal): // one that cannot be read has the number all the same
		return ours
	case !fault.Is(err, fault.NotFound):
		return errUnavailable("The assistants cannot be read now, so no call was placed.", err)
	}
	return nil
}

// checkRecipient is whether whoever has a number may be called now: do-not-call, consent, the hour. zone is where they are said
// to be besides; empty where nobody said.
func (s *Service) checkRecipient(ctx context.Context, to Number, zone string, now time.Time) error {
	refused, err := s.Ledger.IsDoNotCall(ctx, to.Phone)
	if err != nil {
		return errUnavailable("The do-not-call list cannot be read now, so no call was placed.", err)
	}
	if refused {
		return fault.New(fault.Forbidden, "This number is on the do-not-call list.").WithCode("do_not_call")
	}
	if s.Guards.RequireConsent {
		consented, err := s.Ledger.HasConsent(ctx, to.Phone)
		if err != nil {
			return errUnavailable("Consents cannot be read now, so no call was placed.", err)
		}
		if !consented {
			return fault.New(fault.Forbidden, "There is no record that this number consented to be called.").WithCode("consent_missing")
		}
	}
	zones := to.TimeZones
	if zone != "" {
		zones = append(slices.Clip(zones), zone)
	}
	if !s.Guards.Hours.Contains(now, to.TimeZones) || !s.Guards.Hours.Contains(now, zones) {
		return fault.New(fault.Forbidden, "It is outside the calling hours where this number is, or nobody knows where it is.").WithCode("quiet_hours")
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
