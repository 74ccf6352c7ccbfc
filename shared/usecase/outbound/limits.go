package outbound

import (
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/numberplan"
)

// Limits bounds the number of calls and the spend. A limit of zero allows nothing.
type Limits struct {
	KeyPerMinute, KeyPerDay          int64                // calls with one API key
	DestinationPerDay, CountryPerDay int64                // calls to one number, to one country
	SpendPerDay                      aurora.MicroUSD      // of all calls and messages
	EstimatePerCall                  aurora.MicroUSD      // reserved for each call, whose price is not known in advance
	OfKey                            contact.SharePercent // how much of the country's and the spend's limit one key may use
}

// quotas returns the limits of a call to a number, in the order in which they are taken. Without a key, those of an API key
// are left out.
func (l Limits) quotas(key auth.Principal, to Number, now time.Time) []contact.Limit {
	country := numberplan.Find(to.Phone).Region
	return append(l.ofKey(key, to, country, now),
		contact.PerDay("to#"+string(to.Phone), 1, l.DestinationPerDay, now, "destination_limit", "This number has been called often enough today."),
		contact.PerDay("country#"+country, 1, l.CountryPerDay, now, "country_limit", "This country has been called often enough today."),
		contact.Spend(l.EstimatePerCall, l.SpendPerDay, now, "Today's budget for calls is used up."))
}

// ofKey returns the limits of one API key: the deployment's, or what the key's entry says.
func (l Limits) ofKey(key auth.Principal, to Number, country string, now time.Time) []contact.Limit {
	if key.ID == "" {
		return nil
	}
	account, own := key.Account(), key.Limits
	all := []contact.Limit{
		contact.PerMinute("minute#"+account, valueOr(own.CallsPerMinute, l.KeyPerMinute), now, contact.CodeKey, "This key has placed its calls for this minute."),
		contact.PerDay("key#"+account, 1, valueOr(own.CallsPerDay, l.KeyPerDay), now, contact.CodeKey, "This key has placed its calls for today."),
	}
	if own.CallsToNumberPerDay != nil {
		all = append(all, contact.PerDay("key-to#"+account+"#"+string(to.Phone), 1, *own.CallsToNumberPerDay, now, contact.CodeKey, "This key has called this number often enough today."))
	}
	all = append(all, l.OfKey.CallsToCountry(account, country, own.CallsToCountryPerDay, l.CountryPerDay, now)...)
	return append(all, l.OfKey.SpendOfKey(key.Share(), l.EstimatePerCall, l.SpendPerDay, now, "This key's budget for today is used up.")...)
}

func valueOr(own *int64, deployment int64) int64 {
	if own != nil {
		return *own
	}
	return deployment
}
