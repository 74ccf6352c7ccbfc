package script

import (
	"context"
	"strings"
	"unicode/utf8"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/text"
)

const (
	maxRunes   = 1000 // of a text that is spoken
	maxEscaped = 2000 // of the same in XML
)

// Greeting returns an assistant's first message as it is spoken: with its variables, in plain words, and not too long. plain
// removes Markdown.
func Greeting(ctx context.Context, a aurora.Assistant, f Facts, plain func(string) string) string {
	if strings.TrimSpace(string(a.AssistantFirstMessage)) == "" {
		return ""
	}
	return cut(text.Line(plain(Render(ctx, string(a.AssistantFirstMessage), Variables(a, f), a.Location(), f.Now)), maxRunes+1))
}

// Notice returns the sentence that is spoken before a call is recorded.
func Notice(a aurora.Assistant) string {
	if notice := text.Line(a.Recording.Notice, maxRunes+1); notice != "" {
		return cut(notice)
	}
	return In(a.Language).Notice
}

// cut shortens a text that is too long. It cuts after a sentence, else after a word.
func cut(s string) string {
	limit, runes, escaped := len(s), 0, 0
	for i, r := range s {
		runes++
		escaped += escapedLength(r)
		if runes > maxRunes || escaped > maxEscaped {
			limit = i
			break
		}
	}
	if limit == len(s) {
		return s
	}
	s = s[:limit]
	if end := strings.LastIndexAny(s, ".!?。！？"); end > 0 {
		_, size := utf8.DecodeRuneInString(s[end:])
		return s[:end+size]
	}
	if end := strings.LastIndexByte(s, ' '); end > 0 {
		return s[:end]
	}
	return s
}

// escapedLength returns how many characters of XML a character takes.
func escapedLength(r rune) int {
	switch r {
	case '&':
		return len("&amp;")
	case '<', '>':
		return len("&lt;")
	case '"', '\'':
		return len("&quot;")
	}
	return 1
}
