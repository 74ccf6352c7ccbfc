package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"slices"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Turn is a turn that may begin: everything that could be refused has been accepted.
type Turn struct {
	// Events are the turn as it happens; ranging over them is what asks the model.
	Events iter.Seq2[agent.Event, error]
	// Model is the one that is asked.
	Model string

	assistant      aurora.Assistant
	session        Session
	clientManaged  bool // the caller sends the session back
	returnsSession bool // the caller sent a call, and is shown the session
	history        []agent.Message
	save           func(context.Context, aurora.SessionState) error // nil where nothing is kept
	stored         aurora.SessionState
}

// Turn prepares a turn. Its errors are faults, and nothing has been asked of the model when there is one.
func (s *Service) Turn(ctx context.Context, r Request) (*Turn, error) {
	if err := s.checkModel(r.Model); err != nil && !r.Lenient {
		return nil, err
	} else if err != nil {
		r.Model = ""
	}
	system, history := splitMessages(r)
	if r.Lenient {
		system, history = trimHistory(system, history)
	} else if err := checkMessages(system, history); err != nil {
		return nil, err
	}
	entry, kept, err := s.loadAssistantAndSession(ctx, r)
	if err != nil {
		return nil, err
	}
	t := &Turn{assistant: entry, history: history, returnsSession: r.Session != nil, stored: kept}
	t.startSession(r, kept)
	if s.Sessions != nil && t.session.ID != "" && entry.ID() != "" && !t.clientManaged {
		t.save = func(ctx context.Context, k aurora.SessionState) error {
			return s.Sessions.Save(ctx, entry.ID(), t.session.ID, k)
		}
	}
	if stopped, err := s.answerOptOut(ctx, r, t); stopped != nil || err != nil {
		return stopped, err
	}
	b := agentBuilder{Service: s, ctx: ctx, request: r, session: &t.session, userMessages: countRole(history, agent.RoleUser)}
	first, err := b.activeAgent(entry)
	if err != nil {
		return nil, err
	}
	t.session.ActiveAgent = first.Name
	t.Model = first.ModelName
	turn := &agent.Turn{
		Agent:         first,
		Messages:      slices.Concat(system, history),
		Variables:     t.session.ContextVariables,
		CallerTools:   r.Tools,
		GiveUpMessage: t.FallbackMessage(giveUpMessage),
	}
	t.Events = turn.Run(ctx)
	return t, nil
}

// giveUpMessage ends a turn that went in circles.
const giveUpMessage = "I'm sorry, I could not finish that. Could you try it another way?"

// startSession begins the session from what the caller sent, and from what was kept for it.
func (t *Turn) startSession(r Request, kept aurora.SessionState) {
	if r.Session != nil {
		t.session = *r.Session
	}
	s := &t.session
	t.clientManaged = s.isClientManaged()
	if !t.clientManaged {
		s.ActiveAgent, s.ContextVariables = kept.ActiveAgent, kept.ContextVariables
	}
	if s.AssistantID == "" && s.AssistantConfig == nil {
		s.AssistantID = t.assistant.ID()
	}
	if s.CallerPhoneNumber == "" {
		s.CallerPhoneNumber = string(r.Customer.Number)
	}
}

// NewFailedTurn is a turn that cannot begin, for who must say something all the same.
func NewFailedTurn(r Request, err error) *Turn {
	t := &Turn{Model: cmp.Or(r.Model, "none"), returnsSession: r.Session != nil}
	_, t.history = splitMessages(r)
	t.startSession(r, aurora.SessionState{})
	t.Events = func(yield func(agent.Event, error) bool) { yield(agent.Event{End: t.EmptyResult()}, err) }
	return t
}

// EmptyResult is the result of a turn in which nothing happened.
func (t *Turn) EmptyResult() *agent.TurnResult {
	return &agent.TurnResult{ActiveAgent: t.session.ActiveAgent, Variables: t.session.ContextVariables, Model: t.Model}
}

// FallbackMessage is what is said where the model fails: the assistant's own, or the one given.
func (t *Turn) FallbackMessage(otherwise string) string {
	if t.assistant.FallbackMessage != "" {
		return t.assistant.FallbackMessage
	}
	return otherwise
}

// FillerPhrase is what is said while something takes long: the assistant's own, or the one given; "" where it wants none.
func (t *Turn) FillerPhrase(otherwise string) string {
	switch t.assistant.Filler {
	case "":
		return otherwise
	case "-":
		return ""
	}
	return t.assistant.Filler
}

// SMSLimit returns how many characters the assistant's text messages may have.
func (t *Turn) SMSLimit() int { return t.assistant.SMSLimit() }

// Finish ends the turn: what the caller does not carry is kept, and the session is returned where it is to be shown.
func (t *Turn) Finish(ctx context.Context, result *agent.TurnResult, failed error) *Session {
	session := t.SessionAfter(result, failed)
	now := aurora.SessionState{ActiveAgent: session.ActiveAgent, ContextVariables: session.ContextVariables}
	if t.save != nil && !statesEqual(now, t.stored) && !(isDefaultState(now, t.assistant) && isDefaultState(t.stored, t.assistant)) {
		// The turn may have ended because its time did; this is quick, and the next turn needs it.
		if err := t.save(context.WithoutCancel(ctx), now); err != nil {
			slog.ErrorContext(ctx, "the session could not be kept", "error", err)
		}
	}
	if !t.returnsSession {
		return nil
	}
	return session
}

// SessionAfter is the conversation after the turn, as far as it came.
func (t *Turn) SessionAfter(result *agent.TurnResult, failed error) *Session {
	s := t.session
	s.Messages = t.history
	if result != nil {
		s.Messages = slices.Concat(t.history, result.Messages)
		s.ActiveAgent, s.ContextVariables = result.ActiveAgent, result.Variables
		s.Usage, s.Action = &result.Usage, result.Action
		if failed == nil && result.SoftError != nil {
			failed = result.SoftError
		}
	}
	if failed != nil {
		f := fault.From(failed)
		s.Error = &TurnError{Code: cmp.Or(f.Code, strings.ReplaceAll(f.Kind.String(), " ", "_")), Message: f.Message}
	}
	return &s
}

// Sessions stores the state of sessions for two hours, by the assistant that was called and the call's id.
type Sessions interface {
	Load(ctx context.Context, assistantID, callID string) (aurora.SessionState, error)
	Save(ctx context.Context, assistantID, callID string, k aurora.SessionState) error
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

func countRole(ms []agent.Message, role string) int {
	n := 0
	for _, m := range ms {
		if m.Role == role {
			n++
		}
	}
	return n
}
