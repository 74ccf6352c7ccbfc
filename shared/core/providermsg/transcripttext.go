package providermsg

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	maxLabel      = 60 // bytes of a speaker's name
	maxLabelWords = 4
)

// stamp is a time at which something was said, perhaps in brackets: [00:12], (12:01:05), 00:12.5 -, 12s.
const stamp = `(?:[\[(<]?(?:\d{4}-\d\d-\d\d[T ])?\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,6})?(?: ?[AaPp][Mm])?Z?(?: *(?:-->|-|–) *\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d{1,6})?)?[\])>]?|[\[(]\d+(?:\.\d+)? ?s?[\])])`

var (
	// lineLabel matches the label at the start of a line: stamps and Markdown, then 1 the name, and a colon.
	lineLabel = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[\s*_>#•-]*(?:` + stamp + `[\s*_:|–-]*)*[*_\[]*(\pL[^:：\r\n\[\]*]{0,60}?)[*_\]]*\s*(?:` + stamp + `\s*)?[*_]*\s*[:：][*_]*(?:\s|$|\D)`)
	})
	// inlineLabel matches a label within a line, after a space: 1 stamps and the name.
	inlineLabel = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(?:^|\s)(?:` + stamp + `\s*)?(\pL[\pL\pM\d'’-]*(?: \pL[\pL\pM\d'’-]*){0,2})\s?[:：](?:\s|$)`)
	})
	onlyStamp = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^\s*(?:\d+|` + stamp + `)\s*$`) })
)

// segment is a part of a transcript text: the words under one label, or before the first one.
type segment struct{ label, words string }

// parseTranscript reads a transcript text. A line that begins with the name of a speaker and a colon starts an utterance; any
// other line continues the one before. If the text has at most one such line, names within it count too. If the names say
// nothing about one of the sides, two names that alternate are the two sides.
func parseTranscript(transcript string, names speakerNames) []Utterance {
	if !strings.ContainsAny(transcript, "\n\r") {
		transcript = strings.NewReplacer(`\n`, "\n", "<br>", "\n", "<br/>", "\n", "<br />", "\n").Replace(transcript)
	}
	segments := splitLines(transcript)
	all, known := nameSpeakers(segments, names)
	if labelled := slices.IndexFunc(segments, func(s segment) bool { return s.label != "" }); !known || labelled < 0 || len(segments)-labelled == 1 {
		if inline, ok := nameSpeakers(splitInline(transcript, names), names); ok && len(inline) > len(all) {
			return inline
		}
	}
	return all
}

// splitLines splits a text at the labels at the starts of its lines.
func splitLines(transcript string) []segment {
	var segments []segment
	var words []string // of the last segment, joined once: a text may have a line break in every other place
	finishLast := func() {
		if n := len(segments); n > 0 {
			segments[n-1].words = strings.Join(words, "\n")
		}
		words = nil
	}
	for line := range strings.Lines(strings.ReplaceAll(strings.ReplaceAll(transcript, "\r\n", "\n"), "\r", "\n")) {
		if onlyStamp().MatchString(line) { // a line of subtitles
			continue
		}
		if at := lineLabel().FindStringSubmatchIndex(line); at != nil && isLabel(line[at[2]:at[3]]) {
			colon := at[3] + strings.IndexAny(line[at[3]:at[1]], ":：")
			for end := strings.IndexAny(line[colon+1:at[1]], ":："); end >= 0; end = strings.IndexAny(line[colon+1:at[1]], ":：") {
				colon += 1 + end // the colon of a stamp between the name and its own colon
			}
			finishLast()
			segments, words = append(segments, segment{label: strings.TrimSpace(line[at[2]:at[3]])}), append(words, strings.TrimLeft(line[colon:], ":：*_ "))
		} else if len(segments) > 0 {
			words = append(words, line)
		} else if strings.TrimSpace(line) != "" {
			segments, words = append(segments, segment{}), append(words, line)
		}
	}
	finishLast()
	return segments
}

// isLabel reports whether a text has the form of a speaker's name.
func isLabel(name string) bool {
	name = strings.TrimSpace(name)
	return name != "" && len(name) <= maxLabel && len(strings.Fields(name)) <= maxLabelWords && !strings.ContainsAny(name, ".!?,;\"“”/@=")
}

