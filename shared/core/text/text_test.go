package text_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/text"
)

func TestClip(t *testing.T) {
	for _, c := range []struct {
		name, in string
		n        int
		want     string
	}{
		{"short enough", "abc", 3, "abc"},
		{"short enough and not UTF-8", "a\xff", 2, "a\xff"},
		{"between characters", "abcd", 3, "abc"},
		{"inside a character", "aä", 2, "a"},
		{"inside an emoji", "a👍b", 4, "a"},
		{"not UTF-8", "a\xffbcd", 3, "ab"},
		{"nothing", "a", 0, ""},
	} {
		if got := text.Clip(c.in, c.n); got != c.want {
			t.Errorf("%s: Clip(%q, %d) = %q, want %q", c.name, c.in, c.n, got, c.want)
		}
	}
}

func TestClipRunes(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"äöü", 3, "äöü"}, {"äöü", 2, "äö"}, {"äöü", 0, ""}, {"", 0, ""}, {"ab", 5, "ab"}} {
		if got := text.ClipRunes(c.in, c.n); got != c.want {
			t.Errorf("ClipRunes(%q, %d) = %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func TestLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "n")
		s := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune{'e', '\u0301', '\u202e', 0, '\n', ' ', '\u200b', '\u2028', '\U000e0041'}))).Draw(t, "s")
		got := text.Line(s, n)
		if utf8.RuneCountInString(got) > n || !utf8.ValidString(got) || strings.ContainsAny(got, "\x00\n\u202e\u200b\u2028\U000e0041") {
			t.Fatalf("Line(%q, %d) = %q", s, n, got)
		}
		if again := text.Line(got, n); again != got {
			t.Fatalf("Line(%q, %d) = %q, and that cleaned again is %q", s, n, got, again)
		}
	})
	if got := text.Line("e\u0301 \t a\x00b\u202e\n", 10); got != "\u00e9 ab" {
		t.Errorf("Line = %q, want %q", got, "\u00e9 ab")
	}
}

func TestLines(t *testing.T) {
	for in, want := range map[string]string{
		"a\nb\tc\r":            "a\nb c ",
		"a\x00b\u202ec\u2069d": "abcd",
		"\ufeffa\xff":          "a\ufffd",
		"👨\u200d👩":             "👨\u200d👩",
	} {
		if got := text.Lines(in); got != want {
			t.Errorf("Lines(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestName(t *testing.T) {
	for in, want := range map[string]string{"Ana\u0308": "Anä", " John\tDoe\r\n": "JohnDoe", "A\u202eB\u200b": "AB", "J\xff": "J", "<b>&": "<b>&"} {
		if got := text.Name(in); got != want {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{"a\u0000b": "ab", "a\n\tb\r": "a\n\tb", "a\x7f\xffb": "ab", "👨\u200d👩": "👨\u200d👩"} {
		if got := text.Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDisplayLine(t *testing.T) {
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"  a \t\n b  ", 10, "a b"},
		{"a\x00\x1b[31mb\x7f\u0085c", 20, "a[31mb c"},
		{"\u202eevil\u202c \u2066x\u2069\u200b\ufeff", 20, "evil x"},
		{"\xffa\xc3", 20, "\ufffda\ufffd"},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abcde…"},
		{"abcde fg", 6, "abcde…"},
		{"abcd efg", 6, "abcd…"},
		{"a" + strings.Repeat("\u0301", 50) + "b", 20, "a\u0301\u0301\u0301\u0301b"},
		{"👨\u200d👩\u200d👧", 20, "👨\u200d👩\u200d👧"},
		{"👨\u200d👩\u200d👧", 3, "👨…"},
		{"مرحبا", 20, "مرحبا"},
		{"x", 0, "…"},
	} {
		if got := text.DisplayLine(c.in, c.limit); got != c.want {
			t.Errorf("DisplayLine(%q, %d) = %q, want %q", c.in, c.limit, got, c.want)
		}
	}
}

func TestDisplayLines(t *testing.T) {
	if got, want := text.DisplayLines(" a \r\n b\n\n\n\nc\u2028d ", 50), "a\nb\n\nc\nd"; got != want {
		t.Errorf("DisplayLines = %q, want %q", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		s, limit := rapid.String().Draw(t, "text"), rapid.IntRange(1, 30).Draw(t, "limit")
		got := text.DisplayLines(s, limit)
		if utf8.RuneCountInString(got) > limit || !utf8.ValidString(got) || text.DisplayLines(got, limit) != got {
			t.Fatalf("DisplayLines(%q, %d) = %q", s, limit, got)
		}
	})
}

func TestSMSUnits(t *testing.T) {
	for s, want := range map[string]int{"": 0, "abc": 3, "a€": 3, "[]{}\\^~|": 16, "ș": 1, "€ș": 2, "🎉": 2, "a🎉": 3, "…": 1, "@£ñ": 3, "`": 1} {
		if got := text.SMSUnits(s); got != want {
			t.Errorf("SMSUnits(%q) = %d, want %d", s, got, want)
		}
	}
}

func TestSMSParts(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want int
	}{
		"nothing":                          {"", 1},
		"160 of GSM":                       {strings.Repeat("a", 160), 1},
		"161 of GSM":                       {strings.Repeat("a", 161), 2},
		"306 of GSM":                       {strings.Repeat("a", 306), 2},
		"307 of GSM":                       {strings.Repeat("a", 307), 3},
		"80 of the extension table":        {strings.Repeat("€", 80), 1},
		"153 of the extension table":       {strings.Repeat("€", 153), 3}, // 76 fit in a part of 153 units
		"70 outside of GSM":                {strings.Repeat("ș", 70), 1},
		"71 outside of GSM":                {strings.Repeat("ș", 71), 2},
		"one emoji and 69 letters":         {"🎉" + strings.Repeat("a", 69), 2},
		"67 emoji, 33 of which fit":        {strings.Repeat("🎉", 67), 3},
		"1600 of GSM":                      {strings.Repeat("a", 1600), 11},
		"1600 outside of GSM":              {strings.Repeat("ș", 1600), 24},
		"one letter makes the rest longer": {strings.Repeat("a", 159) + "ș", 3},
	} {
		if got := text.SMSParts(c.in); got != c.want {
			t.Errorf("%s: %d parts, want %d", name, got, c.want)
		}
	}
}
