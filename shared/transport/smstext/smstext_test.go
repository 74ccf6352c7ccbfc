package smstext

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"example.com/aurora/shared/core/text"
)

func TestFormat(t *testing.T) {
	sentence := strings.Repeat("Nine words make up this sentence that goes on. ", 10)
	for name, c := range map[string]struct {
		in    string
		limit int
		want  string
	}{
		"plain":              {"**Hi** 👋 there’s *more*.", 320, "Hi there's more."},
		"addresses are kept": {"See [our site](https://example.com/a_b_c?x=*1*y) or https://example.com/x_y.", 320, "See our site: https://example.com/a_b_c?x=*1*y or https://example.com/x_y."},
		"an address with the same name is written once": {"[example.com/a](https://example.com/a) [me@example.com](mailto:me@example.com)", 320, "https://example.com/a me@example.com"},
		"no space is left where an emoji was":           {"Sure 😊\n\nHi 👋, you", 320, "Sure. Hi, you"},
		"a list":                                        {"We have:\n- Tea\n- Milk", 320, "We have: Tea. Milk"},
		"cut after a sentence":                          {sentence, 320, strings.TrimSpace(strings.Repeat("Nine words make up this sentence that goes on. ", 6))},
		"cut after a word":                              {"One two three four five six", 16, "One two three..."},
		"the ellipsis must fit":                         {"One two three four", 14, "One two..."},
		"cut inside the only word":                      {"Donaudampfschifffahrt", 10, "Donauda..."},
		"no room for an ellipsis":                       {"abcdef", 2, "ab"},
		"extended characters count two":                 {"€€€€€", 9, "€€€..."},
		"extended characters that fit":                  {"€€€€€", 10, "€€€€€"},
		"UTF-16 has its own ellipsis":                   {"Și așa mai departe", 10, "Și așa…"},
		"a surrogate pair is not cut":                   {"𝒜𝒜𝒜𝒜", 5, "𝒜𝒜…"},
		"an accent is not cut from its letter":          {strings.Repeat("e\u0301", 4), 5, "e\u0301e\u0301…"},
		"a very short first sentence is not enough":     {"Yes! " + strings.Repeat("word ", 50), 40, "Yes! word word word word word word..."},
		"not even one character fits":                   {"€€", 1, ""},
		"an emoji alone":                                {"🎉", 320, "🎉"},
		"a numbered menu":                               {"Reply with a number:\n1. Confirm\n2. Cancel", 320, "Reply with a number: 1. Confirm. 2. Cancel"},
		"entities":                                      {"AT&amp;T, it&#39;s https://example.com/?a=1&amp;b=2&copy=3", 320, "AT&T, it's https://example.com/?a=1&b=2&copy=3"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Format(c.in, c.limit); got != c.want {
				t.Errorf("got  %q (%d units)\nwant %q", got, text.SMSUnits(got), c.want)
			}
		})
	}
}

// TestCharactersAreNotCut gives each character one unit less than it needs.
func TestCharactersAreNotCut(t *testing.T) {
	for _, character := range []string{"a", "e\u0301", "👩\u200d⚕\ufe0f", "🇷🇴", "👍🏽", "각", "\u1112\u1161\u11ab", "\r\n", "กำ", "क्ष"[:len("क्")], "1\ufe0f\u20e3", "🏴\U000e0067\U000e007f"} {
		n := text.SMSUnits(character)
		if got := shorten(character+"🇺🇸xyz", max(n, text.UTF16Length(character))); got != character {
			t.Errorf("%q, with room for it: got %q", character, got)
		}
		if got := shorten(character+"🇺🇸xyz", n-1); got != "" {
			t.Errorf("%q, with one unit less than it needs: got %q, want nothing", character, got)
		}
	}
}

// FuzzFormat checks the length, and that the result is the beginning of the plain text, cut between two characters.
func FuzzFormat(f *testing.F) {
	f.Add("# Your appointment ✅\n\nHi **Dana**!\n\n1. **Date:** Tuesday, Nov 24\n2. **Where:** [Harbor Dental](https://example.com/map?q=1&x=2)\n\nAnything else? 😊", 50)
	f.Add("| Plan | Price |\n|------|------:|\n| Basic | $5 |\n\n- Or visit https://example.com/pricing.\n\n```json\n{\"a\": 1}\n```\n", 50)
	f.Add("Grüße aus Köln, 東京です。 שלום नमस्ते क्\u200dष", 10)
	f.Add("€[]👩\u200d⚕️ Și. e\u0301", 3)
	f.Fuzz(func(t *testing.T, written string, limit int) {
		limit = 1 + max(limit, -limit, 0)%700
		got := Format(written, limit)
		if n := text.SMSUnits(got); n > limit {
			t.Fatalf("%q has %d units, want at most %d", got, n, limit)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not valid UTF-8", got)
		}
		plain := plainText(written)
		if text.SMSUnits(plain) <= limit && got != plain {
			t.Fatalf("%q was cut to %q, and would fit", plain, got)
		}
		head := got
		if !strings.HasPrefix(plain, head) {
			head = strings.TrimSuffix(strings.TrimSuffix(head, "..."), "…")
		}
		if !strings.HasPrefix(plain, head) {
			t.Fatalf("%q is not the beginning of %q", got, plain)
		}
		state, at := -1, 0
		for at < len(head) {
			var character string
			character, _, _, state = uniseg.FirstGraphemeClusterInString(plain[at:], state)
			at += len(character)
		}
		if at != len(head) {
			t.Fatalf("%q is cut inside a character of %q", head, plain)
		}
	})
}
