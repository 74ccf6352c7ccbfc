package speech

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxEmphasis is how many bytes are held back until a run of * or _ is known to be emphasis. With a longer text it counts
// as emphasis, except for a star before a digit, as in *67.
const maxEmphasis = 120

// maxOpen is how many runs may be open that nothing has closed yet. Every further run is compared with all of them. Of more than
// these, the first are forgotten.
const maxOpen = 50

// run is a run of * _ or ~~ that may begin or end emphasis: a delimiter run
// (https://spec.commonmark.org/0.31.2/#delimiter-run).
type run struct {
	at       int // in the text that is read ahead; in Filter.decided, in the whole text
	mark     byte
	length   int
	dropped  int // how many of its marks are markup
	open     bool
	close    bool
	inactive bool // it cannot match any more
	partner  int  // the last run that closes this one
}

func (r *run) left() int { return r.length - r.dropped }

// scanEmphasis classifies a run of * _ or ~. The run is held back until it is known whether there is a run that closes it.
func (f *Filter) scanEmphasis(rest string, end bool) (n int, say bool) {
	if n, say, found := f.scanDecided(); found {
		return n, say
	}
	first, known := newRun(rest, 0, f.prev, end)
	switch {
	case !known:
		return 0, false
	case f.position < f.codeEnd:
		return first.length, true
	}
	next, _ := peek(rest[first.length:], end)
	switch {
	case next == emojiSelector || next == keycap, first.length > 20:
		return f.drop(first.length)
	case !first.open && !first.close, !first.open && !slices.ContainsFunc(f.open, func(r run) bool { return r.mark == first.mark }):
		return first.length, true
	case first.open && f.last == 0 && first.length > 1 && unicode.IsLetter(next): // the first word must not wait
		return f.assumeEmphasis(first)
	}
	runs, full := f.readAhead(first, rest, end)
	if !f.matchRuns(runs, full) {
		switch {
		case !full && len(rest) < maxEmphasis:
			return 0, false
		case first.mark == '*' && first.length == 1 && isDigit(next):
			return 1, true
		}
		return f.assumeEmphasis(first)
	}
	n, say, _ = f.scanDecided()
	return n, say
}

// assumeEmphasis drops a run before it is known which run closes it.
func (f *Filter) assumeEmphasis(r run) (int, bool) {
	if len(f.open) >= maxOpen {
		f.open = slices.Delete(f.open, 0, 1)
	}
	f.open = append(f.open, r)
	return f.drop(r.length)
}

// scanDecided returns what was decided about the run that begins here.
func (f *Filter) scanDecided() (n int, say, found bool) {
	for len(f.decided) > 0 && f.decided[0].at < f.position {
		f.decided = f.decided[1:]
	}
	if len(f.decided) == 0 || f.decided[0].at > f.position {
		return 0, false, false
	}
	r := &f.decided[0]
	if r.dropped == 0 {
		return r.length, true, true
	}
	n, say = f.drop(r.dropped)
	r.at, r.length, r.dropped = r.at+n, r.length-n, 0
	if r.length == 0 {
		f.decided = f.decided[1:]
	}
	return n, say, true
}

// newRun reads the run at a place of a text. before is the rune before it. known is false if this depends on text that has
// not come yet.
func newRun(text string, at int, before rune, end bool) (r run, known bool) {
	r = run{at: at, mark: text[at], length: runLength(text[at:], text[at]), partner: -1}
	next, known := peek(text[at+r.length:], end)
	if !known {
		return r, false
	}
	spaceBefore, spaceAfter := before == 0 || unicode.IsSpace(before), unicode.IsSpace(next)
	left := !spaceAfter && (!isPunctuation(next) || spaceBefore || isPunctuation(before))
	right := !spaceBefore && (!isPunctuation(before) || spaceAfter || isPunctuation(next))
	switch r.mark {
	case '_':
		r.open, r.close = left && (!right || isPunctuation(before)), right && (!left || isPunctuation(next))
	case '~':
		r.open, r.close = left && r.length == 2, right && r.length == 2
	default: // CommonMark has emphasis in a*b*c; what is meant is a product
		product := isASCIIWord(before) && isASCIIWord(next) && (r.length == 1 || isDigit(before) && isDigit(next))
		r.open, r.close = left && !product, right && !product
	}
	return r, true
}

// scanCodeMark drops the mark of a code span. What the span holds is literal.
func (f *Filter) scanCodeMark(rest string, end bool) (int, bool) {
	marks := runLength(rest, '`')
	if f.position < f.codeEnd {
		return f.drop(marks)
	}
	window, ended := f.paragraph(rest[:min(len(rest), maxEmphasis)], end && len(rest) <= maxEmphasis)
	n, known := literalLength(window, ended || len(rest) >= maxEmphasis)
	if !known {
		return 0, false
	}
	if n > marks {
		f.codeEnd = f.position + n
	}
	return f.drop(marks)
}

// readAhead returns the runs of the paragraph, beginning with the first one. full says that there are no more that matter:
// the paragraph ends, or it goes on for longer than text is held back.
func (f *Filter) readAhead(first run, rest string, end bool) (runs []run, full bool) {
	window, ended := f.paragraph(rest[:min(len(rest), maxEmphasis)], end && len(rest) <= maxEmphasis)
	full = ended || len(rest) >= maxEmphasis
	runs = []run{first}
	before := rune(first.mark)
	for i := first.length; i < len(window); {
		r, size := utf8.DecodeRuneInString(window[i:])
		skip := size
		switch r {
		case '\\', '`', '<', ']':
			n, known := literalLength(window[i:], full)
			if !known {
				return runs, false
			}
			skip = n
		case '*', '_', '~':
			next, known := newRun(window, i, before, ended)
			if !known {
				return runs, ended
			}
			runs = append(runs, next)
			skip = next.length
		}
		before, _ = utf8.DecodeLastRuneInString(window[i : i+skip])
		i += skip
	}
	return runs, ended
}

