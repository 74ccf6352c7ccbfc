package personaldata

import (
	"regexp"
	"strings"
	"sync"
)

// Transcript returns a text with lines such as "User: 4111" redacted: a number may be spread over the lines of one speaker. Times
// before a name, as in "[00:12] User: 4111", belong to no number. A text without names is redacted as Text does it.
func Transcript(s string) string {
	lines := splitTurns(s)
	bySpeaker := map[string][]int{}
	var order []string
	heads := make([]int, len(lines)) // where the words of each line begin
	speaker, labelled := "", false
	for i, line := range lines {
		owner := speaker
		if label, end := speakerLabel(line); label != "" {
			speaker, labelled = label, true
			owner, heads[i] = label, end
		} else if isStamp(line) || i+1 < len(lines) && isStamp(lines[i+1]) && isCounter(line) {
			owner = "\x00" // times of subtitles, and the numbers before them
		}
		if len(bySpeaker[owner]) == 0 {
			order = append(order, owner)
		}
		bySpeaker[owner] = append(bySpeaker[owner], i)
	}
	if !labelled {
		return Text(s)
	}
	for _, speaker := range order {
		at := bySpeaker[speaker]
		turns := make([]string, len(at))
		for k, i := range at {
			turns[k] = lines[i][heads[i]:]
		}
		redactTurns(turns, false)
		for k, i := range at {
			lines[i] = Text(lines[i][:heads[i]]) + turns[k]
		}
	}
	return strings.Join(lines, "")
}

// inlineLabel matches the usual names of the two sides within a line.
var inlineLabel = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\s(?:ai|user|assistant|bot|agent|caller|customer|human|client)\s?:`)
})

// splitTurns splits a transcript at its line breaks, and before the names of speakers within a line.
func splitTurns(s string) []string {
	var turns []string
	for line := range strings.Lines(s) {
		from := 0
		for _, at := range inlineLabel().FindAllStringIndex(line, -1) {
			turns = append(turns, line[from:at[0]+1])
			from = at[0] + 1
		}
		turns = append(turns, line[from:])
	}
	return turns
}

const (
	maxStamp = 60 // bytes before a speaker's name
	maxLabel = 40 // bytes of the name
)

// stampBytes may stand before a speaker's name, and in a line that is only a time.
const stampBytes = "0123456789:.,;[](){}<>-–|*#/ \t\r\nTZ"

// speakerLabel returns the name with which a line of a transcript begins and where the words after it begin, or nothing.
func speakerLabel(line string) (label string, end int) {
	start := len(line) - len(strings.TrimLeft(line, strings.TrimRight(stampBytes, "TZ")))
	if start > maxStamp {
		return "", 0
	}
	head := line[start:min(len(line), start+maxLabel)]
	label, _, ok := strings.Cut(head, ":")
	if !ok || strings.TrimSpace(label) == "" || strings.ContainsAny(label, ".,?!@/\"") || strings.Count(label, " ") > 3 {
		return "", 0
	}
	return strings.ToLower(strings.TrimSpace(label)), start + len(label) + 1
}

// isStamp reports whether a line is a time, such as 00:00:01,000 --> 00:00:04,000.
func isStamp(line string) bool {
	return strings.Contains(line, ":") && strings.Trim(line, stampBytes) == ""
}

// isCounter reports whether a line is a small number, as before the times of subtitles.
func isCounter(line string) bool {
	line = strings.TrimSpace(line)
	return line != "" && len(line) <= 5 && strings.Trim(line, "0123456789") == ""
}
