package outbound

import (
	"regexp"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Number is a telephone number and what its digits say about it.
type Number struct {
	Phone     aurora.Phone // E.164, as it is dialled
	Region    string       // ISO 3166-1 alpha-2; "001" or empty for numbers of no country
	TimeZones []string     // IANA; all that the number's holder may be in
	lineType  phonenumbers.PhoneNumberType
}

// maxNumberBytes is how long a number may be written, in bytes.
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

// ParseNumber reads a number in E.164, with ASCII spaces, dots, hyphens and parentheses between its digits; one without
// a plus only where there is a default region, whose number it then must be.
//
// The library alone would take letters, extensions, full-width digits and zero-width characters, and is asked only
// about what has passed the strict form.
func ParseNumber(s, defaultRegion string) (Number, error) {
	wrong := fault.New(fault.Invalid, "phoneNumber must be a number such as +14155550100.").WithCode("invalid_phone_number")
	if len(s) > maxNumberBytes || !writtenPattern().MatchString(s) {
		return Number{}, wrong
	}
	digits := separators.Replace(s)
	region := "ZZ"
	switch {
	case e164Pattern().MatchString(digits):
	case defaultRegion != "" && nationalPattern().MatchString(digits) && !phonenumbers.ConnectsToEmergencyNumber(digits, defaultRegion):
		region = defaultRegion
	default:
		return Number{}, wrong
	}
	n, err := phonenumbers.Parse(digits, region)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return Number{}, wrong
	}
	if region != "ZZ" && int(n.GetCountryCode()) != phonenumbers.GetCountryCodeForRegion(region) {
		return Number{}, wrong // dialled with an international prefix
	}
	phone := phonenumbers.Format(n, phonenumbers.E164)
	if !e164Pattern().MatchString(phone) {
		return Number{}, wrong
	}
	zones, err := phonenumbers.GetTimezonesForNumber(n)
	if err != nil {
		zones = nil
	}
	return Number{Phone: aurora.Phone(phone), Region: phonenumbers.GetRegionCodeForNumber(n), TimeZones: zones,
		lineType: phonenumbers.GetNumberType(n)}, nil
}

// IsMobileOrFixed reports whether the number is a person's or a business's own: neither premium, shared cost, satellite,
// pager, personal forwarding nor of a service.
func (n Number) IsMobileOrFixed() bool {
	switch n.lineType {
	case phonenumbers.MOBILE, phonenumbers.FIXED_LINE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return n.Region != "" && n.Region != "001" && n.Region != "ZZ"
	}
	return false
}
