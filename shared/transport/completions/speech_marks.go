package completions

import (
	"slices"
	"strings"
)

// scanLineStart judges what a line may begin with: headings, items, quotes, fences, rules. in tells that it was one of these.
func (s *Filter) scanLineStart(r rune, rest string, end bool) (n int, say, in bool) {
	switch r {
	case '#':
		n, say, in = s.scanHeading(rest, end)
	case '-', '+', '*', '=':
		n, say, in = s.scanBullet(rest, end)
	case '•', '◦', '‣', '⁃', '·', '●', '○', '▪':
		n, say = s.dropBlockMark(len(string(r)))
		return n, say, true
	case '>':
		next, known := peek(rest[1:], end)
		if !known {
			return 0, false, true
		}
		if next == '=' {
			return 1, true, true
		}
		n, say = s.drop(1)
		return n, say, true
	case '`', '~':
		n, say, in = s.scanFence(rest, end)
	default:
		if isDigit(r) {
			n, say, in = s.scanNumber(rest, end)
		}
	}
	return n, say, in
}

func (s *Filter) scanHeading(rest string, end bool) (n int, say, in bool) {
	n = runLength(rest, '#')
	next, known := peek(rest[n:], end)
	switch {
	case !known:
		return 0, false, true
	case n > 6 || !isBlank(next):
		return 0, false, false
	}
	s.line.heading = true
	n, say = s.dropBlockMark(n)
	return n, say, true
}

// scanBullet also knows the rules between paragraphs and under headings.
func (s *Filter) scanBullet(rest string, end bool) (n int, say, in bool) {
	n = runLength(rest, rest[0])
	next, known := peek(rest[n:], end)
	switch {
	case !known:
		return 0, false, true
	case n == 1 && rest[0] != '=' && isBlank(next),
		n >= 3 && rest[0] != '+' && (isBlank(next) || next == '|'),
		n == 2 && rest[0] == '=' && isBreak(next):
		n, say = s.dropBlockMark(n)
		return n, say, true
	}
	return n, true, rest[0] != '*'
}

// scanNumber knows 1. and 1) with a space after it. An answer that begins with any other number is an answer: "5. Anything
// else?"
func (s *Filter) scanNumber(rest string, end bool) (n int, say, in bool) {
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
	if mark != '.' && mark != ')' || !s.line.later && rest[:n] != "1" {
		return n, true, true
	}
	next, known := peek(rest[n+1:], end)
	switch {
	case !known:
		return 0, false, true
	case !isSpace(next):
		return n, true, true
	}
	n, say = s.dropBlockMark(n + 1)
	return n, say, true
}

// scanFence leaves out ``` and the language after it. What stands between fences is said.
func (s *Filter) scanFence(rest string, end bool) (n int, say, in bool) {
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
	if !isBreak(next) { // words on the line of the marks
		n = marks
	}
	n, say = s.dropBlockMark(n)
	return n, say, true
}

// tableRuleLength is a cell such as :---: between a table's head and its rows.
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

// scanInline judges an ASCII character inside a line.
func (s *Filter) scanInline(c byte, rest string, end bool) (n int, say bool) {
	switch c {
	case ' ', '\t':
		return s.scanSpace()
	case '\n', '\r':
		return s.scanLineBreak(c)
	case '*', '_', '~', '#':
		return s.scanEmphasis(c, rest, end)
	case '`':
		return s.drop(runLength(rest, c))
	case '|':
		s.requireGap(commaGap)
		s.line.block, s.line.cell, s.line.begun = true, true, true
		return s.drop(1)
	case '[':
		return s.scanOpenBracket(rest, end)
	case ']':
		return s.scanCloseBracket(rest, end)
	case '<':
		return s.scanTag(rest, end)
	case '>':
		if s.inAngleBrackets {
			s.inAngleBrackets = false
			return s.drop(1)
		}
	case '\\':
		return s.scanEscape(rest, end)
	case '!': // before an image; after a word it is what it is
		if isWord(s.prev) || strings.ContainsRune(`!?.,;:'")*_`, s.prev) {
			return 1, true
		}
		if next, known := peek(rest[1:], end); !known {
			return 0, false
		} else if next == '[' {
			return s.drop(1)
		}
	case 'h', 'H', 'w', 'W':
		if !isWord(s.prev) {
			return s.scanAddressStart(rest, end)
		}
	case '/':
		if s.last == ':' && s.gap == noGap && !s.keepLinks { // of a scheme that is not ours
			switch next, known := peek(rest[1:], end); {
			case !known:
				return 0, false
			case next == '/':
				s.address = beforeHost
				return s.drop(2)
			}
		}
	default:
		if c < ' ' || c == 0x7f {
			return s.drop(1)
		}
	}
	return 1, true
}

