package chat

import (
	"slices"
	"unicode/utf8"

	"example.com/aurora/shared/core/agent"
)

// trim makes a conversation one that a model takes: what cannot stand in it is dropped, and of one that is too long the
// oldest whole turns.
func trim(system, history []agent.Message) (s, h []agent.Message) {
	history = answered(history)
	for len(system)+len(history) > maxMessages || size(system)+size(history) > maxCharacters {
		next := nextTurn(history)
		if next == 0 {
			break
		}
		history = history[next:]
	}
	if len(system) > maxMessages/2 {
		system = system[len(system)-maxMessages/2:]
	}
	return system, answered(history)
}

// answered drops messages of roles that there are not, and tool messages whose call is not before them.
func answered(history []agent.Message) []agent.Message {
	open := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(history), func(m agent.Message) bool {
		for _, c := range m.ToolCalls {
			open[c.ID] = true
		}
		switch m.Role {
		case agent.User, agent.Assistant:
			return false
		case agent.ToolRole:
			return !open[m.ToolCallID]
		}
		return true
	})
}

// nextTurn is where the second turn begins, 0 where there is only one: a turn begins with what a user says.
func nextTurn(history []agent.Message) int {
	for i := 1; i < len(history); i++ {
		if history[i].Role == agent.User {
			return i
		}
	}
	return 0
}

// size counts the characters of messages.
func size(ms []agent.Message) int {
	n := 0
	for i := range ms {
		n += utf8.RuneCountInString(ms[i].Content) + len(ms[i].Parts)
		for _, c := range ms[i].ToolCalls {
			n += len(c.Arguments)
		}
	}
	return n
}
