package completions

import (
	"slices"
	"strings"
)

// atStart judges what a line may begin with: headings, items, quotes, fences, rules. in tells that it was one of these.
func (s *Speech) atStart(r rune, rest string, end bool) (n int, say, in bool) {
	switch r {
	case '#':
		n, say, in = s.heading(rest, end)
	case '-', '+', '*', '=':
		n, say, in = s.bullet(rest, end)
	case '•', '◦', '‣', '⁃', '·', '●', '○', '▪':
		n, say = s.block(len(string(r)))
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
		n, say, in = s.fence(rest, end)
	default:
		if isDigit(r) {
			n, say, in = s.number(rest, end)
		}
	}
	return n, say, in
}

func (s *Speech) heading(rest string, end bool) (n int, say, in bool) {
	n = run(rest, '#')
	next, known := peek(rest[n:], end)
	switch {
	case !known:
		return 0, false, true
	case n > 6 || !isBlank(next):
		return 0, false, false
	}
	s.line.heading = true
	n, say = s.block(n)
	return n, say, true
}

// bullet also knows the rules between paragraphs and under headings.
func (s *Speech) bullet(rest string, end bool) (n int, say, in bool) {
	n = run(rest, rest[0])
	next, known := peek(rest[n:], end)
	switch {
	case !known:
		return 0, false, true
	case n == 1 && rest[0] != '=' && isBlank(next),
		n >= 3 && rest[0] != '+' && (isBlank(next) || next == '|'),
		n == 2 && rest[0] == '=' && isBreak(next):
		n, say = s.block(n)
		return n, say, true
	}
	return n, true, rest[0] != '*'
}

// number knows 1. and 1) with a space after it. An answer that begins with any other number is an answer: "5. Anything
// else?"
func (s *Speech) number(rest string, end bool) (n int, say, in bool) {
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
	n, say = s.block(n + 1)
	return n, say, true
}

// fence leaves out ``` and the language after it. What stands between fences is said.
func (s *Speech) fence(rest string, end bool) (n int, say, in bool) {
	marks := run(rest, rest[0])
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
	n, say = s.block(n)
	return n, say, true
}

// rule is a cell such as :---: between a table's head and its rows.
func rule(rest string, end bool) (n int, known bool) {
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

// inline judges an ASCII character inside a line.
func (s *Speech) inline(c byte, rest string, end bool) (n int, say bool) {
	switch c {
	case ' ', '\t':
		return s.space()
	case '\n', '\r':
		return s.lineBreak(c)
	case '*', '_', '~', '#':
		return s.emphasis(c, rest, end)
	case '`':
		return s.drop(run(rest, c))
	case '|':
		s.owe(commaGap)
		s.line.block, s.line.cell, s.line.begun = true, true, true
		return s.drop(1)
	case '[':
		return s.open(rest, end)
	case ']':
		return s.close(rest, end)
	case '<':
		return s.tag(rest, end)
	case '>':
		if s.angle {
			s.angle = false
			return s.drop(1)
		}
	case '\\':
		return s.escape(rest, end)
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
			return s.begin(rest, end)
		}
	case '/':
		if s.last == ':' && s.gap == noGap && !s.links { // of a scheme that is not ours
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

func (s *Speech) space() (int, bool) {
	switch {
	case !s.line.begun && s.line.later, s.gap > wordGap, s.marked && (s.last == 0 || isSpace(s.last)):
		return 1, false
	case s.line.block:
		s.owe(spaceGap)
		return 1, false
	}
	return 1, true
}

func (s *Speech) lineBreak(c byte) (int, bool) {
	if c == '\r' {
		s.owe(spaceGap)
		return 1, false
	}
	s.owe(lineGap)
	if s.line.block || !s.line.begun {
		s.owe(sentenceGap)
	}
	s.line = struct{ begun, later, block, heading, cell bool }{later: true}
	return s.drop(1)
}

// emphasis judges a run of * _ ~ or #: marks hug what they mark.
func (s *Speech) emphasis(c byte, rest string, end bool) (n int, say bool) {
	n = run(rest, c)
	next, known := peek(rest[n:], end)
	if !known {
		return 0, false
	}
	switch keycap := next == variation || next == keycap; c {
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

func (s *Speech) escape(rest string, end bool) (n int, say bool) {
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

// open judges [: of a link, whose text is said; of a box to tick, a note or a source, which are not.
func (s *Speech) open(rest string, end bool) (n int, say bool) {
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
	target, known := s.target(rest[n-1:], end)
	if !known {
		return 0, false
	}
	return s.drop(n - 1 + max(target, 1))
}

// close judges ]: with the address or the name that follows it, it is nothing to say.
func (s *Speech) close(rest string, end bool) (int, bool) {
	n, known := s.target(rest, end)
	if !known {
		return 0, false
	}
	return s.drop(max(n, 1))
}

// target is the length of "](address)" or "][name]" that rest begins with; 0 is neither.
func (s *Speech) target(rest string, end bool) (n int, known bool) {
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
