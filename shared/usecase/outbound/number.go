package outbound

import (
	"regexp"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Number is a phone number with its time zones, which are derived from its digits.
type Number struct {
	Phone     aurora.Phone // E.164, as it is dialled
	TimeZones []string     // IANA names of all time zones that the number may be in
}

// maxNumberBytes limits a number as it is written, separators included.
const maxNumberBytes = 64

var (
	writtenPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(\+|\(?)[0-9](?:[0-9 .()-]*[0-9])?$`)
	})
	e164Pattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	})
	nationalPattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9]{4,15}$`)
	})
	separators = strings.NewReplacer(" ", "", ".", "", "-", "", "(", "", ")", "")
)

// ParseNumber reads a number in E.164. ASCII spaces, dots, hyphens and parentheses may stand between the digits. A number
// without a plus sign is read as a national number of the default region; without a default region it is an error.
//
// The phonenumbers library alone would accept letters, extensions, full-width digits and zero-width characters. So it
// gets only numbers that match a strict pattern.
func ParseNumber(s, defaultRegion string) (Number, error) {
	errNumber := fault.New(fault.Invalid, "phoneNumber must be a number such as +14155550100.").WithCode("invalid_phone_number")
	if len(s) > maxNumberBytes || !writtenPattern().MatchString(s) {
		return Number{}, errNumber
	}
	digits := separators.Replace(s)
	if p, ok := aurora.ParsePhone(s); ok && strings.HasPrefix(s, "+") {
		digits = string(p) // without a trunk prefix, and without the 1 of old Mexican mobile numbers
	}
	region := "ZZ"
	switch {
	case e164Pattern().MatchString(digits):
	case defaultRegion != "" && nationalPattern().MatchString(digits) && !phonenumbers.ConnectsToEmergencyNumber(digits, defaultRegion):
		region = defaultRegion
	default:
		return Number{}, errNumber
	}
	n, err := phonenumbers.Parse(digits, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return Number{}, errNumber
	}
	if region != "ZZ" && int(n.GetCountryCode()) != phonenumbers.GetCountryCodeForRegion(region) {
		return Number{}, errNumber // a national number must not begin with an international prefix
	}
	phone := phonenumbers.Format(n, phonenumbers.E164)
	if !e164Pattern().MatchString(phone) {
		return Number{}, errNumber
	}
	return Number{Phone: aurora.Phone(phone), TimeZones: timeZonesOf(n, aurora.Phone(phone))}, nil
}