// literalLength returns how many bytes hold no run: an escaped character, a code span, a tag or an address, or one
// character if it is none of these. known is false if more text may make it one.
func literalLength(text string, full bool) (n int, known bool) {
	switch text[0] {
	case '\\':
		if len(text) == 1 {
			return 1, full
		}
		if isPunctuation(rune(text[1])) && text[1] < utf8.RuneSelf {
			return 2, true
		}
		return 1, true
	case ']':
		n, known = linkTargetLength(text, full)
		return max(n, 1), known
	case '<':
		name := len(text) > 1 && (isLetter(text[1]) || text[1] == '/')
		if i := strings.IndexAny(text, ">\n"); name && i > 0 && text[i] == '>' {
			return i + 1, true
		} else if i < 0 && (name || len(text) == 1) {
			return 1, full
		}
		return 1, true
	}
	marks := runLength(text, '`')
	for i := marks; i < len(text); {
		n := runLength(text[i:], '`')
		if n == marks && (i+n < len(text) || full) {
			return i + n, true
		}
		i += max(n, 1)
	}
	return marks, full
}

// paragraph returns the part of a text that belongs to the same paragraph. ended is false if the paragraph may go on.
func (f *Filter) paragraph(text string, end bool) (paragraph string, ended bool) {
	for i := range len(text) {
		if text[i] != '\n' {
			continue
		}
		next := strings.TrimLeft(text[i+1:], " \t")
		if f.line.heading || next != "" && isBreak(rune(next[0])) {
			return text[:i], true
		}
		starts, known := startsBlock(next, f.line.block)
		switch {
		case starts:
			return text[:i], true
		case !known:
			return text[:i], end
		}
	}
	return text, end
}

// startsBlock reports whether a line begins a list item, a heading, a quote, a fence, a table row or a rule. inList says
// that it follows a list item. known is false if this depends on text that has not come yet.
func startsBlock(line string, inList bool) (starts, known bool) {
	if line == "" {
		return false, false
	}
	n := runLength(line, line[0])
	switch c := line[0]; {
	case c == '>' || c == '|':
		return true, true
	case c == '#' || c == '-' || c == '+' || c == '*' || c == '=':
		if n == len(line) {
			return false, false
		}
		return isBlank(rune(line[n])) && (n == 1 || c == '#' || c == '=' || n >= 3), true
	case c == '`' || c == '~':
		return n >= 3, n >= 3 || n < len(line)
	case isDigit(rune(c)):
		for n = 0; n < len(line) && n < 9 && isDigit(rune(line[n])); n++ {
		}
		if n == len(line) || n+1 == len(line) {
			return false, false
		}
		return (line[n] == '.' || line[n] == ')') && isSpace(rune(line[n+1])) && (inList || line[:n] == "1"), true
	}
	return strings.HasPrefix(line, "•"), true
}

// matchRuns finds the runs that begin and end emphasis (https://spec.commonmark.org/0.31.2/#phase-2-inline-structure) and
// records what is decided. It reports whether that includes the first run. ended says that no more runs will come.
func (f *Filter) matchRuns(runs []run, ended bool) bool {
	all := append(slices.Clone(f.open), runs...)
	own := len(f.open)
	for i := own; i < len(all); i++ {
		closer := &all[i]
		for closer.close && closer.left() > 0 && !closer.inactive {
			j := findOpener(all, i)
			if j < 0 {
				break
			}
			n := min(2, closer.left(), openLeft(&all[j], j < own))
			closer.dropped += n
			all[j].partner = i
			if j < own {
				all[j].length -= n
			} else {
				all[j].dropped += n
			}
			for k := j + 1; k < i; k++ {
				all[k].inactive = true
			}
		}
	}
	settled := func(r *run) bool { return ended || r.inactive || r.left() == 0 || !r.open }
	last := own
	for i := own; i <= last; i++ {
		if !settled(&all[i]) {
			return false
		}
		last = max(last, all[i].partner)
	}
	for i := own; i <= last; i++ {
		r := all[i]
		r.at += f.position
		f.decided = append(f.decided, r)
	}
	if all[own].close {
		f.open = slices.DeleteFunc(all[:own], func(r run) bool { return r.length == 0 || r.inactive })
	}
	return true
}

// openLeft returns how many marks of an opener are not matched yet. Those of an assumed one are taken from its length.
func openLeft(r *run, assumed bool) int {
	if assumed {
		return r.length
	}
	return r.left()
}

// findOpener returns the place of the run that a run closes, or -1.
func findOpener(runs []run, closer int) int {
	c := &runs[closer]
	for j := closer - 1; j >= 0; j-- {
		o := &runs[j]
		if o.mark != c.mark || !o.open || o.inactive || o.left() == 0 {
			continue
		}
		if (o.close || c.open) && (o.length+c.length)%3 == 0 && (o.length%3 != 0 || c.length%3 != 0) {
			continue
		}
		return j
	}
	return -1
}

// isPunctuation reports whether CommonMark calls a rune punctuation.
func isPunctuation(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }

func isASCIIWord(r rune) bool { return isDigit(r) || r < utf8.RuneSelf && isLetter(byte(r)) }
