package fakeledger

import (
	"crypto/rand"
	"time"

	"example.com/aurora/shared/core/contact"
)

// NewGuard returns a guard of messages over a ledger, with the limits of a deployment that sets none.
func NewGuard(assistants contact.NumberFinder, l contact.Ledger, now func() time.Time) *contact.Guard {
	countries, err := contact.ParseCountries("*")
	if err != nil {
		panic(err) // "*" is a valid list
	}
	return &contact.Guard{Assistants: assistants, Ledger: l, Countries: countries, Now: now, NewID: rand.Text,
		Limits: contact.MessageLimits{TextsToNumberPerMinute: 5, TextsToNumberPerDay: 20, TextsOfAssistantPerDay: 300, TextsToCountryPerDay: 500, TextsPerDay: 1000,
			TextPartEstimate: 50_000, SpendPerDay: 50_000_000, OfKey: 50, MailsOfAssistantPerDay: 200, MailsToAddressPerDay: 400}}
}
