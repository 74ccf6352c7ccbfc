package speech

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Filter removes Markdown, HTML tags and emoji from a text that arrives in pieces, and keeps the words inside them. The
// zero value is ready to use.
//
// The filter holds back only text whose meaning depends on what follows: an open mark, the address of a link, or a
// word that may become an address ("h", "ww"). It returns everything else at once. So the way a text is cut into pieces
// changes when words come out, and never which words.
type Filter struct {
	// ForReading is set for text that is read: web addresses stay whole, and emoji stay if there is nothing else. For text that
	// is spoken, only the host of an address stays, and emoji alone become their names.
	ForReading bool
	// Tags are the names of the tags that the voice understands, in any case. They stay as they are.
	Tags []string

	read int    // bytes before held
	held string // text whose meaning is not known yet
	buf  []byte

	prev       rune   // the last rune read
	last       rune   // the last rune returned; 0 before the first
	afterPause bool   // the last word returned ends a sentence or a clause
	gap        gap    // the separator needed before the next word
	emoji      []rune // that came before the first word
	afterMark  bool   // a mark was just dropped: if there was a space before it, the space after it is dropped too

	replacement     string // what the scanned token becomes, if it is not spoken as it is
	inTag           bool   // the scanned token is a tag that stays
	escaped         bool   // a backslash came before: the next rune is literal
	inAngleBrackets bool   // the > that closes <address> has not come yet
	address         addressState
	parentheses     int // open parentheses in the address

	position int   // of the scanned token in the whole text
	open     []run // emphasis that has begun
	decided  []run // what the next runs are
	codeEnd  int   // position after a code span

	line struct {
		begun   bool // a word of the line has been read
		later   bool // not the first line
		block   bool // a heading, list item or table row: it ends like a sentence
		heading bool
		cell    bool // at the beginning of a table cell
	}
}

// gap is the separator between two words when the mark or line break between them was dropped. A later one is wider.
type gap int

const (
	noGap   gap = iota
	wordGap     // a space, but only between letters
	spaceGap
	lineGap // a line break: it ends a sentence if the next line begins with a capital letter or a digit
	commaGap
	sentenceGap
)

const (
	maxHeld    = 200  // bytes held back for a mark that may never close
	maxAddress = 2000 // the same for an address in parentheses: it holds no words that the listener waits for
)

// Write takes the next piece of the text and returns what can be spoken now.
func (f *Filter) Write(text string) string { return f.process(text, false) }

// Close ends the text: it returns what was held back and resets the filter.
func (f *Filter) Close() string {
	out := f.process("", true)
	if f.last == 0 {
		out += f.emojiAlone()
	}
	*f = Filter{buf: f.buf[:0], ForReading: f.ForReading, Tags: f.Tags}
	return out
}

// process filters a piece; end says that it is the last one. Plain text, which most tokens are, is returned as a part of
// the input without copying.
func (f *Filter) process(text string, end bool) string {
	if f.held != "" {
		text, f.held = f.held+text, ""
	}
	out, from, i := f.buf[:0], 0, 0
	start := f.read
	for i < len(text) {
		f.position = start + i
		n, say := f.plainLength(text[i:]), true
		if n == 0 {
			if n, say = f.scan(text[i:], end); n == 0 {
				break
			}
		}
		token := text[i : i+n]
		switch {
		case !say:
			out = append(out, text[from:i]...)
			from = i + n
			f.prev, _ = utf8.DecodeLastRuneInString(token)
		case f.inTag:
			f.inTag = false
			if isOpeningTag(token) { // what was dropped stood before the tag
				out = append(append(out, text[from:i]...), f.gapText(token)...)
				from, f.gap = i, noGap
			}
		default:
			said := token
			if f.replacement != "" {
				said, f.replacement = f.replacement, ""
			}
			if between := f.gapText(said); between != "" || said != token {
				out = append(append(out, text[from:i]...), between...)
				from = i
			}
			if said != token {
				out = append(out, said...)
				from = i + n
			}
			f.recordOutput(said)
		}
		i += n
	}
	f.held, f.read = text[i:], start+i
	if len(out) == 0 {
		return text[from:i]
	}
	f.buf = append(out, text[from:i]...)
	return string(f.buf)
}

