package chat

import (
	"slices"
	"strings"
	"unicode/utf8"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

const (
	maxMessages   = 200     // in a conversation, history included
	maxCharacters = 200_000 // in all messages of a conversation
)

// splitMessages separates the caller's instructions, which are the system messages at the beginning of the request, from the
// history. A system message between others stays where it is: it is about this moment of the conversation. If the request's
// messages contain one of the assistant, they are the whole history. Otherwise they are what is new since call.messages.
func splitMessages(r Request) (instructions, history []agent.Message) {
	isWholeHistory := slices.ContainsFunc(r.Messages, func(m agent.Message) bool { return m.Role == agent.RoleAssistant })
	if r.Session != nil && !isWholeHistory {
		_, history = cutInstructions(r.Session.Messages)
	}
	instructions, rest := cutInstructions(r.Messages)
	return slices.Clone(instructions), slices.Concat(history, rest)
}

// cutInstructions splits messages after the system messages with which they begin.
func cutInstructions(ms []agent.Message) (instructions, rest []agent.Message) {
	n := slices.IndexFunc(ms, func(m agent.Message) bool { return !isSystemMessage(m) })
	if n < 0 {
		n = len(ms)
	}
	return ms[:n], ms[n:]
}

func isSystemMessage(m agent.Message) bool {
	return m.Role == agent.RoleSystem || m.Role == agent.RoleDeveloper
}

// joinInstructions returns the text of the caller's instructions. Models get one system message: many servers accept no
// second one.
func joinInstructions(instructions []agent.Message) string {
	var texts []string
	for i := range instructions {
		if text := instructions[i].Text(); strings.TrimSpace(text) != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, "\n\n")
}

// checkMessages rejects a conversation with a role that there is not, or that is longer than a conversation can be.
func checkMessages(instructions, history []agent.Message) error {
	switch n := len(instructions) + len(history); {
	case n == 0:
		return fault.New(fault.Invalid, "messages must hold at least one message.").WithParam("messages")
	case n > maxMessages:
		return fault.Newf(fault.Invalid, "A conversation may hold %d messages at most.", maxMessages).WithParam("messages").WithCode("too_many_messages")
	case countCharacters(instructions)+countCharacters(history) > maxCharacters:
		return fault.Newf(fault.Invalid, "A conversation may hold %d characters at most.", maxCharacters).WithParam("messages").WithCode("conversation_too_long")
	}
	return checkRoles(history)
}

// checkRoles rejects a role that there is not.
func checkRoles(history []agent.Message) error {
	for _, m := range history {
		if !isRole(m.Role) {
			return fault.New(fault.Invalid, "A message's role must be system, developer, user, assistant or tool.").WithParam("messages").WithCode("invalid_role")
		}
	}
	return nil
}

func isRole(role string) bool {
	return slices.Contains([]string{agent.RoleSystem, agent.RoleDeveloper, agent.RoleUser, agent.RoleAssistant, agent.RoleTool}, role)
}

// trimMessages makes a conversation short enough instead of rejecting it. It drops the oldest turns.
func trimMessages(instructions, history []agent.Message) (keptInstructions, keptHistory []agent.Message) {
	characters := countCharacters(instructions) + countCharacters(history)
	for len(instructions)+len(history) > maxMessages || characters > maxCharacters {
		next := secondTurnStart(history)
		if next == 0 {
			break
		}
		characters -= countCharacters(history[:next])
		history = history[next:]
	}
	if len(instructions) > maxMessages/2 {
		instructions = instructions[len(instructions)-maxMessages/2:]
	}
	return instructions, history
}

// secondTurnStart returns the index at which the second turn of a history begins, or 0 if there is only one. A turn begins
// with a message of the user.
func secondTurnStart(history []agent.Message) int {
	for i := 1; i < len(history); i++ {
		if history[i].Role == agent.RoleUser {
			return i
		}
	}
	return 0
}

func countCharacters(ms []agent.Message) int {
	n := 0
	for i := range ms {
		n += utf8.RuneCountInString(ms[i].Content) + len(ms[i].Parts)
		for _, c := range ms[i].ToolCalls {
			n += len(c.Arguments)
		}
	}
	return n
}

func countRole(ms []agent.Message, role string) int {
	n := 0
	for _, m := range ms {
		if m.Role == role {
			n++
		}
	}
	return n
}
