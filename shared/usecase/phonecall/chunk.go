package phonecall

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Twilio speaks words as they come, so the first ones are sent early, and later ones by the sentence: a voice sounds better then.
const (
	firstChunkLength = 40 // characters
	firstChunkAfter  = 120 * time.Millisecond
	laterChunkAfter  = 250 * time.Millisecond
	maxChunkBytes    = 8 << 10
)

// cutChunk returns how many bytes of the words that wait are sent now. age is how long the first of them has waited. 0 means
// that more words are awaited.
func cutChunk(words string, age time.Duration, isFirst, isLast bool) int {
	if isLast || words == "" {
		return min(len(words), wholeRunes(words, maxChunkBytes))
	}
	ends, after := ".!?。！？\n", laterChunkAfter
	if isFirst {
		ends, after = ends+",;:，；：", firstChunkAfter
	}
	if n := lastEnd(words, ends); n > 0 {
		return wholeRunes(words, min(n, maxChunkBytes))
	}
	if age >= after || isFirst && utf8.RuneCountInString(words) >= firstChunkLength || len(words) >= maxChunkBytes {
		return wholeRunes(words, min(wordEnd(words), maxChunkBytes))
	}
	return 0
}

// lastEnd returns the place behind the last end of a sentence or a clause, and behind the space that must follow it: so 3.5 is
// not cut. In scripts without spaces the mark alone is an end.
func lastEnd(words, marks string) int {
	for i := len(words); i > 0; {
		r, size := utf8.DecodeLastRuneInString(words[:i])
		if strings.ContainsRune(marks, r) {
			next, nextSize := utf8.DecodeRuneInString(words[i:])
			switch {
			case i < len(words) && unicode.IsSpace(next):
				return i + nextSize
			case r == '\n' || r > unicode.MaxASCII:
				return i
			}
		}
		i -= size
	}
	return 0
}

// wordEnd returns the place behind the last whole word, or the length if there is no space.
func wordEnd(words string) int {
	if i := strings.LastIndexFunc(words, unicode.IsSpace); i > 0 {
		_, size := utf8.DecodeRuneInString(words[i:])
		return i + size
	}
	return len(words)
}

// wholeRunes returns n, or less if a character would be cut.
func wholeRunes(s string, n int) int {
	if n >= len(s) {
		return len(s)
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return n
}
