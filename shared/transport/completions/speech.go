package completions

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Speech turns a model's Markdown into words for a speaker, as they stream in: marks, lists, links, tags and emoji go,
// what they were put around stays. Its zero value is ready.
//
// What a chunk cuts is held back until it is known what it is, and only that: the mark itself, the address of a link, or
// the beginning of a word that may become an address ("h", "ww"). Everything else goes out at once, so that cutting a
// text differently never changes what is said, only when.
type Speech struct {
	held string // what may be a mark
	buf  []byte

	prev   rune // read last
	last   rune // let out last; 0 before the first
	paused bool // the last word out ends a sentence or a part of one
	gap    gap  // owed before the next word
	marked bool // a mark was just dropped: the space after it is not needed beside another

	escaped bool // the next rune is itself, whatever it marks elsewhere
	angle   bool // the > of an address in angle brackets is still to come
	address address
	depth   int  // of parentheses in an address
	links   bool // addresses stay as they are

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
func (s *Speech) Write(text string) string { return s.filter(text, false) }

// Close returns what was held back. The filter is as new then.
func (s *Speech) Close() string {
	out := s.filter("", true)
	*s = Speech{buf: s.buf[:0], links: s.links}
	return out
}

// filter copies nothing while there is nothing to leave out: it returns a part of the text itself.
func (s *Speech) filter(text string, end bool) string {
	if s.held != "" {
		text, s.held = s.held+text, ""
	}
	out, from, i := s.buf[:0], 0, 0
	for i < len(text) {
		n, say := s.plain(text[i:]), true
		if n == 0 {
			if n, say = s.next(text[i:], end); n == 0 {
				break
			}
		}
		token := text[i : i+n]
		if !say {
			out = append(out, text[from:i]...)
			from = i + n
			s.prev, _ = utf8.DecodeLastRuneInString(token)
		} else {
			if between := s.between(token); between != "" {
				out = append(append(out, text[from:i]...), between...)
				from = i
			}
			s.said(token)
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

// plain is how many bytes of rest are ordinary text.
func (s *Speech) plain(rest string) int {
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

// between is the gap that is owed before a token that is said.
func (s *Speech) between(token string) string {
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
	case s.paused:
	case s.gap == lineGap && (unicode.IsUpper(first) || isDigit(first)), s.gap == sentenceGap:
		return ". "
	case s.gap == commaGap:
		return ", "
	}
	return space
}

// said remembers what was let out.
func (s *Speech) said(token string) {
	s.marked, s.escaped = false, false
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
		s.paused = strings.ContainsRune(".!?:;,…—。！？：；，、", r)
		return
	}
}

// drop leaves out a mark of n bytes. None is a mark that is not known yet, and changes nothing.
func (s *Speech) drop(n int) (int, bool) {
	s.marked = s.marked || n > 0
	return n, false
}

// owe makes the gap before the next word at least this wide.
func (s *Speech) owe(g gap) { s.gap = max(s.gap, g) }

// block drops the mark that makes the line a heading, an item or a row.
func (s *Speech) block(n int) (int, bool) {
	s.line.block = true
	s.owe(sentenceGap)
	return s.drop(n)
}

// next judges what rest begins with: how many bytes it takes, and whether they are said. No bytes means that what
// follows decides.
func (s *Speech) next(rest string, end bool) (n int, say bool) {
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
		if n, say, in := s.inAddress(r, size, rest, end); in {
			return n, say
		}
	}
	if s.line.cell && (r == '-' || r == ':') {
		if n, known := rule(rest, end); !known || n > 0 {
			return s.drop(n) // none where it is not known
		}
	}
	if !s.line.begun {
		if n, say, in := s.atStart(r, rest, end); in {
			return n, say
		}
	}
	if r >= utf8.RuneSelf {
		return s.pictorial(r, size, rest, end)
	}
	return s.inline(byte(r), rest, end)
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

// run is how often rest begins with c, as far as marks go.
func run(rest string, c byte) (n int) {
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
