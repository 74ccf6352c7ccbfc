package outbound

import (
	"strings"
	"testing"

	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/numberplan"
)

// judgeNumber applies the rules that need no store. It returns the number in E.164, or the code of the error.
func judgeNumber(t testing.TB, s, region, countries string) string {
	t.Helper()
	allowed, err := contact.ParseCountries(countries)
	if err != nil {
		t.Fatal(err)
	}
	n, err := ParseNumber(s, region)
	switch {
	case err != nil:
		return fault.From(err).Code
	case !numberplan.Find(n.Phone).IsPersonal():
		return "number_type_blocked"
	case !allowed.Allows(numberplan.Find(n.Phone).Region):
		return "country_blocked"
	}
	return string(n.Phone)
}

// Numbers as callers and attackers write them. See C1, C2 and C11 in shared/docs/security.md.
func TestNumbers(t *testing.T) {
	t.Parallel()
	const invalid, blocked, country = "invalid_phone_number", "number_type_blocked", "country_blocked"
	for _, c := range []struct{ in, want string }{
		{"", invalid}, {" ", invalid}, {"null", invalid}, {"123", invalid}, {"true", invalid}, {"[]", invalid}, {"{}", invalid},
		{"+", invalid}, {"+0", invalid}, {"0", invalid}, {"+0040742070688", invalid}, {"0040742070688", invalid}, {"0742070688", invalid},
		{"+40742070688", "+40742070688"}, {"+407420706880000000", invalid}, {"+1", invalid}, {"+1900", invalid},
		{"+19005551234", blocked}, {"+19765551234", invalid}, {"+449098790879", blocked}, {"+447012345678", blocked}, {"+448451234567", blocked},
		{"+881612345678", blocked}, {"+882161234567", blocked}, {"+883510001234", blocked}, {"+97912345678", invalid}, {"+80012345678", blocked},
		{"+80812345678", blocked}, {"+25261234567", country}, {"+5352345678", country}, {"+2425551234", invalid}, {"+18095551234", country},
		{"+18765551234", country}, {"+12645551234", invalid}, {"+911", invalid}, {"911", invalid}, {"112", invalid}, {"999", invalid},
		{"+1911", invalid}, {"+15005550006", blocked}, {"+1 (415) 555-2671", "+14155552671"}, {"+1-800-FLOWERS", invalid},
		{"tel:+14155552671", invalid}, {"+14155552671;ext=5", invalid}, {"+14155552671x5", invalid}, {"+14155552671,,123#", invalid},
		{"sip:a@evil", invalid}, {"client:bob", invalid}, {"whatsapp:+14155552671", invalid}, {"+14155552671\n", invalid},
		{"+14155552671\r\nTo=+19005551234", invalid}, {"+１４１５５５５２６７１", invalid}, {"+1415555\u200b2671", invalid},
		{"\u202e+14155552671", invalid}, {"+٤٠٧٤٢٠٧٠٦٨٨", invalid}, {"＋14155552671", invalid}, {"+14155552671&To=+19005551234", invalid},
		{"+14155552671%00", invalid}, {"+14155552671' OR 1=1", invalid}, {strings.Repeat("1", 10<<10), invalid}, {"+" + strings.Repeat("1", 10<<10), invalid},
		// fictitious numbers, and separators
		{"+14155550100", "+14155550100"}, {"+14155550199", "+14155550199"}, {"+1.415.555.0100", "+14155550100"}, {"+1 415 555 0100 ", invalid},
		{" +14155550100", invalid}, {"++14155550100", invalid}, {"+1+4155550100", invalid}, {"+(1)4155550100", invalid}, {"+1415555010", invalid},
		{"+15559876543", invalid}, {"4155550100", invalid}, {"+18005550100", blocked}, {"+4407911123456", "+447911123456"},
		{"+14155550100\x00", invalid}, {"+1415555\u00a00100", invalid}, {"+1415555\t0100", invalid}, {"+1415555_0100", invalid},
	} {
		if got := judgeNumber(t, c.in, "", "*"); got != c.want {
			t.Errorf("%.60q: %s, want %s", c.in, got, c.want)
		}
	}
}

