package outbound

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

//go:embed countries.txt
var highRisk string

// Countries are those that may be called. The zero value allows none.
type Countries struct {
	allOrdinary bool // but the high-risk ones
	risky       map[string]bool
	allowed     map[string]bool
}

// ParseCountries reads a list of ISO 3166-1 alpha-2 codes with commas between them. The star stands for every country
// that is not on the shipped list of high-risk ones; a code beside it allows one of those too.
func ParseCountries(s string) (Countries, error) {
	c := Countries{allowed: map[string]bool{}, risky: highRiskCountries()}
	var unknown []string
	for part := range strings.SplitSeq(s, ",") {
		code := strings.ToUpper(strings.TrimSpace(part))
		switch {
		case code == "*":
			c.allOrdinary = true
		case code == "":
		case isCountry(code):
			c.allowed[code] = true
		default:
			unknown = append(unknown, code)
		}
	}
	if len(unknown) > 0 {
		return Countries{}, fmt.Errorf("no country has the code %s", strings.Join(unknown, ", "))
	}
	if !c.allOrdinary && len(c.allowed) == 0 {
		return Countries{}, fmt.Errorf("no country is named; * is every one that is not of high risk")
	}
	return c, nil
}

// ParseRegion reads the region that national numbers are of; empty is none.
func ParseRegion(s string) (string, error) {
	code := strings.ToUpper(strings.TrimSpace(s))
	if code != "" && !isCountry(code) {
		return "", fmt.Errorf("no country has the code %s", code)
	}
	return code, nil
}

// Allows reports whether a region may be called.
func (c Countries) Allows(region string) bool {
	return c.allowed[region] || c.allOrdinary && isCountry(region) && !c.risky[region]
}

func isCountry(region string) bool {
	return len(region) == 2 && phonenumbers.GetCountryCodeForRegion(region) != 0
}

// highRiskCountries is the shipped list.
func highRiskCountries() map[string]bool {
	codes := map[string]bool{}
	for line := range strings.Lines(highRisk) {
		if code, _, _ := strings.Cut(strings.TrimSpace(line), " "); code != "" && code != "#" {
			codes[code] = true
		}
	}
	return codes
}
