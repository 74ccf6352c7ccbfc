package aurora

import (
	"strings"
	"time"
)

// Speaker is who says a turn of a conversation.
type Speaker string

// The speakers. What a tool was asked and answered is the assistant's business and no turn.
const (
	TheCaller    Speaker = "caller"
	TheAssistant Speaker = "assistant"
)

// speakers are the names by which providers call the two sides, in lower case. Any other role speaks no turn.
var speakers = map[string]Speaker{
	"user": TheCaller, "customer": TheCaller, "caller": TheCaller, "human": TheCaller,
	"assistant": TheAssistant, "bot": TheAssistant, "ai": TheAssistant,
}

// Turn is what one side of a call said before the other spoke.
type Turn struct {
	Who  Speaker
	Text string
	// Seconds is when it began, from the call's start; negative where unknown.
	Seconds float64
}

// Turns are the conversation of an end-of-call report: its messages, or its transcript where they hold no conversation.
// A list in which only the assistant speaks is taken only where nothing else says that the other side spoke. What one
// side says in several messages is one turn.
func (m Message) Turns() []Turn {
	var alone []Turn
	for _, path := range []string{"artifact.messages", "messages", "artifact.messagesOpenAIFormatted", "call.messages", "transcript", "artifact.transcript"} {
		if turns := m.conversation(path); anybodySpoke(turns) {
			return turns
		} else if len(alone) == 0 {
			alone = turns
		}
	}
	for _, path := range []string{"transcript", "artifact.transcript", "call.transcript", "call.artifact.transcript"} {
		if turns := lines(m.Text(path)); anybodySpoke(turns) {
			return turns
		} else if len(alone) == 0 {
			alone = turns
		}
	}
	return alone
}

// anybodySpoke reports whether anybody but the assistant did.
func anybodySpoke(turns []Turn) bool {
	for _, t := range turns {
		if t.Who == TheCaller {
			return true
		}
	}
	return false
}

// conversation reads a list of messages, whose words are in message, content or text.
func (m Message) conversation(path string) []Turn {
	started := m.Time("startedAt", "call.startedAt", "artifact.startedAt")
	var c talk
	for _, said := range m.Objects(path) {
		who, ok := speakers[strings.ToLower(said.Text("role"))]
		if !ok {
			continue
		}
		text := said.Text("message", "content", "text")
		if text == "" {
			text = said.parts()
		}
		c.say(who, text, said.since(started))
	}
	return c.turns()
}

// parts are the words of content that came as a list. A part without words, such as a sound, was said all the same.
func (m Message) parts() string {
	var texts []string
	for _, v := range m.List("content") {
		if s := scalar(v); s != "" {
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
			texts = append(texts, "["+clip(kind, 40)+"]")
		}
	}
	return strings.Join(texts, " ")
}

// since is how long after the call's start a message was said; negative where unknown.
func (m Message) since(started time.Time) float64 {
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

// lines reads a transcript: a line begins with who speaks and a colon, or goes on with the line before.
func lines(transcript string) []Turn {
	var c talk
	var who Speaker
	for line := range strings.Lines(transcript) {
		text := line
		if name, rest, ok := strings.Cut(line, ":"); ok {
			if speaks, known := speakers[strings.ToLower(strings.TrimSpace(name))]; known {
				who, text = speaks, rest
			}
		}
		if who != "" {
			c.say(who, text, -1)
		}
	}
	return c.turns()
}

// talk gathers what is said into turns.
type talk struct {
	said  []Turn
	words []string // of the last one
}

func (c *talk) say(who Speaker, text string, seconds float64) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	if n := len(c.said); n == 0 || c.said[n-1].Who != who {
		c.close()
		c.said = append(c.said, Turn{Who: who, Seconds: seconds})
	}
	c.words = append(c.words, text)
}

func (c *talk) close() {
	if n := len(c.said); n > 0 {
		c.said[n-1].Text = strings.Join(c.words, " ")
	}
	c.words = nil
}

func (c *talk) turns() []Turn {
	c.close()
	return c.said
}
