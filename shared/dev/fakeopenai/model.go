package fakeopenai

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"

	"example.com/aurora/shared/core/text"
)

// DelayHeader is a request header that sets the default model's delay before each word: a Go duration such as 200ms.
const DelayHeader = "X-Stand-In-Delay"

// maxDelay is the maximum of DelayHeader.
const maxDelay = 10 * time.Second

// slowDelay is the delay for a user who writes "slowly".
const slowDelay = 200 * time.Millisecond

// argumentFragment is the number of characters in a fragment of tool arguments.
const argumentFragment = 7

// defaultScript is the script of the default model. It calls tools by the rules in choosetool.go.
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

// figurePattern matches a line of figures: a name, the current value and the previous one.
var figurePattern = regexp.MustCompile(`(?m)^([a-z, ]+): ([0-9.]+), before: ([0-9.]+)`)

// maxFigures is the number of figures in a narrative.
const maxFigures = 4

// narrative repeats the first figures of a report and says that there is no analysis.
func narrative(lines string) string {
	var sentences []string
	for _, m := range figurePattern.FindAllStringSubmatch(lines, maxFigures) {
		sentences = append(sentences, fmt.Sprintf("%s: %s, and %s in the period before.", strings.ToUpper(m[1][:1])+m[1][1:], m[2], m[3]))
	}
	return strings.Join(sentences, " ") + "\n\nThis is from Aurora's stand-in model. A real one tells here what changed, why it seems so, and what to do."
}

// splitWords splits a text into words, each with the white space after it, so that joining them restores the text.
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

// clipReply shortens an answer.
func clipReply(s string) string {
	if cut := text.ClipRunes(s, 500); cut != s {
		return cut + "…"
	}
	return s
}
