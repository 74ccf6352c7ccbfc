package personaldata

import "bytes"

// numberFinder decides which groups of a run are personal.
type numberFinder struct {
	b []byte
	// keepPlain leaves plain digits: a text whose field says that it is no telephone number.
	keepPlain bool
	found     func(kind Kind, groups []group)
}

// classify reads one run. Cards come first, then numbers with check digits, then telephone numbers in what is left.
func (f *numberFinder) classify(run []group) {
	f.windows(run, 13, 19, Card, func(digits []byte, _ []group) bool { return isCard(digits) })
	f.windows(run, 9, 18, NationalID, isNationalNumber)
	for i := 0; i < len(run); {
		if run[i].kind != "" {
			i++
			continue
		}
		end := i
		for end < len(run) && run[end].kind == "" {
			end++
		}
		f.phones(run[i:end])
		i = end
	}
	for i := 0; i < len(run); {
		end := i + 1
		for end < len(run) && run[end].kind != "" && !run[end].first {
			end++
		}
		if run[i].kind != "" {
			f.found(run[i].kind, run[i:end])
		}
		i = end
	}
}

// windows marks the groups that make a number together, the longest first. accept sees their digits.
func (f *numberFinder) windows(run []group, least, most int, kind Kind, accept func(digits []byte, groups []group) bool) {
	var digits [19]byte
	for i := 0; i < len(run); i++ {
		n, ends := 0, [20]int{} // ends[k] is the end of the window of k digits
		for j := i; j < len(run) && run[j].kind == "" && n+len(run[j].digits) <= most; j++ {
			n += copy(digits[n:], run[j].digits)
			ends[n] = j + 1
		}
		for ; n >= least; n-- {
			if end := ends[n]; end > 0 && accept(digits[:n], run[i:end]) {
				mark(run[i:end], kind)
				i = end - 1
				break
			}
		}
	}
}

// phones marks the telephone numbers in groups that are nothing else.
func (f *numberFinder) phones(run []group) {
	for i := 0; i < len(run); {
		n, isPhone := f.phoneLength(run, i)
		if isPhone {
			kind := Phone
			if isElevenDigitID(run[i : i+n]) {
				kind = NationalID
			}
			mark(run[i:i+n], kind)
		}
		i += n
	}
}

// mark records what groups were found to be.
func mark(groups []group, kind Kind) {
	for i := range groups {
		groups[i].kind, groups[i].first = kind, i == 0
	}
}

const (
	minPhone      = 7
	maxPhone      = 15 // E.164
	maxPlainPhone = 12 // without a plus or zeros at the beginning
)

// phoneLength reports whether the groups from i begin with a telephone number, and how many groups belong to it, or to what is
// not one.
func (f *numberFinder) phoneLength(run []group, i int) (n int, isPhone bool) {
	first := run[i]
	if n := nanpLength(run[i:]); n > 0 && !first.plus {
		return n, true
	}
	international := first.plus || bytes.HasPrefix(first.digits, []byte("00"))
	leading := isLeading(first)
	most := maxPlainPhone
	if leading {
		most = maxPhone
	}
	if bytes.HasPrefix(first.digits, []byte("00")) {
		most += 2
	}
	total, n := len(first.digits), 1
	for single := isSingle(first); i+n < len(run); n++ {
		next := run[i+n]
		single = single && isSingle(next)
		if next.plus || next.before == crossed && !leading || next.before == loose && (!leading && !single || isLeading(next) && total >= minPhone) {
			break
		}
		if total+len(next.digits) > most {
			if !leading && !single { // a longer number that is none of a telephone
				return f.skipLength(run[i:]), false
			}
			break
		}
		total += len(next.digits)
	}
	switch {
	case total < minPhone:
		return 1, false
	case total > most, n > 1 && !international && f.isFigure(run[i:i+n]), n == 1 && !international && !f.isPlainPhone(first):
		return n, false
	}
	return n, true
}

// isLeading reports whether a group can only be the beginning of a telephone number, if it is a part of one.
func isLeading(g group) bool {
	return g.plus || g.opening || g.digits[0] == '0' && len(g.digits) > 1
}

// skipLength returns the number of groups that belong to a long number. A telephone number that is clearly one ends it.
func (f *numberFinder) skipLength(run []group) int {
	n := 1
	for n < len(run) && run[n].before == tight && !isLeading(run[n]) && nanpLength(run[n:]) == 0 {
		n++
	}
	return n
}