// ordinary holds the bytes that have no meaning in Markdown at any place of a line.
var ordinary = func() (set [256]bool) {
	for c := range utf8.RuneSelf {
		set[c] = c > ' ' && c != 0x7f && !strings.ContainsRune("*_`~#>|<[]!\\/=-+&", rune(c))
	}
	return set
}()

// plainLength returns how many bytes at the start of rest are plain text. It stops before a word that begins with h or
// w, because it may become an address.
func (f *Filter) plainLength(rest string) int {
	if !f.line.begun || f.line.cell || f.address != noAddress || f.escaped {
		return 0
	}
	i, inWord := 0, isWord(f.prev)
	for ; i < len(rest); i++ {
		switch c := rest[i]; {
		case ordinary[c]:
			if !inWord && (c|0x20 == 'h' || c|0x20 == 'w') {
				return i
			}
			inWord = isWord(rune(c))
		case c == ' ' && i > 0 && !f.line.block:
			inWord = false
		default:
			return i
		}
	}
	return i
}

// gapText returns the separator to insert before a token of the output.
func (f *Filter) gapText(token string) string {
	if f.gap == noGap || f.last == 0 || token == " " || token == "\t" {
		return ""
	}
	space := " "
	if isSpace(f.last) {
		space = ""
	}
	switch first, _ := utf8.DecodeRuneInString(token); {
	case f.gap == wordGap && !(isWord(f.last) && isWord(first)):
		return ""
	case f.afterPause:
	case f.gap == lineGap && (unicode.IsUpper(first) || isDigit(first)), f.gap == sentenceGap:
		return ". "
	case f.gap == commaGap:
		return ", "
	}
	return space
}

// recordOutput updates the state after a token of the output.
func (f *Filter) recordOutput(token string) {
	f.afterMark, f.escaped = false, false
	f.prev, _ = utf8.DecodeLastRuneInString(token)
	f.last = f.prev
	if token == " " || token == "\t" {
		if f.gap == wordGap {
			f.gap = noGap
		}
		return
	}
	f.gap = noGap
	f.line.begun, f.line.cell = true, false
	for len(token) > 0 {
		r, n := utf8.DecodeLastRuneInString(token)
		token = token[:len(token)-n]
		if isSpace(r) || strings.ContainsRune(`"')]}”’»`, r) {
			continue
		}
		f.afterPause = strings.ContainsRune(".!?:;,…—。！？：；，、", r)
		return
	}
}

// drop skips a mark of n bytes. With n = 0 the mark is not known yet, and the state does not change.
func (f *Filter) drop(n int) (int, bool) {
	f.afterMark = f.afterMark || n > 0
	return n, false
}

// requireGap makes the separator before the next word at least this wide.
func (f *Filter) requireGap(g gap) { f.gap = max(f.gap, g) }

// dropBlockMark drops the mark that makes the line a heading, a list item or a table row.
func (f *Filter) dropBlockMark(n int) (int, bool) {
	f.open = f.open[:0]
	f.line.block = true
	f.requireGap(sentenceGap)
	return f.drop(n)
}

// scan classifies what rest begins with: it returns a number of bytes, and whether they are spoken or dropped. n = 0
// means that this depends on text that has not come yet.
func (f *Filter) scan(rest string, end bool) (n int, say bool) {
	if !end && !utf8.FullRuneInString(rest) {
		return 0, false
	}
	r, size := utf8.DecodeRuneInString(rest)
	if r == utf8.RuneError && size == 1 {
		return f.drop(1)
	}
	if f.escaped {
		f.escaped = false
		if !strings.ContainsRune("`[]|\n", r) {
			return size, true
		}
		if r != '\n' {
			return f.drop(size)
		}
	}
	if f.address != noAddress {
		if n, say, in := f.scanAddress(r, size, rest, end); in {
			return n, say
		}
	}
	if f.line.cell && (r == '-' || r == ':') {
		if n, known := tableRuleLength(rest, end); !known || n > 0 {
			return f.drop(n) // n is 0 if it is not known
		}
	}
	if !f.line.begun {
		if n, say, in := f.scanLineStart(r, rest, end); in {
			return n, say
		}
	}
	if r >= utf8.RuneSelf {
		return f.scanNonASCII(r, size, rest, end)
	}
	return f.scanInline(byte(r), rest, end)
}

// peek returns the first rune of rest. At the end of the text that is a line break; known is false if the rune has not
// come yet.
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

// runLength counts how often c is repeated at the start of rest, up to maxHeld.
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
