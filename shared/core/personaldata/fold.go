package personaldata

import (
	"strconv"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Bytes in a folded text for what has no form in ASCII.
const (
	foreignLetter = 0x01 // a letter of another script; it separates numbers from each other, but is no part of one
	otherSymbol   = 0x02
	turnBoundary  = 0x03 // between the texts of one speaker
)

// folded is a text in lower-case ASCII, one byte for each character that counts.
type folded struct {
	text []byte
	// offsets has the place of each byte in the original text, and the original's length at its end. It is nil if the two have the
	// same bytes but for their case.
	offsets []int32
}

// fold folds a text.
func fold(s string) folded {
	f := folded{text: make([]byte, 0, len(s))}
	for i := 0; i < len(s); {
		c := s[i]
		if c == '%' {
			if decoded, ok := percentEscape(s[i:]); ok { // in an address: dana%40example.com
				f.keepOffsets(i, len(s))
				f.append(decoded, i)
				i += 3
				continue
			}
		}
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c |= 0x20
			} else if c <= turnBoundary {
				c = otherSymbol
			}
			f.append(c, i)
			i++
			continue
		}
		f.keepOffsets(i, len(s))
		r, size := utf8.DecodeRuneInString(s[i:])
		if c, ok := foldRune(r); ok {
			f.append(c, i)
		}
		i += size
	}
	if f.offsets != nil {
		f.offsets = append(f.offsets, int32(len(s)))
	}
	return f
}

// keepOffsets keeps offsets from now on. Up to i the two texts have the same places.
func (f *folded) keepOffsets(i, length int) {
	if f.offsets == nil {
		f.offsets = make([]int32, i, length+1)
		for j := range f.offsets {
			f.offsets[j] = int32(j)
		}
	}
}

// percentEscape returns the character of an escape such as %40 at the beginning of a text.
func percentEscape(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	c, err := strconv.ParseUint(s[1:3], 16, 8)
	if err != nil || c <= turnBoundary || c >= utf8.RuneSelf {
		return 0, false
	}
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return byte(c), true
}

func (f *folded) append(c byte, at int) {
	f.text = append(f.text, c)
	if f.offsets != nil {
		f.offsets = append(f.offsets, int32(at))
	}
}

// original returns where a part of the folded text stands in the original. What is left out of the folded text behind the
// part, such as a combining mark, belongs to it.
func (f *folded) original(from, to int) (int, int) {
	if f.offsets == nil {
		return from, to
	}
	return int(f.offsets[from]), int(f.offsets[to])
}

// latinLetters are letters that Unicode does not decompose.
var latinLetters = map[rune]byte{'ł': 'l', 'Ł': 'l', 'ø': 'o', 'Ø': 'o', 'đ': 'd', 'Đ': 'd', 'ı': 'i', 'ß': 's', 'æ': 'a', 'Æ': 'a', 'œ': 'o', 'Œ': 'o'}

// chineseDigits are the digits of Chinese and Japanese. Numbers that are read out digit by digit have nothing else between them.
var chineseDigits = map[rune]byte{'零': '0', '〇': '0', '一': '1', '幺': '1', '二': '2', '两': '2', '三': '3', '四': '4', '五': '5', '六': '6', '七': '7', '八': '8', '九': '9'}

// foldRune returns the byte of a character that is not ASCII. It is not ok for one that is left out: an invisible or a
// combining character.
func foldRune(r rune) (c byte, ok bool) {
	switch {
	case 0x0400 <= r && r < 0x0600, 0x3040 <= r && r < 0xA000, 0xAC00 <= r && r < 0xD7B0: // most letters of other scripts, fast
		if c, ok := chineseDigits[r]; ok {
			return c, true
		}
		if unicode.IsLetter(r) {
			return foreignLetter, true
		}
	case unicode.Is(unicode.Cf, r), unicode.Is(unicode.M, r):
		return 0, false
	}
	switch {
	case unicode.Is(unicode.Nd, r):
		return digitValue(r), true
	case unicode.Is(unicode.Z, r):
		return ' ', true
	case unicode.Is(unicode.Pd, r), r == '\u2212', r == '\u00ad':
		return '-', true
	case unicode.Is(unicode.Sc, r):
		return '$', true
	case r == '〇':
		return '0', true
	case r == '·', r == '•', r == '。', r == '・', r == '٫':
		return '.', true
	case r == '،', r == '、':
		return ',', true
	}
	if c, ok := latinLetters[r]; ok {
		return c, true
	}
	if form := norm.NFKD.PropertiesString(string(r)).Decomposition(); len(form) > 0 && form[0] < utf8.RuneSelf {
		if c := form[0]; 'A' <= c && c <= 'Z' {
			return c | 0x20, true
		}
		return max(form[0], otherSymbol), true
	}
	if unicode.IsLetter(r) {
		return foreignLetter, true
	}
	return otherSymbol, true
}

// digitValue returns the ASCII digit of a digit of any script. The digits of each script stand together, zero first.
func digitValue(r rune) byte {
	for _, table := range unicode.Nd.R16 {
		if rune(table.Lo) <= r && r <= rune(table.Hi) {
			return '0' + byte((r-rune(table.Lo))%10)
		}
	}
	for _, table := range unicode.Nd.R32 {
		if rune(table.Lo) <= r && r <= rune(table.Hi) {
			return '0' + byte((r-rune(table.Lo))%10)
		}
	}
	return otherSymbol
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c && c <= 'z' }

// isWordByte reports whether a byte belongs to a word, an id or a name of a variable.
func isWordByte(c byte) bool { return isDigit(c) || isLetter(c) || c == '_' }
