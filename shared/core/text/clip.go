package text

import "strings"

// Clip returns the first bytes of s, at most n. It never cuts inside a character: what the cut leaves of one is removed,
// as is everything else in the result that is not UTF-8. A text of at most n bytes is returned as it is.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}

// ClipRunes returns the first characters of s, at most n.
func ClipRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}