// National numbers are accepted if the deployment has a default region. The example of the API document needs that.
func TestNationalNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, region, want string }{
		{"4639465275", "US", "+14639465275"}, {"(415) 555-0100", "US", "+14155550100"}, {"415.555.0100", "US", "+14155550100"},
		{"0742070688", "RO", "+40742070688"}, {"+40742070688", "US", "+40742070688"}, {"0040742070688", "US", "invalid_phone_number"},
		{"01140742070688", "US", "invalid_phone_number"}, {"911", "US", "invalid_phone_number"}, {"112", "RO", "invalid_phone_number"},
		{"999", "GB", "invalid_phone_number"}, {"9005551234", "US", "number_type_blocked"}, {"8765551234", "US", "country_blocked"},
		{"1-800-FLOWERS", "US", "invalid_phone_number"}, {"555-0100", "US", "invalid_phone_number"}, {"5559876543", "US", "invalid_phone_number"},
		{"4639465275", "", "invalid_phone_number"},
	} {
		if got := judgeNumber(t, c.in, c.region, "*"); got != c.want {
			t.Errorf("%q in %q: %s, want %s", c.in, c.region, got, c.want)
		}
	}
}

// +1 is not one country (threat C3 in shared/docs/security.md).
func TestCountries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, countries, want string }{
		{"+14155550100", "US", "+14155550100"}, {"+18095551234", "US", "country_blocked"}, {"+18765551234", "US", "country_blocked"},
		{"+12642355555", "US", "country_blocked"}, {"+14165550100", "US", "country_blocked"}, {"+14165550100", "us, ca", "+14165550100"},
		{"+18765551234", "*", "country_blocked"}, {"+18765551234", "*,JM", "+18765551234"}, {"+18765551234", "JM", "+18765551234"},
		{"+14155550100", "*,JM", "+14155550100"}, {"+25261234567", "*,JM", "country_blocked"}, {"+40742070688", "US", "country_blocked"},
		{"+881612345678", "*", "number_type_blocked"},
	} {
		if got := judgeNumber(t, c.in, "", c.countries); got != c.want {
			t.Errorf("%s with %q: %s, want %s", c.in, c.countries, got, c.want)
		}
	}
}

// Whatever is sent, the number that is dialled is plain E.164. A number without a plus sign needs a region.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{"+14155550100", "+1 (415) 555-2671", "tel:+14155552671", "+1415555\u200b2671", "+1-800-FLOWERS", "4639465275", "911", "+٤٠٧٤٢٠٧٠٦٨٨",
		"+14155552671;ext=5", "+14155552671\r\nTo=+19005551234", "0040742070688", "+881612345678", "\u202e+14155552671"} {
		f.Add(s, "US")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, s, region string) {
		region, err := contact.ParseRegion(region)
		if err != nil {
			region = ""
		}
		n, err := ParseNumber(s, region)
		if err != nil {
			if fault.From(err).Code != "invalid_phone_number" || n.Phone != "" {
				t.Errorf("%q: %v and the number %q; want invalid_phone_number and none", s, err, n.Phone)
			}
			return
		}
		if !e164Pattern().MatchString(string(n.Phone)) || len(s) > maxNumberBytes {
			t.Errorf("%q would be dialled as %q", s, n.Phone)
		}
		for _, r := range s {
			if r > '~' || r < ' ' || strings.ContainsRune(";,#*xX=:@&%'", r) {
				t.Errorf("%q has the character %q and was accepted", s, r)
			}
		}
		again, err := ParseNumber(string(n.Phone), "")
		if err != nil || again.Phone != n.Phone {
			t.Errorf("%q is %q, but that is %q (%v)", s, n.Phone, again.Phone, err)
		}
		if s[0] != '+' && region == "" {
			t.Errorf("%q was accepted without a region", s)
		}
	})
}
