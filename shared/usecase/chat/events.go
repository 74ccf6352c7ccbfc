package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"slices"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
)

// Event is something that happens in a turn: a piece of text, the start of tools, or the end. The last event of a turn has
// End and Session set, whether the turn succeeded or failed.
type Event struct {
	agent.Event
	// Session is the conversation after the turn.
	Session *Session
}

// Collect reads the events of a turn to the end, for a whole answer, and returns the last one.
func Collect(events iter.Seq2[Event, error]) (Event, error) {
	for e, err := range events {
		if e.End != nil || err != nil {
			return e, err
		}
	}
	return Event{}, fault.New(fault.Internal, "The turn did not end.")
}

// withSession passes on the events of the agent loop and adds the session to the last one. The state of the session is
// stored before the last event. It is also stored when the consumer stops earlier, which it does when its reader
// disconnects: the caller's next turn must find the agent that the conversation was handed over to.
func (t *Turn) withSession(ctx context.Context, loop iter.Seq2[agent.Event, error]) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for e, err := range loop {
			t.result = cmp.Or(e.End, e.SoFar)
			if e.Text != "" && !t.hasWords {
				t.hasWords, t.firstWord = true, t.now().Sub(t.began)
			}
			if e.End != nil {
				t.saveState(ctx, e.End)
				if err == nil && e.End.SoftError != nil {
					metric.CountFailure(ctx, "TurnGivenUp", e.End.SoftError)
				}
				yield(t.endEvent(e.End, err), err)
				return
			}
			if !yield(Event{Event: e}, err) {
				t.saveState(ctx, e.SoFar)
				return
			}
		}
	}
}

// endEvent builds the last event of a turn. err is why the turn failed, or nil.
func (t *Turn) endEvent(result *agent.TurnResult, err error) Event {
	s := t.session
	s.Messages = slices.Concat(t.history, result.Messages)
	s.ActiveAgent, s.ContextVariables = result.ActiveAgent, result.Variables
	s.Usage, s.Action = &result.Usage, result.Action
	if err == nil && result.SoftError != nil {
		err = result.SoftError
	}
	t.result, t.failed = result, err
	if err != nil {
		s.SetError(err)
	}
	return Event{Event: agent.Event{Model: result.Model, End: result}, Session: &s}
}

// FailedEnd returns the last event of a turn that failed before it had any result: the conversation as it was, with the
// error.
func (t *Turn) FailedEnd(err error) Event { return t.endEvent(t.emptyResult(), err) }

func (t *Turn) emptyResult() *agent.TurnResult {
	return &agent.TurnResult{ActiveAgent: t.session.ActiveAgent, Variables: t.session.ContextVariables, Model: t.Model}
}

// saveState stores the active agent and the variables, if they have changed.
func (t *Turn) saveState(ctx context.Context, result *agent.TurnResult) {
	if t.save == nil || result == nil {
		return
	}
	now := aurora.SessionState{ActiveAgent: result.ActiveAgent, ContextVariables: result.Variables}
	if statesEqual(now, t.stored) || isDefaultState(now, t.assistant) && isDefaultState(t.stored, t.assistant) {
		return
	}
	// The context may have ended: the turn may have timed out, or the reader may have disconnected.
	if err := t.save(context.WithoutCancel(ctx), now); err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.ErrorContext(ctx, "session not stored", "event", "session.store_failed", "callId", t.session.ID, "assistantId", t.assistant.ID(), "error", err)
	}
}

func statesEqual(a, b aurora.SessionState) bool {
	x, _ := json.Marshal(a) // the values came from JSON: cannot fail
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// isDefaultState reports whether a new session would begin in the same state: with the called assistant, without variables.
func isDefaultState(s aurora.SessionState, a aurora.Assistant) bool {
	return len(s.ContextVariables) == 0 && (s.ActiveAgent == "" || s.ActiveAgent == agentName(a))
}

// AddWords adds words that were said after a turn to the conversation. If the turn broke off in the middle of the assistant's
// words, both are one message: some models reject two in a row.
func (s *Session) AddWords(words string, turn *agent.TurnResult) {
	s.Messages = slices.Clone(s.Messages)
	added := agent.Message{Role: agent.RoleAssistant, Content: words, Sender: turn.ActiveAgent}
	if n := len(s.Messages) - 1; len(turn.Messages) > 0 && canJoin(&s.Messages[n], &added) {
		s.Messages[n].Content = joinSentences(s.Messages[n].Content, words)
		return
	}
	s.Messages = append(s.Messages, added)
}

// SetError records why the turn failed, or why it ended other than the model wanted.
func (s *Session) SetError(err error) {
	s.Error = &TurnError{Code: codeOf(err), Message: fault.From(err).Message}
}
