package personaldata

import (
	"cmp"
	"slices"
	"strings"

	"example.com/aurora/shared/core/redact"
)

// Kind is a kind of personal data. Its value stands in a text for what was removed.
type Kind string

// The kinds.
const (
	Card       Kind = redact.CardNumber
	NationalID Kind = redact.NationalID
	IBAN       Kind = redact.BankAccount
	Mail       Kind = redact.MailAddress
	Phone      Kind = redact.PhoneNumber
	Removed    Kind = redact.Removed // what a field says to be personal
)

// Text returns a text with all that was found in it replaced.
func Text(s string) string {
	texts := []string{s}
	redactTurns(texts, false)
	return texts[0]
}

// span is a part of the folded text of one turn.
type span struct {
	from, to int
	kind     Kind
}

// maxPasses bounds how often a text is read. What stands beside a number that was replaced may look different afterwards.
const maxPasses = 3

// redactTurns replaces what is found in the texts that one speaker said, in order: a number may be spread over several of them.
// With keepPlain, digits without separators count as telephone numbers only where they begin like one.
func redactTurns(texts []string, keepPlain bool) (changed bool) {
	for range maxPasses {
		if !redactOnce(texts, keepPlain) {
			return changed
		}
		changed = true
	}
	return changed
}

func redactOnce(texts []string, keepPlain bool) (changed bool) {
	turns := make([]folded, len(texts))
	starts := make([]int, len(texts)) // of each turn in all
	var all []byte
	for i, s := range texts {
		starts[i] = len(all)
		turns[i] = fold(s)
		all = append(append(all, turns[i].text...), turnBoundary)
	}
	spans := findSpans(all, keepPlain)
	next := 0
	for i := range texts {
		end := starts[i] + len(turns[i].text)
		first := next
		for next < len(spans) && spans[next].from < end {
			next++
		}
		if next > first {
			texts[i] = replaceSpans(texts[i], turns[i], starts[i], spans[first:next])
			changed = true
		}
	}
	return changed
}

// findSpans returns what is found in folded turns, in order and without overlaps. A span is inside one turn.
func findSpans(all []byte, keepPlain bool) []span {
	var spans []span
	f := &numberFinder{b: all, keepPlain: keepPlain, found: func(kind Kind, groups []group) {
		for i := 0; i < len(groups); {
			end := i + 1
			for end < len(groups) && groups[end].before != crossed {
				end++
			}
			spans = append(spans, span{groups[i].from, groups[end-1].to, kind})
			i = end
		}
	}}
	(&numberScanner{b: all, emit: f.classify}).scan()
	findIDs(all, func(kind Kind, from, to int) { spans = append(spans, span{from, to, kind}) })
	findMails(all, func(from, to int) { spans = append(spans, span{from, to, Mail}) })
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to)) })
	merged := spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && s.from < merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// replaceSpans returns a text with the spans, which begin in it, replaced.
func replaceSpans(s string, f folded, start int, spans []span) string {
	var b strings.Builder
	done := 0
	for _, at := range spans {
		from, to := f.original(at.from-start, min(at.to-start, len(f.text)))
		b.WriteString(s[done:from])
		b.WriteString(string(at.kind))
		done = to
	}
	b.WriteString(s[done:])
	return b.String()
}
