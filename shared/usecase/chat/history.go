package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"

	"example.com/aurora/shared/core/agent"
)

// noResult is the result of a tool call that has none in the history. Models reject a call without one.
const noResult = "No result: the tool was interrupted or its result was lost."

// repairHistory makes a history acceptable to models, on every route. Callers store conversations and send them back: what
// was cut off, lost, sent twice or came late is in them for good, and every later turn would fail
// (https://github.com/livekit/agents/issues/1976). The result of each tool call stands behind its call, once; results
// without a call are left out. Two messages of the assistant in a row become one.
func repairHistory(history []agent.Message) []agent.Message {
	results := resultFinder{history: history, used: make([]bool, len(history))}
	out := make([]agent.Message, 0, len(history))
	for i, m := range history {
		m.Name = cleanName(m.Name)
		var answers []agent.Message
		switch m.Role {
		case agent.RoleTool:
			continue // stands behind its call
		case agent.RoleAssistant:
			m.ToolCalls, answers = results.answerCalls(i)
			m.Content, m.Parts = m.Text(), nil // its parts are text and refusals
			if m.IsEmpty() {
				continue
			}
		}
		if n := len(out) - 1; n >= 0 && canJoin(&out[n], &m) {
			m.Content = joinSentences(out[n].Content, m.Content)
			out = out[:n]
		}
		out = append(append(out, m), answers...)
	}
	return out
}

// resultFinder finds the results of tool calls in a history.
type resultFinder struct {
	history []agent.Message
	used    []bool
	madeIDs int
}

// answerCalls returns the calls of message i that name a tool, each with an id of its own, and their results.
func (f *resultFinder) answerCalls(i int) (calls []agent.ToolCall, answers []agent.Message) {
	for _, c := range f.history[i].ToolCalls {
		sent := c.ID
		if c.Name = cleanName(c.Name); c.Name == "" {
			continue
		}
		if c.ID == "" || slices.ContainsFunc(calls, func(other agent.ToolCall) bool { return other.ID == c.ID }) {
			f.madeIDs++
			c.ID = fmt.Sprintf("lost%05d", f.madeIDs) // nine letters and digits, as the ids that we make
		}
		answer, ok := f.take(i, sent)
		if !ok {
			answer = agent.Message{Role: agent.RoleTool, Content: noResult, ToolName: c.Name}
		}
		answer.ToolCallID, answer.Name = c.ID, ""
		calls, answers = append(calls, c), append(answers, answer)
	}
	return calls, answers
}

// take returns the result of a call of message i: the first later message of a tool that names the call, before another
// message that calls with the same id. A message that names no call answers the calls right before it.
func (f *resultFinder) take(i int, id string) (agent.Message, bool) {
	for k := i + 1; k < len(f.history); k++ {
		m := f.history[k]
		if slices.ContainsFunc(m.ToolCalls, func(other agent.ToolCall) bool { return other.ID == id }) {
			break
		}
		if m.Role != agent.RoleTool || f.used[k] {
			continue
		}
		if m.ToolCallID == id && id != "" || m.ToolCallID == "" && f.follows(k, i) {
			f.used[k] = true
			return m, true
		}
	}
	return agent.Message{}, false
}

// follows reports whether between message i and message k there are only messages of tools.
func (f *resultFinder) follows(k, i int) bool {
	return !slices.ContainsFunc(f.history[i+1:k], func(m agent.Message) bool { return m.Role != agent.RoleTool })
}

// canJoin reports whether two messages are of the assistant, and the first one calls no tools.
func canJoin(first, second *agent.Message) bool {
	return first.Role == agent.RoleAssistant && second.Role == agent.RoleAssistant && len(first.ToolCalls) == 0
}

// joinSentences joins two texts with a space between them.
func joinSentences(a, b string) string {
	if a == "" || b == "" || strings.HasSuffix(a, " ") || strings.HasSuffix(a, "\n") {
		return a + b
	}
	return a + " " + b
}

// unsafeInNames matches what OpenAI does not accept in the name of a person or a tool.
var unsafeInNames = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[^A-Za-z0-9_-]+`) })

// cleanName returns a name in the form that OpenAI accepts, or "" if nothing of it is left.
func cleanName(name string) string {
	if name == "" {
		return ""
	}
	name = unsafeInNames().ReplaceAllString(name, "_")
	name = name[:min(len(name), maxToolNameLength)]
	if strings.Trim(name, "_-") == "" {
		return ""
	}
	return name
}

// part is a part of a message's content.
type part struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	Refusal string          `json:"refusal"`
	raw     json.RawMessage // as it came
}

// decodeParts reads content that is a list. Elements that are not objects have no type.
func decodeParts(content json.RawMessage) []part {
	var raw []json.RawMessage
	_ = json.Unmarshal(content, &raw) // ignored: a value that is not a list has no parts
	parts := make([]part, len(raw))
	for i := range raw {
		_ = json.Unmarshal(raw[i], &parts[i]) // ignored, as above
		parts[i].raw = raw[i]
	}
	return parts
}

// keepText turns content in lists into text. On the telephone nobody shows anything: parts without text are left out, and
// so are messages of which nothing is left.
func keepText(ctx context.Context, callID string, ms []agent.Message) []agent.Message {
	out := make([]agent.Message, 0, len(ms))
	for i, m := range ms {
		if m.Parts == nil {
			out = append(out, m)
			continue
		}
		var texts []string
		for _, p := range decodeParts(m.Parts) {
			switch {
			case p.Text != "":
				texts = append(texts, p.Text)
			case p.Refusal != "":
				texts = append(texts, p.Refusal)
			case p.Type != "text":
				slog.WarnContext(ctx, "part of a message left out: it is not text", "event", "message.part_ignored", "callId", callID, "message", i, "type", cleanName(p.Type))
			}
		}
		m.Content, m.Parts = strings.Join(texts, " "), nil
		if !m.IsEmpty() || m.Role == agent.RoleTool {
			out = append(out, m)
		}
	}
	return out
}
