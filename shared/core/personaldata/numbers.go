package personaldata

import "bytes"

// A gap is what stands between two groups of digits. Of two gaps the greater one says less about the groups being one number.
type gap int

const (
	tight   gap = iota // nothing but a separator
	loose              // a comma, a new line, a filler word
	crossed            // the end of one text of a speaker and the beginning of the next
)

// group is a word or a numeral: a part of a number without a gap.
type group struct {
	from, to int
	digits   []byte
	before   gap // between the group before and this one; of no meaning for the first group of a run
	plus     bool
	opening  bool // after an opening parenthesis
	spoken   bool
	sep      byte // the separator before it
	kind     Kind // what the group was found to belong to; empty while unknown
	first    bool // of the groups of what was found
}

const (
	maxSeparators = 4      // between two groups
	maxCrossWords = 6      // around the end of a text, between two groups of one number: "and then", "go on"
	maxGroups     = 20_000 // of a run; bounds the memory for a text of nothing but digits
)

// numberScanner reads the runs of a folded text: groups of digits with nothing but gaps between them.
type numberScanner struct {
	b    []byte
	emit func(run []group)
	run  []group

	separators, words, repeat  int
	filler, comma, cross, plus bool
	link                       bool
	opening                    bool
	sep                        byte
}

func (s *numberScanner) scan() {
	b := s.b
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case isWordByte(c):
			i = s.word(i)
		case c == turnBoundary:
			s.cross = true
			s.separators = 0
			i++
		default:
			s.punctuation(c, i)
			i++
		}
	}
	s.flush()
}

func (s *numberScanner) flush() {
	if len(s.run) > 0 {
		s.emit(s.run)
		s.run = s.run[:0]
	}
	s.resetGap()
	s.repeat = 0
}

func (s *numberScanner) resetGap() {
	s.separators, s.words, s.sep = 0, 0, 0
	s.filler, s.comma, s.cross, s.plus, s.opening, s.link = false, false, false, false, false, false
}

// punctuation reads a byte between words. Brackets end every run: they stand around what was redacted before.
func (s *numberScanner) punctuation(c byte, at int) {
	switch c {
	case '+':
		s.plus = true
		return
	case '(':
		s.opening = true
	case '/':
		s.comma = s.comma || at > 0 && s.b[at-1] == ' ' // between two numbers
	case ' ', '\t', '-', '.', ')', '*':
	case ',', '\n', '\r':
		s.comma = true
	case '[', ']':
		s.flush()
		return
	default:
		if !s.cross && !s.isEndOfTurn(at) {
			s.flush()
		}
		s.plus, s.opening = false, false
		return
	}
	if c != ' ' || s.sep == 0 {
		if s.sep == '.' && c == ' ' {
			s.comma = true
		}
		s.sep = c
	} else if s.sep == '.' {
		s.comma = true // the end of a sentence
	}
	if s.separators++; s.separators > maxSeparators && !s.cross {
		s.flush()
	}
}

// isEndOfTurn reports whether nothing but a sign follows until the end of a text of a speaker.
func (s *numberScanner) isEndOfTurn(at int) bool {
	for i := at + 1; i < len(s.b) && i < at+8; i++ {
		if s.b[i] == turnBoundary {
			return true
		}
		if isWordByte(s.b[i]) {
			return false
		}
	}
	return false
}

// word reads the word at i and returns its end.
func (s *numberScanner) word(i int) int {
	b, end := s.b, i
	letters, digits, underscores := 0, 0, 0
	for ; end < len(b) && isWordByte(b[end]); end++ {
		switch {
		case isDigit(b[end]):
			digits++
		case b[end] == '_':
			underscores++
		default:
			letters++
		}
	}
	word := b[i:end]
	switch {
	case letters == 0 && underscores > 0: // 415_555_0100
		for part := i; part < end; part++ {
			if from := part; isDigit(b[part]) {
				for part < end && isDigit(b[part]) {
					part++
				}
				s.add(from, part, b[from:part], false)
			}
		}
	case letters == 0:
		if skip := dateLength(b, i); skip > 0 {
			s.flush()
			return i + skip
		}
		s.add(i, end, word, false)
	case digits+underscores == 0 && len(word) <= 20:
		s.spoken(i, end)
	case digits > 0 && extensionStart(word) > 0: // 4155550100x12
		s.add(i, i+extensionStart(word), word[:extensionStart(word)], false)
		s.flush()
	default:
		if n := uuidLength(b, i); n > 0 {
			end = i + n
		}
		s.otherWord(digits > 0)
	}
	return end
}

func (s *numberScanner) spoken(from, to int) {
	switch w := spokenWords[string(s.b[from:to])]; {
	case w.repeat > 0:
		s.repeat = w.repeat
		if len(s.run) == 0 {
			s.resetGap()
		}
	case w.plus:
		s.plus = true
	case w.hundred:
		s.hundred(to)
	case w.digits != "":
		s.add(from, to, []byte(w.digits), true)
	case w.filler:
		s.filler = true
	case w.link && len(s.run) > 0:
		s.link = true
	default:
		s.otherWord(false)
	}
}

