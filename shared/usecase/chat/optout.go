package chat

import (
	"context"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// DoNotCallList stores the numbers of people who do not want to hear from us.
type DoNotCallList interface {
	AddDoNotCall(ctx context.Context, number aurora.Phone, source string) error
}

// optOutWords are the words that end all messages, the ones that carriers recognise among them
// (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
var optOutWords = map[string]bool{"stop": true, "stopall": true, "unsubscribe": true, "cancel": true, "end": true, "quit": true, "revoke": true, "optout": true}

const optOutReply = "You will not hear from us again by text message or phone."

// answerOptOut answers a text message that says STOP: it puts the sender on the do-not-call list and makes the turn a
// confirmation without a model. It returns false if the message says something else, or its sender is not known.
func (s *Service) answerOptOut(ctx context.Context, r Request, t *Turn) (bool, error) {
	caller, ok := aurora.ParsePhone(t.session.CallerPhoneNumber)
	if r.Channel != SMS || s.DoNotCallList == nil || !ok || !isOptOut(t.history) {
		return false, nil
	}
	if err := s.DoNotCallList.AddDoNotCall(ctx, caller, "sms"); err != nil {
		return false, fault.New(fault.Unavailable, "The do-not-call list cannot be written now.").WithRetryAfter(time.Second).Because(err)
	}
	t.Model = "none"
	t.Events = func(yield func(Event, error) bool) {
		result := t.emptyResult()
		result.Text, result.FinishReason = optOutReply, agent.FinishStop
		result.Messages = []agent.Message{{Role: agent.RoleAssistant, Content: optOutReply, Sender: result.ActiveAgent}}
		if yield(Event{Event: agent.Event{Text: optOutReply, Model: t.Model}}, nil) {
			yield(t.endEvent(result, nil), nil)
		}
	}
	return true, nil
}

// isOptOut reports whether the last message is the user's and consists of an opt-out word only.
func isOptOut(history []agent.Message) bool {
	if len(history) == 0 || history[len(history)-1].Role != agent.RoleUser {
		return false
	}
	word := strings.ToLower(strings.Trim(history[len(history)-1].Content, " \t\r\n.!\"'"))
	return optOutWords[word]
}
