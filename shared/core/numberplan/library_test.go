package numberplan

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"

	"example.com/aurora/shared/core/aurora"
)

// libraryPlans returns the text of plans.txt, from the tables of the library.
func libraryPlans(t *testing.T) string {
	t.Helper()
	tables, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]string{}
	for _, m := range tables.GetMetadata() {
		pattern := func(d *phonenumbers.PhoneNumberDesc) string {
			if p := d.GetNationalNumberPattern(); p != "NA" {
				return p
			}
			return ""
		}
		var special []string
		for _, d := range []*phonenumbers.PhoneNumberDesc{m.GetPremiumRate(), m.GetTollFree(), m.GetSharedCost(), m.GetVoip(), m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail()} {
			if p := pattern(d); p != "" {
				special = append(special, p)
			}
		}
		mobile := pattern(m.GetMobile())
		if m.GetSameMobileAndFixedLinePattern() {
			mobile = pattern(m.GetFixedLine())
		}
		lines[fmt.Sprint(m.GetCountryCode(), m.GetId())] = strings.Join([]string{fmt.Sprint(m.GetCountryCode()), m.GetId(), m.GetLeadingDigits(),
			pattern(m.GetGeneralDesc()), strings.Join(special, "|"), pattern(m.GetFixedLine()), mobile}, "\t") + "\n"
	}
	var b strings.Builder
	for code := range 1000 {
		for _, region := range phonenumbers.GetRegionCodesForCountryCode(code) {
			b.WriteString(lines[fmt.Sprint(code, region)])
		}
	}
	return b.String()
}

func TestPlansAreThoseOfTheLibrary(t *testing.T) {
	want := libraryPlans(t)
	if os.Getenv("GOLDEN") == "update" {
		if err := os.WriteFile("plans.txt", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if plans != want {
		t.Error("plans.txt is not what the library has; GOLDEN=update go test ./shared/core/numberplan writes it again")
	}
}

// libraryNumber returns what the library says of a number.
func libraryNumber(phone aurora.Phone) Number {
	n, err := phonenumbers.Parse(string(phone), "ZZ")
	if err != nil || phonenumbers.Format(n, phonenumbers.E164) != string(phone) {
		return Number{}
	}
	kind := Special
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.UNKNOWN:
		return Number{}
	case phonenumbers.MOBILE:
		kind = Mobile
	case phonenumbers.FIXED_LINE:
		kind = Fixed
	case phonenumbers.FIXED_LINE_OR_MOBILE:
		kind = FixedOrMobile
	}
	return Number{phonenumbers.GetRegionCodeForNumber(n), kind}
}

// TestKindsAreThoseOfTheLibrary compares the example numbers of every country, numbers that differ from them in a few digits,
// and random numbers of every country code.
func TestKindsAreThoseOfTheLibrary(t *testing.T) {
	tables, err := phonenumbers.MetadataCollection()
	if err != nil {
		t.Fatal(err)
	}
	digits := rand.New(rand.NewPCG(1, 2))
	compared, known := 0, 0
	compare := func(phone string) {
		p, ok := aurora.ParsePhone(phone)
		if !ok || string(p) != phone {
			return
		}
		want, got := libraryNumber(p), Find(p)
		if got.Kind == Unknown {
			got = Number{}
		}
		if compared++; got.Kind != Unknown {
			known++
		}
		if got != want && want != (Number{}) || got.IsPersonal() && !want.IsPersonal() {
			t.Errorf("%s: %+v, the library says %+v", phone, got, want)
		}
	}
	for _, m := range tables.GetMetadata() {
		code := fmt.Sprint(m.GetCountryCode())
		for _, d := range []*phonenumbers.PhoneNumberDesc{m.GetGeneralDesc(), m.GetFixedLine(), m.GetMobile(), m.GetPremiumRate(), m.GetTollFree(), m.GetSharedCost(), m.GetVoip(), m.GetPersonalNumber(), m.GetPager(), m.GetUan(), m.GetVoicemail()} {
			example := d.GetExampleNumber()
			if example == "" {
				continue
			}
			compare("+" + code + example)
			for range 30 {
				near := []byte(example)
				for range 1 + digits.IntN(3) {
					near[digits.IntN(len(near))] = byte('0' + digits.IntN(10))
				}
				compare("+" + code + string(near))
			}
		}
		for range 50 {
			compare(fmt.Sprintf("+%s%0*d", code, 5+digits.IntN(8), digits.IntN(1e12)))
		}
	}
	if known < 10_000 || compared == known {
		t.Errorf("%d numbers of %d are of a plan, want at least 10,000, and some that are of none", known, compared)
	}
}
