package contact

import (
	"testing"

	"example.com/aurora/shared/core/numberplan"
)

func TestCountries(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"XX", "US,XX", "USA", "001", "**", "U"} {
		if _, err := ParseCountries(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	for _, none := range []string{"", " ", ","} {
		if c, err := ParseCountries(none); err != nil || c.Allows("US") || c.Allows("") {
			t.Errorf("%q: %v, error %v; want no country", none, c, err)
		}
	}
	if (Countries{}).Allows("US") {
		t.Error("the zero value allows a country")
	}
	for code := range highRiskCountries() {
		if !numberplan.IsCountry(code) {
			t.Errorf("countries.txt has %q, which is not a country", code)
		}
	}
	if n := len(highRiskCountries()); n < 50 {
		t.Errorf("%d high-risk countries, want at least 50", n)
	}
	if _, err := ParseRegion("XX"); err == nil {
		t.Error("XX was accepted as a region")
	}
	if r, err := ParseRegion(" us "); r != "US" || err != nil {
		t.Errorf("\" us \" is region %q, %v; want US", r, err)
	}
}
