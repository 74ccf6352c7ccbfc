package speech

import (
	"html"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// scanLineStart classifies marks at the beginning of a line: headings, list items, quotes, fences, rules. in is false if
// there is none of these.
func (f *Filter) scanLineStart(r rune, rest string, end bool) (n int, say, in bool) {
	switch r {
	case '#':
		n, say, in = f.scanHeading(rest, end)
	case '-', '+', '*', '=', '_':
		n, say, in = f.scanBullet(rest, end)
	case '•', '◦', '‣', '⁃', '·', '●', '○', '▪':
		n, say = f.dropBlockMark(len(string(r)))
		return n, say, true
	case '>':
		next, known := peek(rest[1:], end)
		if !known {
			return 0, false, true
		}
		if next == '=' { // "is at least"
			return 1, true, true
		}
		n, say = f.drop(1)
		return n, say, true
	case '`', '~':
		n, say, in = f.scanFence(rest, end)
	default:
		if isDigit(r) {
			n, say, in = f.scanNumber(rest, end)
		}
	}
	return n, say, in
}

func (f *Filter) scanHeading(rest string, end bool) (n int, say, in bool) {
	n = runLength(rest, '#')
	next, known := peek(rest[n:], end)
	switch {
	case !known:
		return 0, false, true
	case n > 6 || !isBlank(next), n == 1 && isBreak(next): // alone on its line, it is the key of a telephone
		return 0, false, false
	}
	f.line.heading = true
	n, say = f.dropBlockMark(n)
	return n, say, true
}

// scanBullet classifies list marks, and the lines of - * or = between paragraphs and under headings.
func (f *Filter) scanBullet(rest string, end bool) (n int, say, in bool) {
	n = runLength(rest, rest[0])
	next, known := peek(rest[n:], end)
	switch {
	case !known:
		return 0, false, true
	case n == 1 && rest[0] == '*' && isBreak(next) && !f.line.block: // alone on its line, it is the key of a telephone
		return 0, false, false
	case n == 1 && rest[0] != '=' && rest[0] != '_' && isBlank(next),
		n >= 3 && rest[0] != '+' && (isBlank(next) || next == '|'),
		n == 2 && rest[0] == '=' && isBreak(next):
		n, say = f.dropBlockMark(n)
		return n, say, true
	}
	return n, true, rest[0] != '*' && rest[0] != '_'
}

// scanNumber classifies a number at the beginning of a line. That of a list item is spoken as well, because it may be what
// the listener is to answer with.
func (f *Filter) scanNumber(rest string, end bool) (n int, say, in bool) {
	for n < len(rest) && n < 4 && isDigit(rune(rest[n])) {
		n++
	}
	if n == 4 {
		return n, true, true
	}
	mark, known := peek(rest[n:], end)
	if !known {
		return 0, false, true
	}
	if mark != '.' && mark != ')' {
		return n, true, true
	}
	next, known := peek(rest[n+1:], end)
	if !known {
		return 0, false, true
	}
	if isSpace(next) {
		f.requireGap(sentenceGap)
		f.line.block = true
	}
	return n + 1, true, true
}

// scanFence drops a code fence and the language after it. The code between two fences is spoken.
func (f *Filter) scanFence(rest string, end bool) (n int, say, in bool) {
	marks := runLength(rest, rest[0])
	if marks == len(rest) && !end && marks < maxHeld {
		return 0, false, true
	}
	if marks < 3 {
		return 0, false, false
	}
	n = marks
	for n < len(rest) && n-marks < 40 && (isWord(rune(rest[n])) || strings.IndexByte("_+#.- ", rest[n]) >= 0) {
		n++
	}
	next, known := peek(rest[n:], end)
	if !known {
		return 0, false, true
	}
	if !isBreak(next) { // not a language: code on the same line
		n = marks
	}
	n, say = f.dropBlockMark(n)
	return n, say, true
}

// tableRuleLength returns the length of a cell such as :---: in the line below a table's head, or 0.
func tableRuleLength(rest string, end bool) (n int, known bool) {
	for n < len(rest) && n < maxHeld && (rest[n] == '-' || rest[n] == ':') {
		n++
	}
	next, known := peek(rest[n:], end)
	switch {
	case n == maxHeld:
		return n, true
	case !known || !isBlank(next) && next != '|':
		return 0, known
	}
	return n, true
}

// scanInline classifies an ASCII character inside a line.
func (f *Filter) scanInline(c byte, rest string, end bool) (n int, say bool) {
	switch c {
	case ' ', '\t':
		return f.scanSpace()
	case '\n', '\r':
		return f.scanLineBreak(c)
	case '*', '_', '~':
		return f.scanEmphasis(rest, end)
	case '#':
		return f.scanNumberSign(rest, end)
	case '`':
		return f.scanCodeMark(rest, end)
	case '|':
		f.requireGap(commaGap)
		f.line.block, f.line.cell, f.line.begun = true, true, true
		return f.drop(1)
	case '[':
		return f.scanOpenBracket(rest, end)
	case ']':
		return f.scanCloseBracket(rest, end)
	case '<':
		return f.scanTag(rest, end)
	case '>':
		if f.inAngleBrackets {
			f.inAngleBrackets = false
			return f.drop(1)
		}
	case '\\':
		return f.scanEscape(rest, end)
	case '&':
		return f.scanEntity(rest, end)
	case '!': // of an image, or the end of a sentence
		if isWord(f.prev) || strings.ContainsRune(`!?.,;:'")*_`, f.prev) {
			return 1, true
		}
		if next, known := peek(rest[1:], end); !known {
			return 0, false
		} else if next == '[' {
			return f.drop(1)
		}
	case 'h', 'H', 'w', 'W':
		if !isWord(f.prev) {
			return f.scanAddressStart(rest, end)
		}
	case '/':
		return f.scanSlash(rest, end)
	default:
		if c < ' ' || c == 0x7f {
			return f.drop(1)
		}
	}
	return 1, true
}

func (f *Filter) scanSpace() (int, bool) {
	switch {
	case !f.line.begun && f.line.later, f.gap > wordGap, f.afterMark && (f.last == 0 || isSpace(f.last)):
		return 1, false
	case f.line.block:
		f.requireGap(spaceGap)
		return 1, false
	}
	return 1, true
}

func (f *Filter) scanLineBreak(c byte) (int, bool) {
	if c == '\r' {
		f.requireGap(spaceGap)
		return 1, false
	}
	f.requireGap(lineGap)
	if f.line.block || !f.line.begun {
		f.requireGap(sentenceGap)
	}
	if f.line.block || !f.line.begun {
		f.open = f.open[:0] // no emphasis goes on in another paragraph
	}
	f.line = struct{ begun, later, block, heading, cell bool }{later: true}
	return f.drop(1)
}

// scanNumberSign classifies #: it is dropped at the end of a heading, and as a part of an emoji.
func (f *Filter) scanNumberSign(rest string, end bool) (n int, say bool) {
	n = runLength(rest, '#')
	next, known := peek(rest[n:], end)
	switch {
	case !known:
		return 0, false
	case next == emojiSelector, next == keycap, f.line.heading && isSpace(f.prev) && isBreak(next):
		return f.drop(n)
	}
	return n, true
}

func (f *Filter) scanEscape(rest string, end bool) (n int, say bool) {
	next, known := peek(rest[1:], end)
	switch {
	case !known:
		return 0, false
	case next > ' ' && next < 0x7f && !isWord(next), isBreak(next):
		f.escaped = true
		return f.drop(1)
	}
	return 1, true
}

// scanEntity decodes a character that is written as in HTML, such as &amp; or &#39;.
func (f *Filter) scanEntity(rest string, end bool) (n int, say bool) {
	const longest = len("&CounterClockwiseContourIntegral;")
	n = 1
	for n < len(rest) && n < longest && (isLetter(rest[n]) || isDigit(rune(rest[n])) || rest[n] == '#' && n == 1) {
		n++
	}
	if n == len(rest) && n < longest && !end {
		return 0, false
	}
	if n == len(rest) || rest[n] != ';' {
		return 1, true
	}
	n++
	decoded := html.UnescapeString(rest[:n])
	if strings.HasSuffix(decoded, ";") && decoded != ";" { // not a character, or one that needs no semicolon and a rest
		return 1, true
	}
	switch r, _ := utf8.DecodeRuneInString(decoded); {
	case isEmoji(r):
		f.requireGap(wordGap)
		f.noteEmoji(r)
		return f.drop(n)
	case unicode.IsSpace(r):
		decoded = " "
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r) && r != zeroWidthJoiner, r == utf8.RuneError:
		return f.drop(n)
	}
	f.replacement = decoded
	return n, true
}