// isElevenDigitID reports whether a number that looks like a telephone number has the check digits of a Polish, German or
// Brazilian number.
func isElevenDigitID(run []group) bool {
	var d []byte
	for _, g := range run {
		d = append(d, g.digits...)
	}
	return len(d) == 11 && !run[0].plus && nanpLength(run) == 0 && (isPESEL(d) || isSteuerID(d) || isCPF(d))
}

func isSingle(g group) bool { return len(g.digits) == 1 || g.spoken }

// nanpLength returns how many groups from the first make a number of the North American plan as it is grouped: 415 555 0100.
func nanpLength(run []group) int {
	lengths := [4]int{}
	for i := range min(4, len(run)) {
		lengths[i] = len(run[i].digits)
	}
	switch {
	case lengths[0] == 1 && run[0].digits[0] == '1' && lengths[1] == 3 && lengths[2] == 3 && lengths[3] == 4 && run[1].digits[0] >= '2':
		return 4
	case lengths[0] == 3 && lengths[1] == 3 && lengths[2] == 4 && run[0].digits[0] >= '2':
		return 3
	}
	return 0
}

// isPlainPhone reports whether digits without any separator count as a telephone number.
func (f *numberFinder) isPlainPhone(g group) bool {
	d := g.digits
	if len(d) == 10 && d[0] == '1' && d[1] >= '6' && d[1] <= '9' { // seconds since 1970, from 2020 to 2033; no area code begins with 1
		return false
	}
	if g.sep == '.' && g.from > 1 && f.b[g.from-1] == '.' && isDigit(f.b[g.from-2]) { // the fraction of a decimal number
		return false
	}
	if d[0] == '0' && len(d) > 8 || g.opening {
		return true
	}
	return !f.keepPlain && !f.isNamedFigure(g) && !f.isAmount(g)
}

// isFigure reports whether several groups are a decimal number, an amount, an address of the internet or two years.
func (f *numberFinder) isFigure(run []group) bool {
	dots, thousands, octets := true, len(run[0].digits) <= 3 && run[0].digits[0] != '0', len(run) == 4
	for i, g := range run {
		if i > 0 {
			dots = dots && g.sep == '.' && g.before == tight && g.from == run[i-1].to+1
			thousands = thousands && len(g.digits) == 3
		}
		octets = octets && len(g.digits) <= 3
	}
	if isYear(run[0].digits) && isYear(run[len(run)-1].digits) && len(run) == 2 {
		return true
	}
	last := run[len(run)-1]
	if thousands && f.isAmount(group{from: run[0].from, to: last.to, digits: last.digits}) {
		return true
	}
	first := run[0].digits
	if isYear(first) && len(run) == 2 && f.isNamedFigure(run[0]) { // case number 2026-0012345
		return true
	}
	isLocal := len(first) == 3 && (len(last.digits) == 4 || len(last.digits) == 7 && first[0] >= '2' && last.digits[0] >= '2')
	if dots && len(run) == 2 && !isLocal {
		return true
	}
	return dots && (thousands && len(run) != 3 || octets)
}

func isYear(d []byte) bool {
	return len(d) == 4 && (d[0] == '1' && d[1] == '9' || d[0] == '2' && d[1] == '0')
}

// isAmount reports whether a currency or a unit stands beside a number.
func (f *numberFinder) isAmount(g group) bool {
	if g.from > 0 && f.b[g.from-1] == '$' || g.from > 1 && f.b[g.from-1] == ' ' && f.b[g.from-2] == '$' {
		return true
	}
	at := g.to
	if at < len(f.b) && f.b[at] == ' ' {
		at++
	}
	if at < len(f.b) && (f.b[at] == '$' || f.b[at] == '%') {
		return true
	}
	end := at
	for end < len(f.b) && isLetter(f.b[end]) && end-at < 14 {
		end++
	}
	return units[string(f.b[at:end])]
}

// isNamedFigure reports whether the words before a number say what it counts: order number 12345678, INV-12345678.
func (f *numberFinder) isNamedFigure(g group) bool {
	at := g.from
	for range 3 {
		end := at
		for end > 0 && bytes.IndexByte([]byte(" #:-."), f.b[end-1]) >= 0 && at-end < 3 {
			end--
		}
		start := end
		for start > 0 && (isLetter(f.b[start-1]) || isDigit(f.b[start-1])) && end-start < 14 {
			start--
		}
		word := string(f.b[start:end])
		switch {
		case word == "":
			return false
		case figureWords[word]:
			return true
		case at == g.from && end == at-1 && f.b[end] == '-' && !phoneWords[word]: // an id: INV-12345678
			return true
		case !figureLinks[word]:
			return false
		}
		at = start
	}
	return false
}
