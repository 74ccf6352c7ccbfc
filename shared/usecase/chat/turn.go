package chat

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

// giveUpMessage is what the caller hears when a turn was ended because the model kept calling tools.
const giveUpMessage = "I'm sorry, I could not finish that. Could you try it another way?"

// Turn is a turn whose request was accepted.
type Turn struct {
	// Events yields the turn as it happens. The model is not called before the caller ranges over it. A caller that stops
	// early cancels the rest of the turn.
	Events iter.Seq2[Event, error]
	// Model is the name of the model that is called first.
	Model string

	assistant     aurora.Assistant
	session       Session
	clientManaged bool // the caller sends the session's state back itself
	history       []agent.Message
	save          func(context.Context, aurora.SessionState) error // nil if the state is not stored
	stored        aurora.SessionState
}

// Turn checks a request and prepares the turn. If it returns an error, which is always a fault, no model was called.
func (s *Service) Turn(ctx context.Context, r Request) (*Turn, error) {
	if err := s.checkModel(r.Model); err != nil && !r.Lenient {
		return nil, err
	} else if err != nil {
		r.Model = ""
	}
	system, history := splitMessages(r)
	if r.Lenient {
		system, history = trimMessages(system, history)
	} else if err := checkMessages(system, history); err != nil {
		return nil, err
	}
	config, err := r.assistantConfig(ctx)
	if err != nil {
		return nil, err
	}
	called, state, err := s.loadAssistantAndSession(ctx, r, newAssistantQuery(r, config, len(system) > 0))
	if err != nil {
		return nil, err
	}
	t := &Turn{assistant: called, history: history, stored: state}
	t.startSession(r)
	if s.Sessions != nil && t.session.ID != "" && called.ID() != "" && !t.clientManaged {
		t.save = func(ctx context.Context, state aurora.SessionState) error {
			return s.Sessions.Save(ctx, called.ID(), t.session.ID, state)
		}
	}
	optedOut, err := s.answerOptOut(ctx, r, t)
	if err != nil {
		return nil, err
	}
	if optedOut {
		return t, nil
	}
	b := agentBuilder{Service: s, request: r, session: &t.session, userMessages: countRole(history, agent.RoleUser), calledID: called.ID()}
	first, err := b.activeAgent(ctx, called)
	if err != nil {
		return nil, err
	}
	t.session.ActiveAgent = first.Name
	t.Model = first.ModelName
	loop := &agent.Turn{
		Agent:         first,
		Messages:      slices.Concat(system, history),
		Variables:     t.session.ContextVariables,
		CallerTools:   r.Tools,
		GiveUpMessage: t.FallbackMessage(giveUpMessage),
	}
	t.Events = t.withSession(ctx, loop.Run(ctx))
	return t, nil
}

// startSession builds the session before the turn, from the request and the stored state.
func (t *Turn) startSession(r Request) {
	if r.Session != nil {
		t.session = *r.Session
	}
	s := &t.session
	t.clientManaged = s.isClientManaged()
	if !t.clientManaged {
		s.ActiveAgent, s.ContextVariables = t.stored.ActiveAgent, t.stored.ContextVariables
	}
	if s.AssistantID == "" && s.AssistantConfig == nil {
		s.AssistantID = t.assistant.ID()
	}
	if s.CallerPhoneNumber == "" {
		s.CallerPhoneNumber = string(r.Customer.Number)
	}
}

// NewFailedTurn returns a turn that consists of an error only. /voice needs one when Service.Turn fails: it must still speak
// its fallback message and return the session.
func NewFailedTurn(r Request, err error) *Turn {
	t := &Turn{Model: cmp.Or(r.Model, "none")}
	_, t.history = splitMessages(r)
	t.startSession(r)
	t.Events = func(yield func(Event, error) bool) { yield(t.FailedEnd(err), err) }
	return t
}

// FallbackMessage returns what is said when the model fails: the assistant's own message, or the given one.
func (t *Turn) FallbackMessage(fallback string) string {
	return cmp.Or(t.assistant.FallbackMessage, fallback)
}

// FillerPhrase returns what is said while something takes long: the assistant's own phrase, or the given one. It is empty
// if the assistant wants none.
func (t *Turn) FillerPhrase(fallback string) string {
	switch t.assistant.Filler {
	case "":
		return fallback
	case "-":
		return ""
	}
	return t.assistant.Filler
}

// CallID returns the id of the conversation, for logs; "" if the caller sent none.
func (t *Turn) CallID() string { return t.session.ID }

// AssistantID returns the id of the assistant that was called, for logs; "" if it is not a stored one.
func (t *Turn) AssistantID() string { return t.assistant.ID() }

// SMSLimit returns how many characters the assistant's text messages may have.
func (t *Turn) SMSLimit() int { return t.assistant.SMSLimit() }
