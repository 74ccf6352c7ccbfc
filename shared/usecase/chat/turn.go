package chat

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

// Turn is a turn that may begin: everything that could be refused has been accepted.
type Turn struct {
	// Events yields the turn as it happens. The model is not called before the caller ranges over it. A caller that stops
	// early cancels the rest of the turn.
	Events iter.Seq2[Event, error]
	// Model is the one that is asked.
	Model string

	assistant     aurora.Assistant
	session       Session
	clientManaged bool // the caller sends the session back
	history       []agent.Message
	save          func(context.Context, aurora.SessionState) error // nil where nothing is kept
	stored        aurora.SessionState
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
	t := &Turn{assistant: entry, history: history, stored: kept}
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
	t.Events = t.withSession(ctx, turn.Run(ctx))
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

// NewFailedTurn returns a turn that consists of an error only. /voice needs one when Service.Turn fails: it must still speak
// its fallback message and return the session.
func NewFailedTurn(r Request, err error) *Turn {
	t := &Turn{Model: cmp.Or(r.Model, "none")}
	_, t.history = splitMessages(r)
	t.startSession(r, aurora.SessionState{})
	t.Events = func(yield func(Event, error) bool) { yield(t.FailedEnd(err), err) }
	return t
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

// CallID returns the id of the conversation, for logs; "" if the caller sent none.
func (t *Turn) CallID() string { return t.session.ID }

// AssistantID returns the id of the assistant that was called, for logs; "" if it is not a stored one.
func (t *Turn) AssistantID() string { return t.assistant.ID() }

// SMSLimit returns how many characters the assistant's text messages may have.
func (t *Turn) SMSLimit() int { return t.assistant.SMSLimit() }

// Sessions stores the state of sessions for two hours, by the assistant that was called and the call's id.
type Sessions interface {
	Load(ctx context.Context, assistantID, callID string) (aurora.SessionState, error)
	Save(ctx context.Context, assistantID, callID string, k aurora.SessionState) error
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
