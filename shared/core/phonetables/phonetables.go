// Package phonetables lets aurora.ParsePhone read telephone numbers by the numbering plans of all countries.
//
// # Decisions
//
// github.com/nyaruka/phonenumbers: a port of Google's libphonenumber, whose tables are kept up to date. They make a cold
// start about 5 ms slower, so the package is apart from core/aurora. The functions on the way to the first word of a call do
// not link it, and read numbers by the rules of E.164 alone. Code that looks a number up asks for all of its spellings
// (aurora.Phone.Spellings), so that both find the same entries.
package phonetables

import (
	"strings"

	"github.com/nyaruka/phonenumbers"

	"example.com/aurora/shared/core/aurora"
)

// Use makes aurora.ParsePhone read numbers by the tables. defaultRegion is the region of numbers without a country code, as
// in ISO 3166-1 alpha-2; if it is empty, they are not read. A program calls it once, when it starts.
func Use(defaultRegion string) {
	aurora.UsePhoneTables(func(s string) (aurora.Phone, bool) { return parse(s, defaultRegion) })
}

// parse reads a valid number. Mexican mobile numbers have lost the 1 after the country code, which the tables no longer know.
func parse(s, defaultRegion string) (aurora.Phone, bool) {
	region := defaultRegion
	if strings.HasPrefix(s, "+") {
		region = "ZZ"
	} else if region == "" || phonenumbers.ConnectsToEmergencyNumber(s, region) {
		return "", false
	}
	n, err := phonenumbers.Parse(s, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", false
	}
	return aurora.Phone(phonenumbers.Format(n, phonenumbers.E164)), true
}
