package completions

import (
	"strings"
	"unicode/utf8"
)

// addressState is where in an address the text is. Of an address the host is said, without www.
type addressState int

const (
	noAddress addressState = iota
	beforeHost
	inHost
	afterHost
	keptAddress // a text message has addresses as they are
)

// scanAddressStart knows where a word is the beginning of an address.
func (s *Filter) scanAddressStart(rest string, end bool) (n int, say bool) {
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
		s.parentheses = 0
		if s.keepLinks {
			s.address = keptAddress
			return n, true
		}
		s.address = beforeHost
		if scheme == "www." {
			s.address = inHost
		}
		return s.drop(n)
	}
	return 1, true
}

// scanAddress judges one rune of an address; in tells that it is one.
func (s *Filter) scanAddress(r rune, size int, rest string, end bool) (n int, say, in bool) {
	switch s.address {
	case beforeHost:
		s.address = inHost
		const www = "www."
		got := min(len(rest), len(www))
		if strings.EqualFold(rest[:got], www[:got]) {
			if got < len(www) && !end {
				s.address = beforeHost
				return 0, false, true
			}
			n, say = s.drop(got)
			return n, say, true
		}
		fallthrough
	case inHost:
		switch {
		case isWord(r), r == '.', r == '-' && isWord(s.prev):
			return size, true, true
		case r == '/':
			s.address = afterHost
			n, say = s.drop(1)
			return n, say, true
		case strings.ContainsRune("?#:@", r):
			next, known := peek(rest[1:], end)
			if !known {
				return 0, false, true
			}
			if isWord(next) || next == '/' {
				s.address = afterHost
				n, say = s.drop(1)
				return n, say, true
			}
		}
		s.address = noAddress
		return 0, false, false
	default:
		return s.scanAddressPath(r, size, rest, end)
	}
}

// scanAddressPath leaves out what follows the host, or keeps it. Of marks at its end it is not known whose they are before what
// comes next; they are taken for the sentence's there, and for the address's elsewhere.
func (s *Filter) scanAddressPath(r rune, size int, rest string, end bool) (n int, say, in bool) {
	over := isBlank(r) || strings.ContainsRune("<>\"|]】。，、！？；：）」", r) || isEmoji(r)
	switch {
	case r == '(':
		s.parentheses++
	case r == ')' && s.parentheses > 0:
		s.parentheses--
	case r == ')':
		over = true
	case strings.ContainsRune(".,!?;:'*_", r):
		window := rest[:min(len(rest), 8)]
		i := len(window) - len(strings.TrimLeft(window, ".,!?;:'*_"))
		next, known := peek(rest[i:], end)
		if !known && i < 8 {
			return 0, false, true
		}
		over = i < 8 && (isBlank(next) || strings.ContainsRune(")<>\"|]", next))
	}
	if over {
		s.address = noAddress
		return 0, false, false
	}
	if s.address == keptAddress {
		return size, true, true
	}
	n, say = s.drop(size)
	return n, say, true
}

// blockTags are the tags whose content stands for itself.
const blockTags = " br break p li div tr td th ul ol table h1 h2 h3 h4 h5 h6 hr blockquote pre "

// scanTag judges <: a tag is left out, an address in angle brackets is said as addresses are, "a < b" stays.
func (s *Filter) scanTag(rest string, end bool) (n int, say bool) {
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
			return s.drop(n)
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
	if n, known := s.tagLength(window, i, full); !known {
		return 0, false
	} else if n > 0 {
		if strings.Contains(blockTags, " "+strings.ToLower(window[name:i])+" ") {
			s.requireGap(sentenceGap)
		}
		return s.drop(n)
	}
	if n = strings.IndexAny(window, "> \t\n"); n < 0 && !full {
		return 0, false
	}
	if n > 0 && window[n] == '>' && strings.ContainsAny(window[:n], "@:") {
		s.inAngleBrackets = true
		if strings.HasPrefix(window, "<mailto:") {
			return s.drop(len("<mailto:"))
		}
		return s.drop(1)
	}
	return 1, true
}

// tagLength is the length of the whole tag whose name ends at i; 0 is no tag.
func (s *Filter) tagLength(window string, i int, full bool) (n int, known bool) {
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
	if j == i { // no space after the name: no attribute
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

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' && c < utf8.RuneSelf }
