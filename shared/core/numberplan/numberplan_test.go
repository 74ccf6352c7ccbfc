package numberplan

import (
	"testing"

	"example.com/aurora/shared/core/aurora"
)

func TestFind(t *testing.T) {
	for phone, want := range map[aurora.Phone]struct {
		Number
		personal bool
	}{
		"+14155550100":   {Number{"US", FixedOrMobile}, true},
		"+14165550100":   {Number{"CA", FixedOrMobile}, true},
		"+18765551234":   {Number{"JM", Mobile}, true},
		"+40742070688":   {Number{"RO", Mobile}, true},
		"+442079460100":  {Number{"GB", Fixed}, true},
		"+19005551234":   {Number{"US", Special}, false}, // premium
		"+18005550100":   {Number{"US", Special}, false}, // toll-free
		"+449098790879":  {Number{"GB", Special}, false}, // premium
		"+447012345678":  {Number{"GB", Special}, false}, // personal number, forwarded at the caller's cost
		"+881612345678":  {Number{International, Mobile}, false},
		"+882161234567":  {Number{International, Special}, false},
		"+883510001234":  {Number{International, Special}, false},
		"+80012345678":   {Number{International, Special}, false},
		"+15559876543":   {Number{}, false}, // no area has the code 555
		"+1911":          {Number{}, false},
		"+12345678":      {Number{}, false}, // a short code with a plus
		"+99912345678":   {Number{}, false}, // no country has the code 999
		"+10000000":      {Number{}, false},
		"14155550100":    {Number{}, false}, // not E.164
		"":               {Number{}, false},
		"+":              {Number{}, false},
		"+14155550100\n": {Number{}, false},
	} {
		got := Find(phone)
		if want.Kind == Unknown && got.Kind == Unknown {
			got.Region = want.Region // of a number of no plan the region says nothing
		}
		if got != want.Number || got.IsPersonal() != want.personal {
			t.Errorf("%q: %+v, personal %t; want %+v", phone, got, got.IsPersonal(), want)
		}
	}
	for code, want := range map[string]bool{"US": true, "RO": true, "AC": true, "XX": false, "001": false, "": false, "us": false, "U": false, "\t": false} {
		if IsCountry(code) != want {
			t.Errorf("IsCountry(%q) = %t", code, !want)
		}
	}
}

// BenchmarkFind shows what the first message to a number of a country costs.
func BenchmarkFind(b *testing.B) {
	for name, phone := range map[string]aurora.Phone{"US": "+14155550100", "GB": "+447400123456", "last of code 1": "+17585550100"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				byCode.Clear()
				Find(phone)
			}
		})
	}
}