// splitInline splits a text at the labels anywhere in it: those of known speakers, or else all that have the form of a name
// with a capital letter and stand at the start or after the end of a sentence.
func splitInline(transcript string, names speakerNames) []segment {
	text := strings.Join(strings.Fields(transcript), " ")
	lowerCase := startsInLowerCase(text)
	isCapital := func(name string) bool { r, _ := utf8.DecodeRuneInString(name); return lowerCase || !unicode.IsLower(r) }
	var knownAt, capitalAt [][]int
	for at := 0; at < len(text); {
		m := inlineLabel().FindStringSubmatchIndex(text[at:])
		if m == nil {
			break
		}
		for i := range m {
			m[i] += at
		}
		start, end := m[2], m[3]
		for from := start; from < end; { // "move my visit. AI": the name is the shortest known end of the words
			if rest := text[from:end]; names.speaker(rest) != "" && (from == 0 || text[from-1] == ' ' || text[from-1] == ']' || text[from-1] == ')') && isCapital(rest) {
				knownAt = append(knownAt, []int{m[0], from, end})
				break
			}
			next := strings.IndexByte(text[from:end], ' ')
			if next < 0 {
				break
			}
			from += next + 1
		}
		if before := strings.TrimRight(text[:start], " "); isCapital(text[start:end]) && (before == "" || strings.ContainsAny(before[len(before)-1:], ".!?)]")) {
			capitalAt = append(capitalAt, []int{m[0], start, end})
		}
		at = end
	}
	found := knownAt
	if len(found) < 2 {
		found = capitalAt
	}
	var segments []segment
	for i, f := range found {
		if i == 0 && strings.TrimSpace(text[:f[1]]) != "" && !onlyStamp().MatchString(text[:f[1]]) {
			return nil // a transcript on one line begins with a speaker
		}
		until := len(text)
		if i+1 < len(found) {
			until = found[i+1][1]
		}
		words := strings.TrimLeft(text[f[2]:until], " :：")
		segments = append(segments, segment{text[f[1]:f[2]], trailingStamp().ReplaceAllString(words, "")})
	}
	return segments
}

var trailingStamp = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\s+[\[(]` + stamp + `?[\])]?\s*$|\s+` + stamp + `\s*$`)
})

// startsInLowerCase reports whether the first name of a text begins with a small letter: then the text has no capital letters.
func startsInLowerCase(text string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, "[(0123456789:.,]) "))
	return unicode.IsLower(r)
}

// nameSpeakers returns the utterances of segments. It is not ok if nobody's words were found.
func nameSpeakers(segments []segment, names speakerNames) (all []Utterance, ok bool) {
	names = resolveNames(segments, names)
	var b utteranceBuilder
	var who Speaker
	for _, s := range segments {
		words := s.words
		if speaker := names.speaker(s.label); speaker != "" {
			who = speaker
		} else if s.label != "" {
			words = s.label + ": " + words // a colon in what was said
		}
		if who != "" {
			for line := range strings.Lines(words) {
				b.add(who, line, -1)
			}
		}
	}
	all = b.utterances()
	return all, len(all) > 0
}

// resolveNames adds the names of a transcript that say nothing by themselves. If no name is known, two names that take turns
// are the two sides, and the assistant is the one that speaks first. If the names of one side only are known, a name that
// takes turns with it is the other side.
func resolveNames(segments []segment, names speakerNames) speakerNames {
	var order []string // of the unknown names
	count, turns := map[string]int{}, map[string]int{}
	has := map[Speaker]bool{}
	for i, s := range segments {
		name := strings.ToLower(s.label)
		if name == "" {
			continue
		}
		if who := names.speaker(name); who != "" {
			has[who] = true
			continue
		}
		if count[name]++; count[name] == 1 {
			order = append(order, name)
		}
		before, after := i > 0 && names.speaker(segments[i-1].label) != "", i+1 < len(segments) && names.speaker(segments[i+1].label) != ""
		if before && after || before && i == len(segments)-1 && count[name] > 1 || i == 0 && after {
			turns[name]++
		}
	}
	added := speakerNames{}
	switch {
	case has[SpeakerCaller] && has[SpeakerAssistant]:
	case !has[SpeakerCaller] && !has[SpeakerAssistant]:
		if len(order) == 2 && segments[0].label != "" && len(segments) >= 2 && isAlternating(segments) {
			added[order[0]], added[order[1]] = SpeakerAssistant, SpeakerCaller
		}
	default:
		other := SpeakerCaller
		if has[SpeakerCaller] {
			other = SpeakerAssistant
		}
		slices.SortStableFunc(order, func(a, b string) int { return turns[b] - turns[a] })
		if len(order) > 0 && turns[order[0]] > 0 && turns[order[0]] == count[order[0]] || len(order) == 1 && turns[order[0]] > 0 {
			added[order[0]] = other
		}
	}
	for name, who := range names {
		added[name] = who
	}
	return added
}

// isAlternating reports whether the names of a transcript take turns: mostly the next one is the other one.
func isAlternating(segments []segment) bool {
	changes := 0
	for i := 1; i < len(segments); i++ {
		if segments[i].label != segments[i-1].label {
			changes++
		}
	}
	return changes*2 >= len(segments)-1
}
