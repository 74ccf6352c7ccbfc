package text

import (
	"strings"
	"unicode"
)

// maxCombiningMarks is how many combining marks may stand on one letter. Written languages need three or four.
const maxCombiningMarks = 4

// DisplayLine returns s on one line as a page may show it: valid UTF-8 without control characters and without characters
// that would reorder the text beside it. A text of more than limit characters is cut and ends with an ellipsis.
func DisplayLine(s string, limit int) string {
	return strings.Join(strings.Fields(DisplayLines(s, limit)), " ")
}

// DisplayLines is DisplayLine for a text whose line breaks matter. No line has space at its ends, and no two empty lines
// follow each other.
func DisplayLines(s string, limit int) string {
	var b strings.Builder
	marks, count, breaks, space := 0, 0, 0, false
	fits := 0             // bytes that leave space for an ellipsis
	for _, r := range s { // a byte that is not UTF-8 comes as U+FFFD
		switch {
		case r == '\n' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f' || r == '\u0085':
			breaks++
			space, marks = false, 0
			continue
		case unicode.IsSpace(r):
			space, marks = true, 0
			continue
		case IsHidden(r):
			continue
		case unicode.In(r, unicode.Mn, unicode.Me) || isJoiner(r):
			if marks++; marks > maxCombiningMarks {
				continue
			}
		default:
			marks = 0
		}
		between := ""
		switch {
		case b.Len() == 0:
		case breaks > 0:
			between = "\n\n"[:min(breaks, 2)]
		case space:
			between = " "
		}
		space, breaks = false, 0
		if count += len(between) + 1; count > limit {
			return strings.TrimRight(b.String()[:fits], "\u200d\u200c \n") + "…"
		}
		b.WriteString(between)
		b.WriteRune(r)
		if count < limit {
			fits = b.Len()
		}
	}
	return b.String()
}

// IsHidden reports whether a character is never shown: control characters, those that embed, override or isolate a
// direction, those without width that are not part of a word, tags, and code points that Unicode assigns to nothing.
func IsHidden(r rune) bool {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return true
	case r < 0xad:
		return false
	case r == 0xad, r == 0x200b, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff,
		r >= 0xfff9 && r <= 0xfffb, r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}
