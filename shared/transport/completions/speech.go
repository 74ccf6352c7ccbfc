package completions

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Filter turns a model's Markdown into words for a speaker, as they stream in: marks, lists, links, tags and emoji go,
// what they were put around stays. Its zero value is ready.
//
// What a chunk cuts is held back until it is known what it is, and only that: the mark itself, the address of a link, or
// the beginning of a word that may become an address ("h", "ww"). Everything else goes out at once, so that cutting a
// text differently never changes what is said, only when.
type Filter struct {
	held string // what may be a mark
	buf  []byte

	prev       rune // read last
	last       rune // let out last; 0 before the first
	afterPause bool // the last word out ends a sentence or a part of one
	gap        gap  // owed before the next word
	afterMark  bool // a mark was just dropped: the space after it is not needed beside another

	escaped         bool // the next rune is itself, whatever it marks elsewhere
	inAngleBrackets bool // the > of an address in angle brackets is still to come
	address         addressState
	parentheses     int  // of parentheses in an address
	keepLinks       bool // addresses stay as they are

	line struct {
		begun   bool // has words
		later   bool // is not the first
		block   bool // is a heading, an item or a row, which end like a sentence
		heading bool
		cell    bool // a cell begins
	}
}

// gap is what stands between two words whose marks or line break went.
type gap int

const (
	noGap   gap = iota
	wordGap     // a space, but only between letters
	spaceGap
	lineGap // a line break: the end of a sentence, unless the next line goes on with it
	commaGap
	sentenceGap
)

// maxHeld bounds what is held back for a mark that may never end, in bytes; an address in parentheses holds no words, and
// may be longer.
const (
	maxHeld    = 200
	maxAddress = 2000
)

// Write takes a piece of the text and returns what can be said now.
func (s *Filter) Write(text string) string { return s.process(text, false) }

// Close returns what was held back. The filter is as new then.
func (s *Filter) Close() string {
	out := s.process("", true)
	*s = Filter{buf: s.buf[:0], keepLinks: s.keepLinks}
	return out
}

// process copies nothing while there is nothing to leave out: it returns a part of the text itself.
func (s *Filter) process(text string, end bool) string {
	if s.held != "" {
		text, s.held = s.held+text, ""
	}
	out, from, i := s.buf[:0], 0, 0
	for i < len(text) {
		n, say := s.plainLength(text[i:]), true
		if n == 0 {
			if n, say = s.scan(text[i:], end); n == 0 {
				break
			}
		}
		token := text[i : i+n]
		if !say {
			out = append(out, text[from:i]...)
			from = i + n
			s.prev, _ = utf8.DecodeLastRuneInString(token)
		} else {
			if between := s.gapText(token); between != "" {
				out = append(append(out, text[from:i]...), between...)
				from = i
			}
			s.recordOutput(token)
		}
		i += n
	}
	s.held = text[i:]
	if len(out) == 0 {
		return text[from:i]
	}
	s.buf = append(out, text[from:i]...)
	return string(s.buf)
}

// ordinary bytes mean nothing in Markdown, wherever they stand in a line.
var ordinary = func() (set [256]bool) {
	for c := range utf8.RuneSelf {
		set[c] = c > ' ' && c != 0x7f && !strings.ContainsRune("*_`~#>|<[]!\\/=-+", rune(c))
	}
	return set
}()

// plainLength is how many bytes of rest are ordinary text.
func (s *Filter) plainLength(rest string) int {
	if !s.line.begun || s.line.cell || s.address != noAddress || s.escaped {
		return 0
	}
	i, inWord := 0, isWord(s.prev)
	for ; i < len(rest); i++ {
		switch c := rest[i]; {
		case ordinary[c]:
			if !inWord && (c|0x20 == 'h' || c|0x20 == 'w') {
				return i
			}
			inWord = isWord(rune(c))
		case c == ' ' && i > 0 && !s.line.block:
			inWord = false
		default:
			return i
		}
	}
	return i
}