func (s *Filter) scanSpace() (int, bool) {
	switch {
	case !s.line.begun && s.line.later, s.gap > wordGap, s.afterMark && (s.last == 0 || isSpace(s.last)):
		return 1, false
	case s.line.block:
		s.requireGap(spaceGap)
		return 1, false
	}
	return 1, true
}

func (s *Filter) scanLineBreak(c byte) (int, bool) {
	if c == '\r' {
		s.requireGap(spaceGap)
		return 1, false
	}
	s.requireGap(lineGap)
	if s.line.block || !s.line.begun {
		s.requireGap(sentenceGap)
	}
	s.line = struct{ begun, later, block, heading, cell bool }{later: true}
	return s.drop(1)
}

// scanEmphasis judges a run of * _ ~ or #: marks hug what they mark.
func (s *Filter) scanEmphasis(c byte, rest string, end bool) (n int, say bool) {
	n = runLength(rest, c)
	next, known := peek(rest[n:], end)
	if !known {
		return 0, false
	}
	switch keycap := next == emojiSelector || next == keycap; c {
	case '*':
		say = n == 1 && isSpace(s.prev) && isSpace(next) && s.line.begun || n < 3 && isDigit(s.prev) && isDigit(next)
	case '_':
		say = isWord(s.prev) && isWord(next)
	case '~':
		say = n == 1
	case '#':
		say = n == 1 && !keycap && !(s.line.heading && isBreak(next))
	}
	if say {
		return n, true
	}
	return s.drop(n)
}

func (s *Filter) scanEscape(rest string, end bool) (n int, say bool) {
	next, known := peek(rest[1:], end)
	switch {
	case !known:
		return 0, false
	case next > ' ' && next < 0x7f && !isWord(next), isBreak(next):
		s.escaped = true
		return s.drop(1)
	}
	return 1, true
}

// scanOpenBracket judges [: of a link, whose text is said; of a box to tick, a note or a source, which are not.
func (s *Filter) scanOpenBracket(rest string, end bool) (n int, say bool) {
	next, known := peek(rest[1:], end)
	box := !s.line.begun && strings.ContainsRune(" xX", next)
	source := next == '^' || isDigit(next) && s.line.begun && !isBlank(s.prev)
	switch {
	case !known:
		return 0, false
	case !box && !source:
		return s.drop(1)
	}
	window := rest[1:min(len(rest), 40)]
	n = strings.IndexAny(window, "]\n")
	if n < 0 && len(rest) < 40 && !end {
		return 0, false
	}
	if n < 0 || window[n] == '\n' || source && next != '^' && strings.Trim(window[:n], "0123456789 ,") != "" {
		return s.drop(1)
	}
	n += 2
	if box {
		after, known := peek(rest[n:], end)
		switch {
		case !known:
			return 0, false
		case n != 3 || !isBlank(after):
			return s.drop(1)
		}
		return s.drop(n)
	}
	target, known := s.linkTargetLength(rest[n-1:], end)
	if !known {
		return 0, false
	}
	return s.drop(n - 1 + max(target, 1))
}

// scanCloseBracket judges ]: with the address or the name that follows it, it is nothing to say.
func (s *Filter) scanCloseBracket(rest string, end bool) (int, bool) {
	n, known := s.linkTargetLength(rest, end)
	if !known {
		return 0, false
	}
	return s.drop(max(n, 1))
}

// linkTargetLength is the length of "](address)" or "][name]" that rest begins with; 0 is neither.
func (s *Filter) linkTargetLength(rest string, end bool) (n int, known bool) {
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
		case isSpace(rune(c)) && next == '(' && !title: // a title may follow, and then it is quoted
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