// hundred adds the zeros of "one hundred" to the digit before it.
func (s *numberScanner) hundred(to int) {
	if n := len(s.run); n > 0 && len(s.run[n-1].digits) == 1 && s.words == 0 {
		last := &s.run[n-1]
		last.digits, last.to = append(bytes.Clone(last.digits), '0', '0'), to
		s.resetGap()
		return
	}
	s.otherWord(false)
}

// otherWord ends the run, unless the word may belong to the gap between two texts of a speaker.
func (s *numberScanner) otherWord(isID bool) {
	s.repeat = 0
	if s.words++; len(s.run) == 0 || isID || s.words > maxCrossWords {
		s.flush()
	}
	s.plus, s.opening, s.sep = false, false, 0
}

// add appends a group to the run, or joins a word to the one before: forty-one.
func (s *numberScanner) add(from, to int, digits []byte, spoken bool) {
	if s.words > 0 && !s.cross {
		s.flush()
	}
	if s.repeat > 0 {
		if len(digits) == 1 {
			digits = bytes.Repeat(digits, s.repeat)
		}
		s.repeat = 0
	}
	g := group{from: from, to: to, digits: digits, plus: s.plus, opening: s.opening, spoken: spoken, sep: s.sep}
	switch {
	case s.cross:
		g.before = crossed
	case s.comma || s.filler:
		g.before = loose
	}
	if n := len(s.run); n > 0 && spoken && g.before == tight && s.run[n-1].spoken {
		if joined, ok := joinPair(s.run[n-1].digits, digits); ok {
			s.run[n-1].digits, s.run[n-1].to = joined, to
			s.resetGap()
			return
		}
	}
	if s.link && g.before == tight {
		g.before = loose
	}
	if g.plus || g.opening {
		for g.from > 0 && bytes.IndexByte([]byte("+( "), s.b[g.from-1]) >= 0 && from-g.from < 3 {
			g.from--
		}
		for s.b[g.from] == ' ' {
			g.from++
		}
	}
	if len(s.run) >= maxGroups {
		s.flush()
	}
	s.run = append(s.run, g)
	s.resetGap()
}

// extensionStart returns where the extension begins in a word such as 4155550100x12; 0 if the word has another form.
func extensionStart(word []byte) int {
	at := bytes.IndexByte(word, 'x')
	if at < 7 {
		return 0
	}
	for i, c := range word {
		if i != at && !isDigit(c) {
			return 0
		}
	}
	return at
}

// uuidLength returns the length of the UUID at i, or 0.
func uuidLength(b []byte, i int) int {
	const form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(b) < i+len(form) || len(b) > i+len(form) && isWordByte(b[i+len(form)]) {
		return 0
	}
	for j := range len(form) {
		c := b[i+j]
		if form[j] == '-' && c != '-' || form[j] == 'x' && !isDigit(c) && (c < 'a' || c > 'f') {
			return 0
		}
	}
	return len(form)
}

// dateLength returns the length of the date at i, or 0: 2026-11-25, 25.11.2026, 11/25/26.
func dateLength(b []byte, i int) int {
	var parts [3]int
	var lengths [3]int
	at := i
	var sep byte
	for n := range parts {
		if n > 0 {
			if at >= len(b) || b[at] != '-' && b[at] != '.' && b[at] != '/' || sep != 0 && b[at] != sep {
				return 0
			}
			sep = b[at]
			at++
		}
		for ; at < len(b) && isDigit(b[at]) && lengths[n] < 5; at++ {
			parts[n] = parts[n]*10 + int(b[at]-'0')
			lengths[n]++
		}
	}
	if at+1 < len(b) && (b[at] == '-' || b[at] == '.' || b[at] == '/') && isDigit(b[at+1]) {
		return 0
	}
	if at < len(b) && isWordByte(b[at]) && b[at] != 't' || i > 0 && (b[i-1] == '-' || b[i-1] == '.' || b[i-1] == '/') {
		return 0
	}
	isDay := func(a, b int) bool { return a >= 1 && a <= 31 && b >= 1 && b <= 31 && (a <= 12 || b <= 12) }
	isYear := func(n int) bool { return parts[n] >= 1900 && parts[n] < 2100 || lengths[n] == 2 }
	switch {
	case lengths[0] == 4 && lengths[1] <= 2 && lengths[2] <= 2 && lengths[1]*lengths[2] > 0 && isYear(0) && isDay(parts[1], parts[2]):
		return at - i
	case lengths[0] <= 2 && lengths[1] <= 2 && lengths[0]*lengths[1] > 0 && (lengths[2] == 4 || lengths[2] == 2) && isYear(2) && isDay(parts[0], parts[1]):
		return at - i
	}
	return 0
}
