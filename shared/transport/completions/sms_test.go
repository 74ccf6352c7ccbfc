package completions

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSMS(t *testing.T) {
	sentence := strings.Repeat("Nine words make up this sentence that goes on. ", 10)
	for name, c := range map[string]struct {
		in    string
		limit int
		want  string
	}{
		"plain":                          {"**Hi** 👋 there’s *more*.", 0, "Hi there's more."},
		"links are kept":                 {"See [our site](https://example.com/a_b_c?x=*1*y) or https://example.com/x_y.", 0, "See our site: https://example.com/a_b_c?x=*1*y or https://example.com/x_y."},
		"a link of itself is said once":  {"[example.com/a](https://example.com/a) [me@example.com](mailto:me@example.com)", 0, "https://example.com/a me@example.com"},
		"no space is left over":          {"Sure 😊\n\nHi 👋, you", 0, "Sure. Hi, you"},
		"a list":                         {"We have:\n- Tea\n- Milk", 0, "We have: Tea. Milk"},
		"cut after a sentence":           {sentence, 0, strings.TrimSpace(strings.Repeat("Nine words make up this sentence that goes on. ", 6))},
		"cut after a word":               {"One two three four five six", 16, "One two three..."},
		"the ellipsis must fit":          {"One two three four", 14, "One two..."},
		"cut in a word, as there is one": {"Donaudampfschifffahrt", 10, "Donauda..."},
		"no room for an ellipsis":        {"abcdef", 2, "ab"},
		"extended characters count two":  {"€€€€€", 9, "€€€..."},
		"they fit":                       {"€€€€€", 10, "€€€€€"},
		"UTF-16":                         {"Și așa mai departe", 10, "Și așa…"},
		"surrogates stay together":       {"𝒜𝒜𝒜𝒜", 5, "𝒜𝒜…"},
		"marks stay on their letters":    {strings.Repeat("e\u0301", 4), 5, "e\u0301e\u0301…"},
		"a short beginning is not all":   {"Yes! " + strings.Repeat("word ", 50), 40, "Yes! word word word word word word..."},
		"no room at all":                 {"€€", 1, ""},
		"nothing":                        {"🎉", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := SMS(c.in, c.limit); got != c.want {
				t.Errorf("got  %q (%d)\nwant %q", got, smsUnits(got), c.want)
			}
		})
	}
}

func TestSMSUnits(t *testing.T) {
	for text, want := range map[string]int{"": 0, "abc": 3, "a€": 3, "[]{}\\^~|": 16, "ș": 1, "€ș": 2, "🎉": 2, "a🎉": 3, "…": 1, "@£ñ": 3, "`": 1} {
		if got := smsUnits(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestCluster(t *testing.T) {
	for _, c := range []string{"a", "e\u0301", "👩\u200d⚕\ufe0f", "🇷🇴", "👍🏽", "각", "\u1112\u1161\u11ab", "\r\n", "กำ", "क्ष"[:len("क्")], "1\ufe0f\u20e3", "🏴\U000e0067\U000e007f"} {
		if n := cluster(c + "x"); n != len(c) {
			t.Errorf("%q: %d bytes of %d", c, n, len(c))
		}
	}
	if n := cluster("🇷🇴🇺🇸"); n != len("🇷🇴") {
		t.Errorf("two flags: %d", n)
	}
}

func FuzzSMS(f *testing.F) {
	for _, text := range sampleAnswers {
		f.Add(text, 50)
	}
	for _, c := range speechCases {
		f.Add(c.in, 10)
	}
	f.Add("€[]👩\u200d⚕️ Și. e\u0301", 3)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit = 1 + max(limit, -limit, 0)%700
		got := SMS(text, limit)
		if n := smsUnits(got); n > limit {
			t.Fatalf("%d units of %d: %q", n, limit, got)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("no UTF-8: %q", got)
		}
		plain := plainText(text)
		if smsUnits(plain) <= limit && got != plain {
			t.Fatalf("cut what fits: %q of %q", got, plain)
		}
		head := got
		if !strings.HasPrefix(plain, head) {
			head = strings.TrimSuffix(strings.TrimSuffix(head, "..."), "…")
		}
		if !strings.HasPrefix(plain, head) {
			t.Fatalf("%q does not begin %q", got, plain)
		}
		at := 0
		for at < len(head) {
			at += cluster(plain[at:])
		}
		if at != len(head) {
			t.Fatalf("%q is cut inside a character of %q", head, plain)
		}
	})
}
