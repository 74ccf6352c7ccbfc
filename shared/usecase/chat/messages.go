package chat

import (
	"slices"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

const (
	maxMessages   = 200     // in a conversation, history included
	maxCharacters = 200_000 // in a request to a model: prompt, tools, parameters and conversation
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

// checkMessages rejects a conversation with a role that there is not, or with too many messages.
func checkMessages(instructions, history []agent.Message) error {
	switch n := len(instructions) + len(history); {
	case n == 0:
		return fault.New(fault.Invalid, "messages must hold at least one message.").WithParam("messages")
	case n > maxMessages:
		return fault.Newf(fault.Invalid, "A conversation may hold %d messages at most.", maxMessages).WithParam("messages").WithCode("too_many_messages")
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

// trimMessages makes a conversation of too many messages short enough instead of rejecting it. It drops the oldest turns.
func trimMessages(instructions, history []agent.Message) (keptInstructions, keptHistory []agent.Message) {
	for len(instructions)+len(history) > maxMessages {
		next := secondTurnStart(history)
		if next == 0 {
			break
		}
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

// fitHistory returns how many of a turn's first messages must be left out for its first request to be short enough. On the
// phone and by text message a conversation has no end, so its oldest turns are left out. Elsewhere, and if the last turn alone
// is too long, it returns an error.
func (r *Request) fitHistory(loop *agent.Turn) (dropped int, err error) {
	characters := loop.Characters()
	for characters > maxCharacters {
		next := 0
		if r.Lenient || r.Channel == SMS {
			next = secondTurnStart(loop.Messages[dropped:])
		}
		if next == 0 {
			return 0, errTooLong
		}
		characters -= agent.CountCharacters(loop.Messages[dropped : dropped+next])
		dropped += next
	}
	return dropped, nil
}

var errTooLong = fault.Newf(fault.Invalid, "A conversation may hold %d characters at most, with the assistant's prompt, the tools and the parameters.", maxCharacters).
	WithParam("messages").WithCode(agent.CodeTooLong)

func countRole(ms []agent.Message, role string) int {
	n := 0
	for _, m := range ms {
		if m.Role == role {
			n++
		}
	}
	return n
}
