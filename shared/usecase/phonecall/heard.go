package phonecall

import (
	"strings"
	"unicode"

	"example.com/aurora/shared/core/agent"
)

// letters returns the letters and digits of a text, in lower case, and for each the place behind it.
func letters(s string) (all []rune, ends []int) {
	for i, r := range s {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			all = append(all, unicode.ToLower(r))
			ends = append(ends, i+len(string(r)))
		}
	}
	return all, ends
}

// beginsWith reports whether a text begins with what was heard of it, whatever the case, the spaces and the punctuation.
func beginsWith(planned, heard string) bool {
	p, _ := letters(planned)
	h, _ := letters(heard)
	return len(h) <= len(p) && string(p[:len(h)]) == string(h)
}

// heardWords follows what was heard through a turn's texts.
type heardWords struct {
	rest    []rune
	fillers []string // which may have been heard before a text
	matches bool     // so far all of it stood in the texts
}

// take returns the part of a text that was heard, and goes on behind it.
func (h *heardWords) take(text string) string {
	all, ends := letters(text)
	for _, filler := range h.fillers {
		f, _ := letters(filler)
		if len(f) > 0 && len(f) <= len(h.rest) && string(h.rest[:len(f)]) == string(f) && !(len(all) > 0 && len(all) <= len(h.rest) && string(h.rest[:len(all)]) == string(all)) {
			h.rest = h.rest[len(f):]
		}
	}
	n := 0
	for n < len(all) && n < len(h.rest) && all[n] == h.rest[n] {
		n++
	}
	h.rest = h.rest[n:]
	switch {
	case n == len(all) || len(h.rest) == 0:
	case isFiller(h.rest, h.fillers): // it was cut short
		h.rest = nil
	default:
		h.matches = false
	}
	switch {
	case n == 0:
		return ""
	case n == len(all):
		return text
	}
	end := ends[n-1]
	for i, r := range text[end:] { // the punctuation behind a word belongs to it
		if unicode.IsSpace(r) || unicode.IsLetter(r) || unicode.IsDigit(r) {
			return text[:end+i]
		}
	}
	return text
}

// cutMessages returns a turn's messages as the caller knows them: the assistant's words that were heard, and all tool calls and
// results. If what was heard does not stand in the messages, it is the last words as it is.
func cutMessages(messages []agent.Message, heard string, fillers []string) []agent.Message {
	rest, _ := letters(heard)
	h := heardWords{rest: rest, fillers: fillers, matches: true}
	var out []agent.Message
	for _, m := range messages {
		if m.Role == agent.RoleAssistant {
			m.Content, m.Parts = strings.TrimSpace(h.take(m.Text())), nil
			if m.IsEmpty() {
				continue
			}
		}
		out = append(out, m)
	}
	if h.matches && (len(h.rest) == 0 || isFiller(h.rest, fillers)) {
		return out
	}
	out = out[:0]
	for _, m := range messages {
		if m.Role == agent.RoleAssistant {
			if m.Content, m.Parts = "", nil; len(m.ToolCalls) == 0 {
				continue
			}
		}
		out = append(out, m)
	}
	return append(out, agent.Message{Role: agent.RoleAssistant, Content: heard})
}

// isFiller reports whether the rest of what was heard is a filler, or its beginning.
func isFiller(rest []rune, fillers []string) bool {
	for _, filler := range fillers {
		if f, _ := letters(filler); len(rest) <= len(f) && string(f[:len(rest)]) == string(rest) {
			return true
		}
	}
	return false
}
