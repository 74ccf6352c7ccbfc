package speech

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// addressState is the position inside a web address. Of an address only the host is spoken, without www.
type addressState int

const (
	noAddress addressState = iota
	beforeHost
	inHost
	afterHost
	keptAddress // ForReading is set: all of it is output
)

// scanAddressStart checks whether a word that begins with h or w is a web address.
func (f *Filter) scanAddressStart(rest string, end bool) (n int, say bool) {
	for _, scheme := range []string{"https://", "http://", "www."} {
		n := 0
		for n < len(rest) && n < len(scheme) && rest[n]|0x20 == scheme[n]|0x20 {
			n++
		}
		if n == len(rest) && n < len(scheme) && !end {
			return 0, false
		}
		if n < len(scheme) {
			continue
		}
		if scheme == "www." {
			if next, known := peek(rest[n:], end); !known {
				return 0, false
			} else if !isWord(next) {
				continue
			}
		}
		f.parentheses = 0
		if f.ForReading {
			f.address = keptAddress
			return n, true
		}
		f.address = beforeHost
		if scheme == "www." {
			f.address = inHost
		}
		return f.drop(n)
	}
	return 1, true
}

// scanSlash classifies /: after the colon of a scheme such as ftp, an address begins.
func (f *Filter) scanSlash(rest string, end bool) (n int, say bool) {
	if f.last != ':' || f.gap != noGap || f.ForReading {
		return 1, true
	}
	next, known := peek(rest[1:], end)
	switch {
	case !known:
		return 0, false
	case next == '/':
		f.address = beforeHost
		return f.drop(2)
	}
	return 1, true
}

// scanAddress classifies one rune inside an address; in is false if the address ended before it.
func (f *Filter) scanAddress(r rune, size int, rest string, end bool) (n int, say, in bool) {
	switch f.address {
	case beforeHost:
		f.address = inHost
		const www = "www."
		got := min(len(rest), len(www))
		if strings.EqualFold(rest[:got], www[:got]) {
			if got < len(www) && !end {
				f.address = beforeHost
				return 0, false, true
			}
			n, say = f.drop(got)
			return n, say, true
		}
		fallthrough
	case inHost:
		switch {
		case isWord(r), r == '.', r == '-' && isWord(f.prev):
			return size, true, true
		case r == '/':
			f.address = afterHost
			n, say = f.drop(1)
			return n, say, true
		case strings.ContainsRune("?#:@", r):
			next, known := peek(rest[1:], end)
			if !known {
				return 0, false, true
			}
			if isWord(next) || next == '/' {
				f.address = afterHost
				n, say = f.drop(1)
				return n, say, true
			}
		}
		f.address = noAddress
		return 0, false, false
	default:
		return f.scanAddressPath(r, size, rest, end)
	}
}

// scanAddressPath drops what follows the host, or keeps it with KeepAddresses. Punctuation belongs to the sentence if the
// address ends after it, and to the address otherwise, so the next rune must be known.
func (f *Filter) scanAddressPath(r rune, size int, rest string, end bool) (n int, say, in bool) {
	ended := isBlank(r) || strings.ContainsRune("<>\"|]】。，、！？；：）」", r) || isEmoji(r)
	switch {
	case r == '(':
		f.parentheses++
	case r == ')' && f.parentheses > 0:
		f.parentheses--
	case r == ')':
		ended = true
	case strings.ContainsRune(".,!?;:'*_", r):
		window := rest[:min(len(rest), 8)]
		i := len(window) - len(strings.TrimLeft(window, ".,!?;:'*_"))
		next, known := peek(rest[i:], end)
		if !known && i < 8 {
			return 0, false, true
		}
		ended = i < 8 && (isBlank(next) || strings.ContainsRune(")<>\"|]", next))
	}
	if ended {
		f.address = noAddress
		return 0, false, false
	}
	if f.address == keptAddress {
		if r == '&' {
			n, say = f.scanEntity(rest, end)
			return n, say, true
		}
		return size, true, true
	}
	n, say = f.drop(size)
	return n, say, true
}

// blockTags are the HTML tags that end a sentence.
const blockTags = " br break p li div tr td th ul ol table h1 h2 h3 h4 h5 h6 hr blockquote pre "

// scanTag classifies <: a tag is dropped, an address in angle brackets is spoken like any address, and "a < b" stays.
func (f *Filter) scanTag(rest string, end bool) (n int, say bool) {
	window := rest[:min(len(rest), maxHeld)]
	full := end || len(rest) >= maxHeld
	i := 1
	if i < len(window) && window[i] == '/' {
		i++
	}
	name := i
	for i < len(window) && (isDigit(rune(window[i])) && i > name || isLetter(window[i]) || window[i] == '-' && i > name) {
		i++
	}
	switch {
	case strings.HasPrefix(window, "<!"):
		if n = strings.IndexByte(window, '>') + 1; n == 0 && !full {
			return 0, false
		} else if n > 0 {
			return f.drop(n)
		}
		return 1, true
	case i == len(window):
		if full {
			return 1, true
		}
		return 0, false
	case i == name:
		return 1, true
	}
	if n, known := tagLength(window, i, full); !known {
		return 0, false
	} else if n > 0 {
		if slices.ContainsFunc(f.Tags, func(tag string) bool { return strings.EqualFold(tag, window[name:i]) }) {
			f.inTag = true
			return n, true
		}
		if strings.Contains(blockTags, " "+strings.ToLower(window[name:i])+" ") {
			f.requireGap(sentenceGap)
		}
		return f.drop(n)
	}
	if n = strings.IndexAny(window, "> \t\n"); n < 0 && !full {
		return 0, false
	}
	if n > 0 && window[n] == '>' && strings.ContainsAny(window[:n], "@:") {
		f.inAngleBrackets = true
		if strings.HasPrefix(window, "<mailto:") {
			return f.drop(len("<mailto:"))
		}
		return f.drop(1)
	}
	return 1, true
}

// tagLength returns the length of the tag whose name ends at i, or 0 if it is not a tag. full says that no more of it
// will come.
func tagLength(window string, i int, full bool) (n int, known bool) {
	j := i
	for j < len(window) && isBlank(rune(window[j])) {
		j++
	}
	if j < len(window) && window[j] == '/' {
		j++
	}
	if j < len(window) && window[j] == '>' {
		return j + 1, true
	}
	if j == len(window) {
		return 0, full
	}
	if j == i { // an attribute needs a space before it
		return 0, true
	}
	k := j
	for k < len(window) && (isLetter(window[k]) || isDigit(rune(window[k])) || window[k] == '-' || window[k] == '_' || window[k] == ':') {
		k++
	}
	if k == len(window) {
		return 0, full
	}
	if k == j || window[k] != '=' {
		return 0, true
	}
	n = strings.IndexByte(window, '>') + 1
	return n, n > 0 || full
}

// isOpeningTag reports whether text follows that the tag is about.
func isOpeningTag(tag string) bool {
	return !strings.HasPrefix(tag, "</") && !strings.HasSuffix(tag, "/>")
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' && c < utf8.RuneSelf }
