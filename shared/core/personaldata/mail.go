package personaldata

import "bytes"

// findMails reports e-mail addresses, as they are written and as they are spoken: dana dot smith at example dot com.
func findMails(b []byte, found func(from, to int)) {
	done := 0 // everything before it was reported
	for i := 0; i < len(b); {
		if b[i] == '@' {
			if from, to := mailAround(b, done, i, i+1, false); to > 0 {
				found(from, to)
				done, i = to, to
				continue
			}
			i++
			continue
		}
		if !isLetter(b[i]) || i > 0 && isWordByte(b[i-1]) {
			i++
			continue
		}
		end := wordEnd(b, i)
		if end-i <= 12 && end-i >= 2 && spokenWords[string(b[i:end])].at {
			if from, to := mailAround(b, done, i, end, true); to > 0 {
				found(from, to)
				done, i = to, to
				continue
			}
		}
		i = end
	}
}

// maxMailParts bounds the spoken words of one side of an address.
const maxMailParts = 64

func wordEnd(b []byte, i int) int {
	for i < len(b) && isWordByte(b[i]) {
		i++
	}
	return i
}

func wordStart(b []byte, i, least int) int {
	for i > least && isWordByte(b[i-1]) {
		i--
	}
	return i
}

// isMailByte reports whether a byte may stand in the first part of an address.
func isMailByte(c byte) bool {
	return isWordByte(c) || c == foreignLetter || c == '.' || c == '-' || c == '+' || c == '%' || c == '\''
}

func isHostByte(c byte) bool { return isWordByte(c) || c == foreignLetter || c == '-' }

// skipSpace skips spaces and brackets, as in dana [at] example (dot) com.
func skipSpace(b []byte, i int) int {
	for n := 0; n < 3 && i < len(b) && (b[i] == ' ' || b[i] == '(' || b[i] == ')' || b[i] == '[' || b[i] == ']' || b[i] == '\n' || b[i] == ','); n++ {
		i++
	}
	return i
}

func skipSpaceBack(b []byte, i, least int) int {
	for n := 0; n < 3 && i > least && (b[i-1] == ' ' || b[i-1] == '(' || b[i-1] == ')' || b[i-1] == '[' || b[i-1] == ']' || b[i-1] == '\n' || b[i-1] == ','); n++ {
		i--
	}
	return i
}

// mailAround returns the address around the sign or word for @ from p to q; to is 0 if there is none.
func mailAround(b []byte, least, p, q int, spoken bool) (from, to int) {
	to, dotted := hostEnd(b, q, spoken)
	if to == 0 {
		return 0, 0
	}
	end := skipSpaceBack(b, p, least)
	from = localStart(b, least, end)
	if from == end {
		return 0, 0
	}
	if spoken && !dotted && placeWords[string(b[from:end])] { // visit us at example.com
		return 0, 0
	}
	return from, to
}

// hostEnd returns the end of the domain after the sign for @; 0 if there is none. dotted reports whether a dot was spoken.
func hostEnd(b []byte, i int, spoken bool) (end int, dotted bool) {
	start := skipSpace(b, i)
	if word := wordEnd(b, start); spoken && signWords[string(b[start:word])] { // the at sign
		start = skipSpace(b, word)
	}
	end, dots := hostPart(b, start)
	if end == start {
		return 0, false
	}
	first := end
	extra := 0
	for range maxMailParts { // words: "g mail dot com"
		next := skipSpace(b, end)
		word := wordEnd(b, next)
		switch {
		case word > next && next > end && dotWords[string(b[next:word])]:
			host := skipSpace(b, word)
			after, more := hostPart(b, host)
			if after == host || host == word {
				return hostResult(b, start, first, dots, spoken), dotted
			}
			if after-host == 1 { // dot c o m
				after = spelledEnd(b, after)
			}
			end, first, dots, dotted = after, after, dots+1+more, true
		case word > next && next > end && dots == 0 && extra < 2 && isLetter(b[next]):
			end = word
			extra++
		case dots == 0 && next+1 < len(b) && b[next] == '.' && next > end: // example . com
			host := skipSpace(b, next+1)
			after, more := hostPart(b, host)
			if after == host {
				return hostResult(b, start, first, dots, spoken), dotted
			}
			end, first, dots = after, after, dots+1+more
		default:
			return hostResult(b, start, first, dots, spoken), dotted
		}
	}
	return hostResult(b, start, first, dots, spoken), dotted
}

// hostResult returns the end of a domain if it can be one: with a dot, or a mail provider's, or directly after the sign @.
func hostResult(b []byte, start, end, dots int, spoken bool) int {
	if spoken && (hostWords[string(b[start:wordEnd(b, start)])] || dots > 0 && !isTopLevel(b[lastLabel(b, start, end):end])) {
		return 0
	}
	if dots > 0 || mailProviders[string(b[start:end])] || !spoken && b[start-1] == '@' {
		return end
	}
	return 0
}

// spelledEnd returns the end of single letters with a space or a dash between them.
func spelledEnd(b []byte, end int) int {
	for end+1 < len(b) && (b[end] == ' ' || b[end] == '-') && isLetter(b[end+1]) && (end+2 == len(b) || !isWordByte(b[end+2])) {
		end += 2
	}
	return end
}

// lastLabel returns where the last label of a domain begins.
func lastLabel(b []byte, start, end int) int {
	at := end
	for at > start && isHostByte(b[at-1]) {
		at--
	}
	if end-at == 1 && at-2 > start && b[at-1] == ' ' { // spelled
		return at - 2
	}
	return at
}

// isTopLevel reports whether a label can be the last one of an address that was spoken: two letters, or a common name.
func isTopLevel(label []byte) bool {
	label = bytes.ReplaceAll(label, []byte(" "), nil)
	return len(label) == 2 && isLetter(label[0]) && isLetter(label[1]) && string(label) != "on" || topLevels[string(label)] || bytes.IndexByte(label, foreignLetter) >= 0
}

// hostPart returns the end of labels and dots without a space, and the number of dots.
func hostPart(b []byte, i int) (end, dots int) {
	for i < len(b) && isHostByte(b[i]) {
		i++
	}
	for i+1 < len(b) && b[i] == '.' && isHostByte(b[i+1]) {
		for i++; i < len(b) && isHostByte(b[i]); i++ {
		}
		dots++
	}
	return i, dots
}

// localStart returns where the first part of an address begins, whose end is end.
func localStart(b []byte, least, end int) int {
	from := end
	for from > least && isMailByte(b[from-1]) {
		from--
	}
	for from < end && (b[from] == '.' || b[from] == '\'' || b[from] == '-') {
		from++
	}
	if from == end {
		return end
	}
	single := end-from == 1
	for range maxMailParts {
		word := skipSpaceBack(b, from, least)
		start := wordStart(b, word, least)
		if start == word {
			return from
		}
		switch {
		case localWords[string(b[start:word])]: // dana dot smith
			before := skipSpaceBack(b, start, least)
			part := wordStart(b, before, least)
			if part == before {
				return from
			}
			from, single = part, before-part == 1
		case single && word-start == 1: // d a n a
			from = start
		case spokenWords[string(b[from:wordEnd(b, from)])].digits != "" && word > start: // dana seven
			from, single = start, false
		default:
			return from
		}
	}
	return from
}
