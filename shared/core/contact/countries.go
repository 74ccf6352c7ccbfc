package contact

import (
	_ "embed"
	"fmt"
	"strings"

	"example.com/aurora/shared/core/numberplan"
)

//go:embed countries.txt
var highRiskFile string

// Countries says which countries may be called and texted. The zero value allows none.
type Countries struct {
	allOrdinary bool // every country that is not high-risk
	highRisk    map[string]bool
	allowed     map[string]bool
}

// ParseCountries reads ISO 3166-1 alpha-2 codes, separated by commas. "*" stands for every country that is not on the
// list of high-risk countries in countries.txt. A code next to "*" allows a high-risk country too. An empty text allows no
// country.
func ParseCountries(s string) (Countries, error) {
	c := Countries{allowed: map[string]bool{}, highRisk: highRiskCountries()}
	var unknown []string
	for part := range strings.SplitSeq(s, ",") {
		code := strings.ToUpper(strings.TrimSpace(part))
		switch {
		case code == "*":
			c.allOrdinary = true
		case code == "":
		case numberplan.IsCountry(code):
			c.allowed[code] = true
		default:
			unknown = append(unknown, code)
		}
	}
	if len(unknown) > 0 {
		return Countries{}, fmt.Errorf("no country has the code %s", strings.Join(unknown, ", "))
	}
	return c, nil
}

// ParseRegion reads the ISO 3166-1 alpha-2 code of the region of national numbers. An empty text is no region.
func ParseRegion(s string) (string, error) {
	code := strings.ToUpper(strings.TrimSpace(s))
	if code != "" && !numberplan.IsCountry(code) {
		return "", fmt.Errorf("no country has the code %s", code)
	}
	return code, nil
}

// Allows reports whether a region may be called and texted.
func (c Countries) Allows(region string) bool {
	return c.allowed[region] || c.allOrdinary && numberplan.IsCountry(region) && !c.highRisk[region]
}

// highRiskCountries returns the codes of countries.txt.
func highRiskCountries() map[string]bool {
	codes := map[string]bool{}
	for line := range strings.Lines(highRiskFile) {
		if code, _, _ := strings.Cut(strings.TrimSpace(line), " "); code != "" && code != "#" {
			codes[code] = true
		}
	}
	return codes
}
