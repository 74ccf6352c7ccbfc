package aurora

import (
	"strings"
	"time"

	"example.com/aurora/shared/core/text"
)

// Speaker is who says a turn of a conversation.
type Speaker string

// The speakers. What a tool was asked and answered is the assistant's business and no turn.
const (
	SpeakerCaller    Speaker = "caller"
	SpeakerAssistant Speaker = "assistant"
)

// speakersByRole are the names by which providers call the two sides, in lower case. Any other role speaks no turn.
var speakersByRole = map[string]Speaker{
	"user": SpeakerCaller, "customer": SpeakerCaller, "caller": SpeakerCaller, "human": SpeakerCaller,
	"assistant": SpeakerAssistant, "bot": SpeakerAssistant, "ai": SpeakerAssistant,
}

// Utterance is what one side of a call said before the other spoke.
type Utterance struct {
	Who  Speaker
	Text string
	// Seconds is when it began, from the call's start; negative where unknown.
	Seconds float64
}

// Transcript are the conversation of an end-of-call report: its messages, or its transcript where they hold no conversation.
// A list in which only the assistant speaks is taken only where nothing else says that the other side spoke. What one
// side says in several messages is one turn.
func (m Message) Transcript() []Utterance {
	var alone []Utterance
	for _, path := range []string{"artifact.messages", "messages", "artifact.messagesOpenAIFormatted", "call.messages", "transcript", "artifact.transcript"} {
		if turns := m.utterancesAt(path); hasCallerUtterance(turns) {
			return turns
		} else if len(alone) == 0 {
			alone = turns
		}
	}
	for _, path := range []string{"transcript", "artifact.transcript", "call.transcript", "call.artifact.transcript"} {
		if turns := parseTranscript(m.Text(path)); hasCallerUtterance(turns) {
			return turns
		} else if len(alone) == 0 {
			alone = turns
		}
	}
	return alone
}

// hasCallerUtterance reports whether anybody but the assistant did.
func hasCallerUtterance(turns []Utterance) bool {
	for _, t := range turns {
		if t.Who == SpeakerCaller {
			return true
		}
	}
	return false
}

// utterancesAt reads a list of messages, whose words are in message, content or text.
func (m Message) utterancesAt(path string) []Utterance {
	started := m.Time("startedAt", "call.startedAt", "artifact.startedAt")
	var c utteranceBuilder
	for _, said := range m.Objects(path) {
		who, ok := speakersByRole[strings.ToLower(said.Text("role"))]
		if !ok {
			continue
		}
		text := said.Text("message", "content", "text")
		if text == "" {
			text = said.contentText()
		}
		c.add(who, text, said.secondsSince(started))
	}
	return c.utterances()
}

// contentText are the words of content that came as a list. A part without words, such as a sound, was said all the same.
func (m Message) contentText() string {
	var texts []string
	for _, v := range m.List("content") {
		if s := scalarText(v); s != "" {
			texts = append(texts, s)
			continue
		}
		fields, ok := v.(map[string]any)
		if !ok {
			continue
		}
		part := Message{fields: fields}
		if s := part.Text("text", "transcript", "text.value"); s != "" {
			texts = append(texts, s)
		} else if kind := part.Text("type"); kind != "" && kind != "text" {
			texts = append(texts, "["+text.Clip(kind, 40)+"]")
		}
	}
	return strings.Join(texts, " ")
}

// secondsSince is how long after the call's start a message was said; negative where unknown.
func (m Message) secondsSince(started time.Time) float64 {
	const longest = 31 * 24 * 3600
	if n, ok := m.Number("secondsFromStart"); ok && n <= longest {
		return n
	}
	at := m.Time("time")
	if at.IsZero() || started.IsZero() || at.Before(started) || at.Sub(started).Seconds() > longest {
		return -1
	}
	return at.Sub(started).Seconds()
}

// parseTranscript reads a transcript: a line begins with who speaks and a colon, or goes on with the line before.
func parseTranscript(transcript string) []Utterance {
	var c utteranceBuilder
	var who Speaker
	for line := range strings.Lines(transcript) {
		text := line
		if name, rest, ok := strings.Cut(line, ":"); ok {
			if speaks, known := speakersByRole[strings.ToLower(strings.TrimSpace(name))]; known {
				who, text = speaks, rest
			}
		}
		if who != "" {
			c.add(who, text, -1)
		}
	}
	return c.utterances()
}

// utteranceBuilder gathers what is said into turns.
type utteranceBuilder struct {
	all   []Utterance
	words []string // of the last one
}

func (c *utteranceBuilder) add(who Speaker, text string, seconds float64) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	if n := len(c.all); n == 0 || c.all[n-1].Who != who {
		c.finishLast()
		c.all = append(c.all, Utterance{Who: who, Seconds: seconds})
	}
	c.words = append(c.words, text)
}

func (c *utteranceBuilder) finishLast() {
	if n := len(c.all); n > 0 {
		c.all[n-1].Text = strings.Join(c.words, " ")
	}
	c.words = nil
}

func (c *utteranceBuilder) utterances() []Utterance {
	c.finishLast()
	return c.all
}
