package fakeopenai

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"example.com/aurora/shared/core/text"
)

// DelayHeader, on a request, sets the plain model's delay before each word: a Go duration such as 200ms.
const DelayHeader = "X-Stand-In-Delay"

// maxDelay bounds what the header may ask for.
const maxDelay = 10 * time.Second

// slowDelay is the delay that a user who writes "slowly" gets.
const slowDelay = 200 * time.Millisecond

// argumentFragment is how many characters of a tool's arguments come at once.
const argumentFragment = 7

// defaultScript is the plain model: it says what it is and what it heard, and asks for tools by the rules in wish.go.
func defaultScript(delay time.Duration) Script {
	return func(_ int, r Request) Answer {
		said := r.Last("user")
		wait := delay
		if strings.Contains(strings.ToLower(said), "slowly") {
			wait = slowDelay
		}
		if d, err := time.ParseDuration(r.Header.Get(DelayHeader)); err == nil && d > 0 {
			wait = min(d, maxDelay)
		}
		if form, asked := answerSchema(r); asked {
			return Text(form)
		}
		if lines, asked := strings.CutPrefix(said, "Figures:\n"); asked {
			return Text(narrative(lines))
		}
		if name, arguments, wanted := chooseTool(r); wanted {
			return ToolCall("call_"+rand.Text(), name, arguments).Fragments(argumentFragment).Each(wait)
		}
		answer := "This is Aurora's stand-in model, no real model is configured."
		told := toolResults(r)
		switch {
		case len(told) > 0:
			answer += " The tool answered: " + clipReply(strings.Join(told, " And: "))
		case said != "":
			answer += " You said: " + clipReply(said)
		default:
			answer += " You have said nothing yet."
		}
		if !r.Body.Stream {
			return Text(answer)
		}
		return Text(splitWords(answer)...).Each(wait)
	}
}

// figurePattern is a line of figures: a name, and what it is now and was before.
var figurePattern = regexp.MustCompile(`(?m)^([a-z, ]+): ([0-9.]+), before: ([0-9.]+)`)

// maxFigures is how many figures a narrative of ours holds.
const maxFigures = 4

// narrative tells the first of a report's figures, and that nobody has thought about them.
func narrative(lines string) string {
	var sentences []string
	for _, m := range figurePattern.FindAllStringSubmatch(lines, maxFigures) {
		sentences = append(sentences, fmt.Sprintf("%s: %s, and %s in the period before.", strings.ToUpper(m[1][:1])+m[1][1:], m[2], m[3]))
	}
	return strings.Join(sentences, " ") + "\n\nThis is from Aurora's stand-in model. A real one tells here what changed, why it seems so, and what to do."
}

// splitWords splits a text so that joining the parts gives it back: each word keeps the white space after it.
func splitWords(s string) []string {
	var parts []string
	start := 0
	for i := 1; i < len(s); i++ {
		if strings.ContainsRune(" \n\t", rune(s[i-1])) && !strings.ContainsRune(" \n\t", rune(s[i])) {
			parts = append(parts, s[start:i])
			start = i
		}
	}
	return append(parts, s[start:])
}

// clipReply keeps an answer short, whatever was said.
func clipReply(s string) string {
	if cut := text.ClipRunes(s, 500); cut != s {
		return cut + "…"
	}
	return s
}