// gapText is the gap that is owed before a token that is said.
func (s *Filter) gapText(token string) string {
	if s.gap == noGap || s.last == 0 || token == " " || token == "\t" {
		return ""
	}
	space := " "
	if isSpace(s.last) {
		space = ""
	}
	switch first, _ := utf8.DecodeRuneInString(token); {
	case s.gap == wordGap && !(isWord(s.last) && isWord(first)):
		return ""
	case s.afterPause:
	case s.gap == lineGap && (unicode.IsUpper(first) || isDigit(first)), s.gap == sentenceGap:
		return ". "
	case s.gap == commaGap:
		return ", "
	}
	return space
}

// recordOutput remembers what was let out.
func (s *Filter) recordOutput(token string) {
	s.afterMark, s.escaped = false, false
	s.prev, _ = utf8.DecodeLastRuneInString(token)
	s.last = s.prev
	if token == " " || token == "\t" {
		if s.gap == wordGap {
			s.gap = noGap
		}
		return
	}
	s.gap = noGap
	s.line.begun, s.line.cell = true, false
	for len(token) > 0 {
		r, n := utf8.DecodeLastRuneInString(token)
		token = token[:len(token)-n]
		if isSpace(r) || strings.ContainsRune(`"')]}”’»`, r) {
			continue
		}
		s.afterPause = strings.ContainsRune(".!?:;,…—。！？：；，、", r)
		return
	}
}

// drop leaves out a mark of n bytes. None is a mark that is not known yet, and changes nothing.
func (s *Filter) drop(n int) (int, bool) {
	s.afterMark = s.afterMark || n > 0
	return n, false
}

// requireGap makes the gap before the next word at least this wide.
func (s *Filter) requireGap(g gap) { s.gap = max(s.gap, g) }

// dropBlockMark drops the mark that makes the line a heading, an item or a row.
func (s *Filter) dropBlockMark(n int) (int, bool) {
	s.line.block = true
	s.requireGap(sentenceGap)
	return s.drop(n)
}

// scan judges what rest begins with: how many bytes it takes, and whether they are said. No bytes means that what
// follows decides.
func (s *Filter) scan(rest string, end bool) (n int, say bool) {
	if !end && !utf8.FullRuneInString(rest) {
		return 0, false
	}
	r, size := utf8.DecodeRuneInString(rest)
	if r == utf8.RuneError && size == 1 {
		return s.drop(1)
	}
	if s.escaped {
		s.escaped = false
		if !strings.ContainsRune("*`~[]|\n", r) {
			return size, true
		}
		if r != '\n' {
			return s.drop(size)
		}
	}
	if s.address != noAddress {
		if n, say, in := s.scanAddress(r, size, rest, end); in {
			return n, say
		}
	}
	if s.line.cell && (r == '-' || r == ':') {
		if n, known := tableRuleLength(rest, end); !known || n > 0 {
			return s.drop(n) // none where it is not known
		}
	}
	if !s.line.begun {
		if n, say, in := s.scanLineStart(r, rest, end); in {
			return n, say
		}
	}
	if r >= utf8.RuneSelf {
		return s.scanNonASCII(r, size, rest, end)
	}
	return s.scanInline(byte(r), rest, end)
}

// peek is the rune that a text goes on with: a line break where all ends, and known only where it is there.
func peek(rest string, end bool) (r rune, known bool) {
	if rest == "" {
		return '\n', end
	}
	if !end && !utf8.FullRuneInString(rest) {
		return 0, false
	}
	r, _ = utf8.DecodeRuneInString(rest)
	return r, true
}

// runLength is how often rest begins with c, as far as marks go.
func runLength(rest string, c byte) (n int) {
	for n < len(rest) && n < maxHeld && rest[n] == c {
		n++
	}
	return n
}

func isWord(r rune) bool  { return unicode.IsLetter(r) || unicode.IsDigit(r) }
func isDigit(r rune) bool { return '0' <= r && r <= '9' }
func isSpace(r rune) bool { return r == ' ' || r == '\t' }
func isBreak(r rune) bool { return r == '\n' || r == '\r' }
func isBlank(r rune) bool { return isSpace(r) || isBreak(r) }
