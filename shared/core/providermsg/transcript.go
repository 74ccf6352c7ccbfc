package providermsg

import (
	"strings"
	"time"

	"example.com/aurora/shared/core/text"
)

// Speaker is one side of a conversation.
type Speaker string

// The speakers. Calls and results of tools are no utterances.
const (
	SpeakerCaller    Speaker = "caller"
	SpeakerAssistant Speaker = "assistant"
)

// Utterance is what one side said before the other side spoke. Several messages of one side in a row are one utterance.
type Utterance struct {
	Who  Speaker
	Text string
	// Seconds is when it began, from the start of the call; negative if unknown.
	Seconds float64
}

// Transcript returns the conversation of an end-of-call report: from its messages, else from its transcript text. A
// source in which only the assistant speaks is used only if no other source has words of the caller.
func (m Message) Transcript() []Utterance {
	var assistantOnly []Utterance
	names := m.speakerNames()
	for _, path := range []string{"artifact.messages", "messages", "artifact.messagesOpenAIFormatted", "call.messages", "call.artifact.messages", "messagesOpenAIFormatted", "transcript", "artifact.transcript"} {
		if all := m.utterancesAt(path, names); hasCallerUtterance(all) {
			return all
		} else if len(assistantOnly) == 0 {
			assistantOnly = all
		}
	}
	for _, path := range []string{"transcript", "artifact.transcript", "call.transcript", "call.artifact.transcript"} {
		if all := parseTranscript(m.Text(path), names); hasCallerUtterance(all) {
			return all
		} else if len(assistantOnly) == 0 {
			assistantOnly = all
		}
	}
	return assistantOnly
}

// hasCallerUtterance reports whether anyone but the assistant spoke.
func hasCallerUtterance(all []Utterance) bool {
	for _, u := range all {
		if u.Who == SpeakerCaller {
			return true
		}
	}
	return false
}

// countCallerTurns counts how often the caller spoke after the assistant.
func countCallerTurns(all []Utterance) (n int) {
	for i, u := range all {
		if i > 0 && u.Who == SpeakerCaller {
			n++ // the one before is the assistant's
		}
	}
	return n
}

// utterancesAt reads a list of messages, whose words are in message, content or text.
func (m Message) utterancesAt(path string, names speakerNames) []Utterance {
	started := m.Time(startedAtPaths...)
	var b utteranceBuilder
	for _, message := range m.Objects(path) {
		who := names.speaker(message.Text("role", "speaker"))
		if who == "" {
			continue
		}
		words := message.Text("message", "content", "text")
		if words == "" {
			words = message.contentText()
		}
		b.add(who, words, message.secondsSince(started))
	}
	return b.utterances()
}

// contentText returns the words of content that came as a list. A part without words, such as a sound, is shown by its
// type.
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

// secondsSince returns how long after the start of the call a message was said; negative if unknown.
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

// utteranceBuilder joins what one side says in a row.
type utteranceBuilder struct {
	all   []Utterance
	words []string // of the last utterance
}

func (b *utteranceBuilder) add(who Speaker, words string, seconds float64) {
	words = strings.TrimSpace(words)
	if words == "" {
		return
	}
	if n := len(b.all); n == 0 || b.all[n-1].Who != who {
		b.finishLast()
		b.all = append(b.all, Utterance{Who: who, Seconds: seconds})
	}
	b.words = append(b.words, words)
}

func (b *utteranceBuilder) finishLast() {
	if n := len(b.all); n > 0 {
		b.all[n-1].Text = strings.Join(b.words, " ")
	}
	b.words = nil
}

func (b *utteranceBuilder) utterances() []Utterance {
	b.finishLast()
	return b.all
}