// scanOpenBracket classifies [: the text of a link is spoken; a checkbox, a footnote and a citation are dropped.
func (f *Filter) scanOpenBracket(rest string, end bool) (n int, say bool) {
	next, known := peek(rest[1:], end)
	box := !f.line.begun && strings.ContainsRune(" xX", next)
	source := next == '^' || isDigit(next) && f.line.begun && !isBlank(f.prev)
	switch {
	case !known:
		return 0, false
	case !box && !source:
		return f.drop(1)
	}
	window := rest[1:min(len(rest), 40)]
	n = strings.IndexAny(window, "]\n")
	if n < 0 && len(rest) < 40 && !end {
		return 0, false
	}
	if n < 0 || window[n] == '\n' || source && next != '^' && strings.Trim(window[:n], "0123456789 ,") != "" {
		return f.drop(1)
	}
	n += 2
	if box {
		after, known := peek(rest[n:], end)
		switch {
		case !known:
			return 0, false
		case n != 3 || !isBlank(after):
			return f.drop(1)
		}
		return f.drop(n)
	}
	target, known := linkTargetLength(rest[n-1:], end)
	if !known {
		return 0, false
	}
	return f.drop(n - 1 + max(target, 1))
}

// scanCloseBracket drops ] and the link target after it.
func (f *Filter) scanCloseBracket(rest string, end bool) (int, bool) {
	n, known := linkTargetLength(rest, end)
	if !known {
		return 0, false
	}
	return f.drop(max(n, 1))
}

// linkTargetLength returns the length of "](address)" or "][name]" at the start of rest, or 0.
func linkTargetLength(rest string, end bool) (n int, known bool) {
	next, known := peek(rest[1:], end)
	if !known || next != '(' && next != '[' {
		return 0, known
	}
	limit, depth := maxAddress, 0
	if next == '[' {
		limit = maxHeld
	}
	title := false
	for i := 1; i < min(len(rest), limit); i++ {
		switch c := rest[i]; {
		case next == '[' && c == ']', c == ')' && depth == 1 && next == '(':
			return i + 1, true
		case c == '(':
			depth++
		case c == ')':
			depth--
		case isBreak(rune(c)):
			return 0, true
		case isSpace(rune(c)) && next == '(' && !title: // only a title in quotes may follow
			after, known := peek(rest[i+1:], end)
			if !known {
				return 0, false
			}
			if !slices.Contains([]rune{'"', '\'', ')', ' '}, after) {
				return 0, true
			}
			title = after != ' '
			limit = min(limit, i+maxHeld)
		}
	}
	return 0, end || len(rest) >= limit
}
