package outbound

import (
	"context"
	"slices"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
)

// Guards holds the deployment's rules for outbound calls. The zero value allows no call.
type Guards struct {
	Countries      contact.Countries
	DefaultRegion  string // the region of national numbers; "" rejects national numbers
	RequireConsent bool
	Hours          Hours
	Limits         Limits
}

// checkAssistant reports an error if the key may not use the assistant.
func (a *attempt) checkAssistant() error {
	err := a.Principal.CheckAssistant(a.AssistantID)
	if err == nil {
		return nil
	}
	return fault.New(fault.Forbidden, "This key may not place calls for this assistant.").WithCode(fault.From(err).Code).WithParam("assistantId").Because(err)
}

// callerNumber returns the number that an assistant calls from.
func (g Guards) callerNumber(a aurora.Assistant) (aurora.Phone, error) {
	if p, ok := aurora.ParsePhone(string(a.AssistantPhoneNumber)); ok {
		return p, nil // whether the number is the account's, only Twilio can tell
	}
	n, err := ParseNumber(string(a.AssistantPhoneNumber), g.DefaultRegion)
	if err != nil {
		return "", fault.New(fault.Invalid, "The assistant has no phone number to call from.").WithCode("assistant_number_invalid").WithParam("assistantId")
	}
	return n.Phone, nil
}

// contacts returns the guard of everything that reaches a person.
func (s *Service) contacts() *contact.Guard {
	return &contact.Guard{Assistants: s.Assistants, Ledger: s.Ledger, Countries: s.Guards.Countries, Count: s.Count}
}

// checkRecipient applies the do-not-call list, consent and calling hours. timeZone is the recipient's time zone, if the
// caller knows it; the call must then be in the calling hours of that zone too.
func (s *Service) checkRecipient(ctx context.Context, to Number, timeZone string, now time.Time) error {
	if err := s.contacts().CheckDoNotCall(ctx, contact.Calls, to.Phone); err != nil {
		return err
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
	if timeZone != "" {
		zones = append(slices.Clip(zones), timeZone)
	}
	// The number's zones are checked by themselves first: a time zone from the caller must not stand in for unknown ones.
	if !s.Guards.Hours.Contains(now, to.TimeZones) || !s.Guards.Hours.Contains(now, zones) {
		return fault.New(fault.Forbidden, "It is outside the calling hours in the time zone of this number, or the time zone is not known.").WithCode("quiet_hours")
	}
	return nil
}
