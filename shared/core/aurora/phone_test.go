package aurora_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
)

// TestOneSpelling has numbers as people, telephones and providers write them. All spellings of a number are one number.
func TestOneSpelling(t *testing.T) {
	for want, spellings := range map[aurora.Phone][]string{
		"+14155550158":   {"+14155550158", "14155550158", "0014155550158", "+1 (415) 555-0158", "whatsapp:+14155550158", "tel:+1-415-555-0158", "sip:+14155550158@192.0.2.1:5060", "SIP:14155550158@example.com;user=phone", `"Ann" <sip:+14155550158@example.com>`, "\u202a+14155550158\u202c", "\u200e+1\u00a0415\u2011555\u20110158", "+１４１５５５５０１５８", "＋１ ４１５ ５５５ ０１５８", "+1/415/5550158", "\ufeff+14155550158\u2069"},
		"+447400123456":  {"+44 (0)7400 123456", "+44(0)7400123456", "00447400123456", "+44 7400 123456"},
		"+4930901820":    {"+49 (0)30 901820", "004930901820"},
		"+525512345678":  {"+52 1 55 1234 5678", "+5215512345678", "+52 55 1234 5678"},
		"+390612345678":  {"+39 06 12345678", "+39 (0)6 12345678"},
		"+966501234567":  {"+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧"},
		"+5491123456789": {"+54 9 11 2345-6789"},
	} {
		for _, s := range spellings {
			if got, ok := aurora.ParsePhone(s); !ok || got != want {
				t.Errorf("%q is read as %q, %v; want %s", s, got, ok, want)
			}
		}
	}
}

// TestSpellingsLeadToTheNumber checks for any number that it is its own first spelling, that its spellings with a plus and
// all ways of writing it are read as a number with the same spellings, so that an entry under any of them is found.
func TestSpellingsLeadToTheNumber(t *testing.T) {
	code := rapid.SampledFrom([]string{"1", "7", "20", "33", "39", "44", "49", "52", "521", "54", "549", "55", "61", "81", "86", "91", "225", "353", "420", "966"})
	rapid.Check(t, func(t *rapid.T) {
		digits := code.Draw(t, "code") + rapid.StringMatching(`[1-9][0-9]{7,10}`).Draw(t, "rest")
		if len(digits) > 15 {
			return
		}
		p, ok := aurora.ParsePhone("+" + digits)
		if !ok {
			t.Fatalf("+%s is not read", digits)
		}
		spellings := p.Spellings()
		if spellings[0] != p || !slices.Contains(spellings, aurora.Phone("+"+digits)) {
			t.Fatalf("the spellings of +%s are %v; want %s first, and the number as it was written", digits, spellings, p)
		}
		mark := rapid.SampledFrom([]string{"", "\u200e", "\u202a", " ", "\u00a0"}).Draw(t, "mark")
		split := rapid.IntRange(1, len(p)-1).Draw(t, "split")
		written := mark + string(p[:split]) + rapid.SampledFrom([]string{"", " ", "-", "\u00a0", "."}).Draw(t, "separator") + string(p[split:]) + mark
		if again, ok := aurora.ParsePhone(written); !ok || again != p {
			t.Fatalf("%q is read as %q, %v; want %s", written, again, ok, p)
		}
	})
}

func TestSpellings(t *testing.T) {
	for p, want := range map[aurora.Phone]string{
		"+14155550100":   "+14155550100 14155550100",
		"+447400123456":  "+447400123456 +4407400123456 447400123456 4407400123456",
		"+525512345678":  "+525512345678 +5215512345678 +5205512345678 525512345678 5215512345678 5205512345678",
		"+5491123456789": "+5491123456789 +541123456789 +54091123456789 5491123456789 541123456789 54091123456789",
		"+5511987654321": "+5511987654321 +551187654321 +55011987654321 5511987654321 551187654321 55011987654321",
		"+390612345678":  "+390612345678 390612345678", "": "", "sip:bob@example.com": "sip:bob@example.com",
	} {
		if got := strings.Trim(fmt.Sprint(p.Spellings()), "[]"); got != want {
			t.Errorf("spellings of %q: %s; want %s", p, got, want)
		}
	}
}

// TestWithheldNumbers has what carriers and providers send for a number that the caller withholds. None of them is a number.
func TestWithheldNumbers(t *testing.T) {
	for _, s := range []string{"", " ", "+266696687", "266696687", "+1266696687", "+7378742833", "+2562533", "+8656696", "86282452253", "+8 6282 4522 53",
		"anonymous", "Anonymous", "ANONYMOUS", "Restricted", "Unavailable", "private", "Unknown", "No Caller ID", "not-available", "Out of area", "blocked", "null", "+",
		"sip:anonymous@anonymous.invalid", "anonymous@anonymous.invalid", `"Anonymous" <sip:anonymous@anonymous.invalid>`, "sip:restricted@192.0.2.1", "sip:+266696687@example.com",
		"\u200eanonymous", "tel:anonymous", "0000000000", "whatsapp:"} {
		if p, ok := aurora.ParsePhone(s); ok || !aurora.IsWithheld(s) {
			t.Errorf("%q: read as %q, %v, withheld %v; want a withheld number", s, p, ok, aurora.IsWithheld(s))
		}
	}
	for _, s := range []string{"+14155550100", "14155550100", "bob", "sip:bob@example.com", "sip:mrs.private@example.com", "+2666966871", "Ann Anonymous Smith"} {
		if aurora.IsWithheld(s) {
			t.Errorf("%q counts as withheld", s)
		}
	}
}
