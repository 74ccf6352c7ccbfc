// Package contactwiring builds the guard of everything that reaches a person, from a function's settings.
//
// # Decisions
//
// An invalid rule must not act as a rule that is switched off. A function with tools starts nevertheless, because the person
// in a conversation needs an answer, and an end-of-call report must be stored. It offers no tool that sends a message.
package contactwiring

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/transport/lambdaapp"
)

// ReadCountries reads which countries may be called and texted.
func ReadCountries(s *lambdaapp.Settings) contact.Countries {
	countries, err := contact.ParseCountries(s.Optional("ALLOWED_COUNTRIES", ""))
	s.Reject("ALLOWED_COUNTRIES", err)
	return countries
}

// ReadSpend reads how much all calls and messages of a day may cost.
func ReadSpend(s *lambdaapp.Settings) aurora.MicroUSD {
	amount, err := aurora.ParseUSD(s.Optional("LIMIT_SPEND_PER_DAY_USD", "50"))
	s.Reject("LIMIT_SPEND_PER_DAY_USD", err)
	return amount
}

// ReadKeyShare reads how much of the deployment's daily limits one API key may use.
func ReadKeyShare(s *lambdaapp.Settings) contact.SharePercent {
	percent := s.PositiveInt("LIMIT_KEY_SHARE_PERCENT", 50)
	if percent > 100 {
		s.Reject("LIMIT_KEY_SHARE_PERCENT", errors.New("must be from 1 to 100"))
	}
	return contact.SharePercent(percent)
}

// ReadGuard returns the guard of messages, or nil if a setting is invalid.
func ReadGuard(s *lambdaapp.Settings, assistants contact.NumberFinder, ledger contact.Ledger) *contact.Guard {
	fork := s.Fork()
	estimate, err := aurora.ParseUSD(fork.Optional("SMS_ESTIMATE_USD", "0.05"))
	fork.Reject("SMS_ESTIMATE_USD", err)
	g := &contact.Guard{
		Assistants: assistants,
		Ledger:     ledger,
		Countries:  ReadCountries(fork),
		Count:      lambdaapp.Count,
		Limits: contact.MessageLimits{
			TextsToNumberPerMinute: int64(fork.PositiveInt("LIMIT_SMS_DESTINATION_PER_MINUTE", 5)),
			TextsToNumberPerDay:    int64(fork.PositiveInt("LIMIT_SMS_DESTINATION_PER_DAY", 20)),
			TextsOfAssistantPerDay: int64(fork.PositiveInt("LIMIT_SMS_ASSISTANT_PER_DAY", 300)),
			TextsToCountryPerDay:   int64(fork.PositiveInt("LIMIT_SMS_COUNTRY_PER_DAY", 500)),
			TextsPerDay:            int64(fork.PositiveInt("LIMIT_SMS_PER_DAY", 1000)),
			TextPartEstimate:       estimate,
			SpendPerDay:            ReadSpend(fork),
			OfKey:                  ReadKeyShare(fork),
			MailsOfAssistantPerDay: int64(fork.PositiveInt("LIMIT_MAIL_ASSISTANT_PER_DAY", 200)),
			MailsToAddressPerDay:   int64(fork.PositiveInt("LIMIT_MAIL_DESTINATION_PER_DAY", 400)),
		},
		Now:   time.Now,
		NewID: rand.Text,
	}
	if err := fork.Err(); err != nil {
		slog.ErrorContext(context.Background(), "the settings of messages are invalid: no text message and no e-mail is sent", "event", "settings.invalid", "error", err)
		return nil
	}
	return g
}
