package chat

import (
	"slices"
	"unicode/utf8"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

const (
	maxMessages   = 200     // in a conversation, history included
	maxCharacters = 200_000 // in all messages of a conversation
)

// splitMessages separates the caller's system messages from the history. If the request's messages contain one of the
// assistant, they are the whole history. Otherwise they are what is new since call.messages.
func splitMessages(r Request) (system, history []agent.Message) {
	isWholeHistory := slices.ContainsFunc(r.Messages, func(m agent.Message) bool { return m.Role == agent.RoleAssistant })
	if r.Session != nil && !isWholeHistory {
		history = withoutSystemMessages(r.Session.Messages)
	}
	for _, m := range r.Messages {
		if isSystemMessage(m) {
			system = append(system, m)
		}
	}
	return system, append(history, withoutSystemMessages(r.Messages)...)
}

func isSystemMessage(m agent.Message) bool {
	return m.Role == agent.RoleSystem || m.Role == agent.RoleDeveloper
}

func withoutSystemMessages(ms []agent.Message) []agent.Message {
	return slices.DeleteFunc(slices.Clone(ms), isSystemMessage)
}

// messageRules checks the messages of a conversation one after the other. It remembers the tool calls, because a tool
// message must come after the call that it answers.
type messageRules struct{ calls map[string]bool }

// check returns what is wrong with the next message.
func (r *messageRules) check(m agent.Message) error {
	for _, c := range m.ToolCalls {
		if r.calls == nil {
			r.calls = map[string]bool{}
		}
		r.calls[c.ID] = true
	}
	switch m.Role {
	case agent.RoleSystem, agent.RoleDeveloper, agent.RoleUser, agent.RoleAssistant:
		return nil
	case agent.RoleTool:
		if !r.calls[m.ToolCallID] {
			return fault.New(fault.Invalid, "A tool message must answer a tool call of an assistant's message before it.").
				WithParam("messages").WithCode("unmatched_tool_message")
		}
		return nil
	}
	return fault.New(fault.Invalid, "A message's role must be system, developer, user, assistant or tool.").WithParam("messages").WithCode("invalid_role")
}

// checkMessages rejects a conversation that a model would reject, or that is longer than a conversation can be.
func checkMessages(system, history []agent.Message) error {
	if len(system)+len(history) == 0 {
		return fault.New(fault.Invalid, "messages must hold at least one message.").WithParam("messages")
	}
	if len(system)+len(history) > maxMessages {
		return fault.Newf(fault.Invalid, "A conversation may hold %d messages at most.", maxMessages).WithParam("messages").WithCode("too_many_messages")
	}
	var rules messageRules
	for _, m := range slices.Concat(system, history) {
		if err := rules.check(m); err != nil {
			return err
		}
	}
	if countCharacters(system)+countCharacters(history) > maxCharacters {
		return fault.Newf(fault.Invalid, "A conversation may hold %d characters at most.", maxCharacters).WithParam("messages").WithCode("conversation_too_long")
	}
	return nil
}

// trimMessages makes a conversation valid instead of rejecting it: it drops messages that break a rule, and the oldest
// turns until the conversation is short enough.
func trimMessages(system, history []agent.Message) (keptSystem, keptHistory []agent.Message) {
	history = dropInvalidMessages(history)
	characters := countCharacters(system) + countCharacters(history)
	for len(system)+len(history) > maxMessages || characters > maxCharacters {
		next := secondTurnStart(history)
		if next == 0 {
			break
		}
		characters -= countCharacters(history[:next])
		history = history[next:]
	}
	if len(system) > maxMessages/2 {
		system = system[len(system)-maxMessages/2:]
	}
	return system, dropInvalidMessages(history) // again: the call of a tool message may be gone
}

func dropInvalidMessages(history []agent.Message) []agent.Message {
	var rules messageRules
	return slices.DeleteFunc(slices.Clone(history), func(m agent.Message) bool { return rules.check(m) != nil })
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
