package chat

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/optout"
)

// DoNotCallList stores the numbers of people who do not want to hear from us.
type DoNotCallList interface {
	AddDoNotCall(ctx context.Context, number aurora.Phone, source string) error
	// RemoveDoNotCall takes a number off the list and reports whether it was on it.
	RemoveDoNotCall(ctx context.Context, number aurora.Phone) (removed bool, err error)
}

var errListUnavailable = fault.New(fault.Unavailable, "The do-not-call list cannot be written now.").WithRetryAfter(time.Second)

const (
	optOutReply       = "You will not hear from us again by text message or phone."
	optInReply        = "You may hear from us again by text message and phone."
	optOutFailedReply = "Your request could not be recorded: we cannot read your number. Please call us, and we will take you off our list."
)

// answerOptOut answers a text message that asks for no more messages, or takes that back: it puts the sender on the
// do-not-call list, or takes the sender off it, and makes the turn a confirmation without a model. If the sender's number cannot
// be read, the turn says so. It returns false if the message says something else.
func (s *Service) answerOptOut(ctx context.Context, r Request, t *Turn) (bool, error) {
	if r.Channel != SMS || s.DoNotCallList == nil {
		return false, nil
	}
	caller, ok := aurora.ParsePhone(t.session.CallerPhoneNumber)
	request := lastRequest(t.history)
	if ok && request == optout.Start {
		return s.answerOptIn(ctx, caller, t)
	}
	if request != optout.Stop {
		return false, nil
	}
	reply := optOutReply
	if !ok {
		reply = optOutFailedReply
		slog.ErrorContext(ctx, "an opt-out was not recorded: the sender's number cannot be read", "event", "optout.not_recorded",
			"callId", t.session.ID, "assistantId", t.assistant.ID())
		if s.Count != nil {
			s.Count(ctx, optout.MetricNotRecorded)
		}
	} else if err := s.DoNotCallList.AddDoNotCall(ctx, caller, "sms to assistant "+t.assistant.ID()); err != nil {
		return false, errListUnavailable.Because(err)
	} else {
		slog.InfoContext(ctx, "an opt-out was recorded", "event", "optout.recorded", "number", caller)
	}
	t.answerWith(reply)
	return true, nil
}

// answerOptIn takes a sender off the do-not-call list. It returns false if the sender is not on it: the message then means
// something else.
func (s *Service) answerOptIn(ctx context.Context, caller aurora.Phone, t *Turn) (bool, error) {
	removed, err := s.DoNotCallList.RemoveDoNotCall(ctx, caller)
	if err != nil {
		return false, errListUnavailable.Because(err)
	}
	if !removed {
		return false, nil
	}
	slog.InfoContext(ctx, "a person took an opt-out back", "event", "optout.withdrawn", "callId", t.session.ID, "assistantId", t.assistant.ID())
	t.answerWith(optInReply)
	return true, nil
}

// answerWith makes the turn a reply without a model.
func (t *Turn) answerWith(reply string) {
	t.Model = "none"
	t.Events = func(yield func(Event, error) bool) {
		result := t.emptyResult()
		result.Text, result.FinishReason = reply, agent.FinishStop
		result.Messages = []agent.Message{{Role: agent.RoleAssistant, Content: reply, Sender: result.ActiveAgent}}
		if yield(Event{Event: agent.Event{Text: reply, Model: t.Model}}, nil) {
			yield(t.endEvent(result, nil), nil)
		}
	}
}

// lastRequest returns what the last message asks for, if it is the user's.
func lastRequest(history []agent.Message) optout.Request {
	if len(history) == 0 || history[len(history)-1].Role != agent.RoleUser {
		return optout.None
	}
	return optout.Read(history[len(history)-1].Text())
}
