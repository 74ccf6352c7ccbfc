package outbound

import (
	"time"

	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/numberplan"
)

// Limits bounds the number of calls and the spend. A limit of zero allows nothing.
type Limits struct {
	KeyPerMinute, KeyPerDay          int64            // calls with one API key
	DestinationPerDay, CountryPerDay int64            // calls to one number, to one country
	SpendPerDay                      contact.MicroUSD // of all calls and messages
	EstimatePerCall                  contact.MicroUSD // reserved for each call, whose price is not known in advance
}

// quotas returns the limits of a call to a number, in the order in which they are taken. If keyName is empty, the limits of
// an API key are left out.
func (l Limits) quotas(keyName string, to Number, now time.Time) []contact.Limit {
	var all []contact.Limit
	if keyName != "" {
		all = append(all,
			contact.PerMinute("minute#"+keyName, l.KeyPerMinute, now, "key_limit", "This key has placed its calls for this minute."),
			contact.PerDay("key#"+keyName, 1, l.KeyPerDay, now, "key_limit", "This key has placed its calls for today."))
	}
	return append(all,
		contact.PerDay("to#"+string(to.Phone), 1, l.DestinationPerDay, now, "destination_limit", "This number has been called often enough today."),
		contact.PerDay("country#"+numberplan.Find(to.Phone).Region, 1, l.CountryPerDay, now, "country_limit", "This country has been called often enough today."),
		contact.Spend(l.EstimatePerCall, l.SpendPerDay, now, "Today's budget for calls is used up."))
}
