package chat

import (
	"slices"
	"unicode/utf8"

	"example.com/aurora/shared/core/agent"
)

// trimHistory makes a conversation one that a model takes: what cannot stand in it is dropped, and of one that is too long the
// oldest whole turns.
func trimHistory(system, history []agent.Message) (s, h []agent.Message) {
	history = dropInvalidMessages(history)
	for len(system)+len(history) > maxMessages || countCharacters(system)+countCharacters(history) > maxCharacters {
		next := secondTurnStart(history)
		if next == 0 {
			break
		}
		history = history[next:]
	}
	if len(system) > maxMessages/2 {
		system = system[len(system)-maxMessages/2:]
	}
	return system, dropInvalidMessages(history)
}

// dropInvalidMessages drops messages of roles that there are not, and tool messages whose call is not before them.
func dropInvalidMessages(history []agent.Message) []agent.Message {
	open := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(history), func(m agent.Message) bool {
		for _, c := range m.ToolCalls {
			open[c.ID] = true
		}
		switch m.Role {
		case agent.RoleUser, agent.RoleAssistant:
			return false
		case agent.RoleTool:
			return !open[m.ToolCallID]
		}
		return true
	})
}

// secondTurnStart is where the second turn begins, 0 where there is only one: a turn begins with what a user says.
func secondTurnStart(history []agent.Message) int {
	for i := 1; i < len(history); i++ {
		if history[i].Role == agent.RoleUser {
			return i
		}
	}
	return 0
}

// countCharacters counts the characters of messages.
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
