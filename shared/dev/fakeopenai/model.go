package fakeopenai

import (
	"crypto/rand"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// DelayHeader, on a request, sets the plain model's delay before each word: a Go duration such as 200ms.
const DelayHeader = "X-Stand-In-Delay"

// maxDelay bounds what the header may ask for.
const maxDelay = 10 * time.Second

// slow is the delay that a user who writes "slowly" gets.
const slow = 200 * time.Millisecond

// fragment is how many characters of a tool's arguments come at once.
const fragment = 7

// model is the plain model: it says what it is and what it heard, and asks for tools by the rules in wish.go.
func model(delay time.Duration) Script {
	return func(_ int, r Request) Answer {
		said := r.Last("user")
		wait := delay
		if strings.Contains(strings.ToLower(said), "slowly") {
			wait = slow
		}
		if d, err := time.ParseDuration(r.Header.Get(DelayHeader)); err == nil && d > 0 {
			wait = min(d, maxDelay)
		}
		if form, asked := filled(r); asked {
			return Text(form)
		}
		if lines, asked := strings.CutPrefix(said, "Figures:\n"); asked {
			return Text(narrative(lines))
		}
		if name, arguments, wanted := wish(r); wanted {
			return ToolCall("call_"+rand.Text(), name, arguments).Fragments(fragment).Each(wait)
		}
		answer := "This is Aurora's stand-in model, no real model is configured."
		told := toolsSaid(r)
		switch {
		case len(told) > 0:
			answer += " The tool answered: " + clip(strings.Join(told, " And: "))
		case said != "":
			answer += " You said: " + clip(said)
		default:
			answer += " You have said nothing yet."
		}
		if !r.Body.Stream {
			return Text(answer)
		}
		return Text(words(answer)...).Each(wait)
	}
}

// compared is a line of figures: a name, and what it is now and was before.
var compared = regexp.MustCompile(`(?m)^([a-z, ]+): ([0-9.]+), before: ([0-9.]+)`)

// toldFigures is how many figures a narrative of ours holds.
const toldFigures = 4

// narrative tells the first of a report's figures, and that nobody has thought about them.
func narrative(lines string) string {
	var sentences []string
	for _, m := range compared.FindAllStringSubmatch(lines, toldFigures) {
		sentences = append(sentences, fmt.Sprintf("%s: %s, and %s in the period before.", strings.ToUpper(m[1][:1])+m[1][1:], m[2], m[3]))
	}
	return strings.Join(sentences, " ") + "\n\nThis is from Aurora's stand-in model. A real one tells here what changed, why it seems so, and what to do."
}

// words splits a text so that joining the parts gives it back: each word keeps the white space after it.
func words(s string) []string {
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

// clip keeps an answer short, whatever was said.
func clip(s string) string {
	if r := []rune(s); len(r) > 500 {
		return string(r[:500]) + "…"
	}
	return s
}
