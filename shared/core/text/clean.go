package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Line returns s on one line, with at most n characters. White space becomes single spaces. Control characters,
// invisible formatting characters and bytes that are not UTF-8 are removed; joiners stay, since they shape words and
// emoji. The result is in NFC.
func Line(s string, n int) string {
	if len(s) > 8*n+64 {
		s = s[:8*n+64] // bounds the work; a text that is mostly white space may end up shorter than n
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && !isJoiner(r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = norm.NFC.String(s) // last: a removed character may have stood between two that compose
	s = strings.Join(strings.Fields(s), " ")
	if cut := ClipRunes(s, n); len(cut) < len(s) {
		return strings.TrimSpace(cut)
	}
	return s
}

// Lines returns s with its line breaks. Tabs and carriage returns become spaces. Control characters and characters that
// change the direction of writing are removed. Bytes that are not UTF-8 become U+FFFD.
func Lines(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t', r == '\r':
			return ' '
		case unicode.IsControl(r), overridesDirection(r), r == '\uFEFF':
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// Name returns a person's name without control and formatting characters, in NFC and without space at its ends.
func Name(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.TrimSpace(norm.NFC.String(s))
}

// Printable returns s without ASCII control characters other than line breaks and tabs, and without bytes that are not
// UTF-8.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

func isJoiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// overridesDirection reports whether r embeds, overrides or isolates a direction of writing, or ends such a part.
func overridesDirection(r rune) bool {
	return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
}
