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

	assistant aurora.Assistant
	session   Session
	carried   bool // the caller sends the session back
	shown     bool // the caller sent a call, and is shown the session
	history   []agent.Message
	keep      func(context.Context, Kept) error // nil where nothing is kept
	kept      Kept
}

// Turn prepares a turn. Its errors are faults, and nothing has been asked of the model when there is one.
func (s *Service) Turn(ctx context.Context, r Request) (*Turn, error) {
	if err := s.allow(r.Model); err != nil && !r.Lenient {
		return nil, err
	} else if err != nil {
		r.Model = ""
	}
	system, history := split(r)
	if r.Lenient {
		system, history = trim(system, history)
	} else if err := check(system, history); err != nil {
		return nil, err
	}
	entry, kept, err := s.resolve(ctx, r)
	if err != nil {
		return nil, err
	}
	t := &Turn{assistant: entry, history: history, shown: r.Session != nil, kept: kept}
	t.open(r, kept)
	if s.Sessions != nil && t.session.ID != "" && entry.ID() != "" && !t.carried {
		t.keep = func(ctx context.Context, k Kept) error { return s.Sessions.Save(ctx, entry.ID(), t.session.ID, k) }
	}
	if stopped, err := s.stop(ctx, r, t); stopped != nil || err != nil {
		return stopped, err
	}
	b := builder{Service: s, ctx: ctx, request: r, session: &t.session, userMessages: count(history, agent.User)}
	first, err := b.active(entry)
	if err != nil {
		return nil, err
	}
	t.session.ActiveAgent = first.Name
	t.Model = first.Model
	turn := &agent.Turn{
		Agent:    first,
		Messages: slices.Concat(system, history),
		Context:  t.session.ContextVariables,
		Offered:  r.Tools,
		Apology:  t.Fallback(apology),
	}
	t.Events = turn.Run(ctx)
	return t, nil
}

// apology ends a turn that went in circles.
const apology = "I'm sorry, I could not finish that. Could you try it another way?"

// open begins the session from what the caller sent, and from what was kept for it.
func (t *Turn) open(r Request, kept Kept) {
	if r.Session != nil {
		t.session = *r.Session
	}
	s := &t.session
	t.carried = s.carried()
	if !t.carried {
		s.ActiveAgent, s.ContextVariables = kept.ActiveAgent, kept.ContextVariables
	}
	if s.AssistantID == "" && s.AssistantConfig == nil {
		s.AssistantID = t.assistant.ID()
	}
	if s.CallerPhoneNumber == "" {
		s.CallerPhoneNumber = string(r.Customer.Number)
	}
}

// Failed is a turn that cannot begin, for who must say something all the same.
func Failed(r Request, err error) *Turn {
	t := &Turn{Model: cmp.Or(r.Model, "none"), shown: r.Session != nil}
	_, t.history = split(r)
	t.open(r, Kept{})
	t.Events = func(yield func(agent.Event, error) bool) { yield(agent.Event{End: t.Nothing()}, err) }
	return t
}

// Nothing is the result of a turn in which nothing happened.
func (t *Turn) Nothing() *agent.Result {
	return &agent.Result{Agent: t.session.ActiveAgent, Context: t.session.ContextVariables, Model: t.Model}
}

// Fallback is what is said where the model fails: the assistant's own, or the one given.
func (t *Turn) Fallback(otherwise string) string {
	if t.assistant.FallbackMessage != "" {
		return t.assistant.FallbackMessage
	}
	return otherwise
}

// Filler is what is said while something takes long: the assistant's own, or the one given; "" where it wants none.
func (t *Turn) Filler(otherwise string) string {
	switch t.assistant.Filler {
	case "":
		return otherwise
	case "-":
		return ""
	}
	return t.assistant.Filler
}

// SMSLimit is how many characters a text message may have.
func (t *Turn) SMSLimit() int {
	if n := t.assistant.SMS.MaxCharacters; n > 0 {
		return n
	}
	return smsCharacters
}

// Finish ends the turn: what the caller does not carry is kept, and the session is returned where it is to be shown.
func (t *Turn) Finish(ctx context.Context, result *agent.Result, failed error) *Session {
	session := t.Session(result, failed)
	now := Kept{ActiveAgent: session.ActiveAgent, ContextVariables: session.ContextVariables}
	if t.keep != nil && !now.equal(t.kept) && !(now.plain(t.assistant) && t.kept.plain(t.assistant)) {
		// The turn may have ended because its time did; this is quick, and the next turn needs it.
		if err := t.keep(context.WithoutCancel(ctx), now); err != nil {
			slog.ErrorContext(ctx, "the session could not be kept", "error", err)
		}
	}
	if !t.shown {
		return nil
	}
	return session
}

// Session is the conversation after the turn, as far as it came.
func (t *Turn) Session(result *agent.Result, failed error) *Session {
	s := t.session
	s.Messages = t.history
	if result != nil {
		s.Messages = slices.Concat(t.history, result.Messages)
		s.ActiveAgent, s.ContextVariables = result.Agent, result.Context
		s.Usage, s.Action = &result.Usage, result.Action
		if failed == nil && result.Trouble != nil {
			failed = result.Trouble
		}
	}
	if failed != nil {
		f := fault.From(failed)
		s.Error = &Failure{Code: cmp.Or(f.Code, strings.ReplaceAll(f.Kind.String(), " ", "_")), Message: f.Message}
	}
	return &s
}

// Kept is what is kept of a session for a caller that does not carry it.
type Kept struct {
	ActiveAgent      string
	ContextVariables map[string]any
}

// Sessions keep a session's agent and variables for two hours, by the assistant that was called and the call's id.
type Sessions interface {
	Load(ctx context.Context, assistantID, callID string) (Kept, error)
	Save(ctx context.Context, assistantID, callID string, k Kept) error
}

func (k Kept) equal(o Kept) bool {
	a, _ := json.Marshal(k) // what came from JSON goes back
	b, _ := json.Marshal(o)
	return string(a) == string(b)
}

// plain reports whether there is nothing worth keeping: the assistant that was called is active, without variables.
func (k Kept) plain(a aurora.Assistant) bool {
	return len(k.ContextVariables) == 0 && (k.ActiveAgent == "" || k.ActiveAgent == agentName(a))
}

func count(ms []agent.Message, role string) int {
	n := 0
	for _, m := range ms {
		if m.Role == role {
			n++
		}
	}
	return n
}
