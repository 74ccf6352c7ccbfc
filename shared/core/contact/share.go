package contact

import (
	"time"

	"example.com/aurora/shared/core/aurora"
)

// CodeKey is the code of every limit of one API key.
const CodeKey = "key_limit"

// SharePercent is how much of each daily limit of the deployment one API key may use, unless its entry says otherwise. It
// does not divide small limits: each key may use the least amounts below.
type SharePercent int64

// What each key may use in any case.
const (
	leastSpend          = 25_000_000 // in millionths of a US dollar
	leastCallsToCountry = 100
	leastTextsToCountry = 300 // as many as one assistant may send by default
	leastTexts          = 500
)

// share is what one key may use of a daily limit.
type share struct {
	counter      string // the name of the key's counter
	entry        *int64 // what the key's entry says
	total, least int64  // the deployment's limit, and what each key may use of it in any case
	amount       int64
	message      string
}

// limit returns the limit of a key as a list of one, or none if the key may use the deployment's whole limit: counting it
// twice would cost a write.
func (p SharePercent) limit(s share, now time.Time) []Limit {
	maximum := max(s.total*int64(p)/100, s.least)
	if s.entry != nil {
		maximum = *s.entry
	}
	if maximum >= s.total {
		return nil
	}
	return []Limit{PerDay(s.counter, s.amount, maximum, now, CodeKey, s.message)}
}

// SpendOfKey returns the limit of what the calls and messages of one key may cost in a day, or none. total is the limit of all
// keys together.
func (p SharePercent) SpendOfKey(k aurora.KeyShare, estimate, total aurora.MicroUSD, now time.Time, message string) []Limit {
	return p.limit(share{counter: "key-spend#" + k.Account, entry: (*int64)(k.SpendPerDay), total: int64(total), least: leastSpend, amount: int64(estimate), message: message}, now)
}

// CallsToCountry returns the limit of the calls of one account to a country in a day, or none. entry is what the key's entry
// says, and total the limit of all keys together.
func (p SharePercent) CallsToCountry(account, country string, entry *int64, total int64, now time.Time) []Limit {
	return p.limit(share{counter: "key-country#" + account + "#" + country, entry: entry, total: total, least: leastCallsToCountry, amount: 1,
		message: "This key has called this country often enough today."}, now)
}

// textsOfKey returns the limits of one key for a text message, in the order in which they are taken.
func (l MessageLimits) textsOfKey(k aurora.KeyShare, country string, estimate aurora.MicroUSD, now time.Time) []Limit {
	if k.Account == "" {
		return nil
	}
	all := l.OfKey.limit(share{counter: "key-sms#" + k.Account, entry: k.TextsPerDay, total: l.TextsPerDay, least: leastTexts, amount: 1,
		message: "This key has sent all of its text messages for today, so no other one was sent."}, now)
	all = append(all, l.OfKey.limit(share{counter: "key-sms-country#" + k.Account + "#" + country, entry: k.TextsToCountryPerDay, total: l.TextsToCountryPerDay,
		least: leastTextsToCountry, amount: 1, message: "This key has sent this country enough text messages today, so no other one was sent."}, now)...)
	return append(all, l.OfKey.SpendOfKey(k, estimate, l.SpendPerDay, now, "This key's budget for today is used up, so no text message was sent.")...)
}
