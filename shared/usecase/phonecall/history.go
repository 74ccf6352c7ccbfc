package phonecall

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

const (
	cutNote      = "The caller interrupted you here. They heard only the words above."
	cutFirstNote = "The caller interrupted you before they heard a word."
	goOnNote     = "You have said the words above to the caller. Go on from there, and repeat nothing."
)

// conversation returns the messages of a call as the model is to see them. goOn says that its last turn is not over.
func conversation(ctx context.Context, c aurora.PhoneCall, stored []aurora.SpokenTurn, goOn bool) []agent.Message {
	var messages []agent.Message
	for _, t := range c.Conversation(stored) {
		if t.Role == aurora.PhoneRoleUser {
			messages = appendUser(messages, t.Text)
			continue
		}
		turn := decodeMessages(ctx, t)
		if t.Cut {
			turn = cutMessages(turn, t.Text, t.Fillers)
			note := cutNote
			if strings.TrimSpace(t.Text) == "" {
				note = cutFirstNote
			}
			if len(messages)+len(turn) > 0 { // a first system message would be part of the instructions
				turn = append(turn, agent.Message{Role: agent.RoleSystem, Content: note})
			}
		}
		messages = append(messages, slices.DeleteFunc(turn, func(m agent.Message) bool { return m.Role != agent.RoleTool && m.IsEmpty() })...)
	}
	if n := len(messages); goOn && n > 0 && messages[n-1].Role == agent.RoleAssistant {
		messages = append(messages, agent.Message{Role: agent.RoleSystem, Content: goOnNote})
	}
	return messages
}

// appendUser adds the caller's words. Words that follow each other are one message.
func appendUser(messages []agent.Message, words string) []agent.Message {
	if n := len(messages) - 1; n >= 0 && messages[n].Role == agent.RoleUser {
		messages[n].Content += " " + words
		return messages
	}
	return append(messages, agent.Message{Role: agent.RoleUser, Content: words})
}

// decodeMessages returns the messages of an assistant's turn. One that has none was spoken without a model.
func decodeMessages(ctx context.Context, t aurora.PhoneTurn) []agent.Message {
	var messages []agent.Message
	if len(t.Messages) > 0 {
		if err := json.Unmarshal(t.Messages, &messages); err != nil {
			slog.ErrorContext(ctx, "messages of a turn not read; its words are used", "event", "phone.turn_unreadable", "generation", t.Generation, "error", err)
			messages = nil
		}
	}
	if words := strings.TrimSpace(t.Text + t.Planned); len(messages) == 0 && words != "" {
		text := t.Text
		if t.Cut && t.Planned != "" {
			text = t.Planned
		}
		messages = []agent.Message{{Role: agent.RoleAssistant, Content: text}}
	}
	return messages
}
