package chat

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"slices"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/trace"
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
	settle        func(ctx context.Context, tokens int) // nil if the turn is not counted
	result        *agent.TurnResult                     // as far as the turn went; nil before it began

	record *trace.Recorder

	channel   Channel
	now       func() time.Time
	began     time.Time
	hasWords  bool // the model said something
	firstWord time.Duration
	failed    error // why the turn failed or gave up
}

// Turn checks a request and prepares the turn. If it returns an error, which is always a fault, no model was called. The record of
// a turn that is rejected is written here, unless NewFailedTurn follows.
func (s *Service) Turn(ctx context.Context, r Request) (*Turn, error) {
	began := s.Now()
	if trace.From(ctx) == nil {
		ctx, _ = trace.New(ctx)
	}
	record := trace.From(ctx)
	record.Begin(trace.KindTurn, began, s.Now, s.Traces)
	t, err := s.prepareTurn(ctx, r, began)
	if err != nil && (!r.Lenient || fault.Is(err, fault.Forbidden)) {
		rejected := &Turn{channel: r.Channel, record: record, failed: err, Model: cmp.Or(r.Model, "none")}
		rejected.finishRecord(ctx, Delivery{}, "rejected", err, false)
	}
	if err != nil {
		return nil, err
	}
	t.record = record
	return t, nil
}

func (s *Service) prepareTurn(ctx context.Context, r Request, began time.Time) (*Turn, error) {
	r.logCall(ctx)
	if err := s.checkModel(r.Model); err != nil && !r.Lenient {
		return nil, err
	} else if err != nil {
		r.Model = ""
	}
	instructions, history, err := r.conversation(ctx)
	if err != nil {
		return nil, err
	}
	config, err := r.assistantConfig(ctx)
	if err != nil {
		return nil, err
	}
	called, state, err := s.loadAssistantAndSession(ctx, r, newAssistantQuery(r, config, len(instructions) > 0))
	if err != nil {
		return nil, err
	}
	t := &Turn{assistant: called, history: history, stored: state, channel: r.Channel, now: s.Now, began: began}
	t.startSession(r)
	if s.Sessions != nil && t.session.ID != "" && called.ID() != "" && !t.clientManaged {
		t.save = func(ctx context.Context, state aurora.SessionState) error {
			return s.Sessions.Save(ctx, r.sessionKey(called.ID()), state)
		}
	}
	optedOut, err := s.answerOptOut(ctx, r, t)
	if err != nil {
		return nil, err
	}
	if optedOut {
		return t, nil
	}
	if err := s.beginTurn(ctx, r, t); err != nil {
		return t.reject(r, err)
	}
	loop, err := s.newLoop(ctx, r, t, joinInstructions(instructions))
	if err != nil {
		return nil, err
	}
	dropped, err := r.fitHistory(loop)
	if err != nil {
		return t.reject(r, err)
	}
	t.history = history[dropped:]
	loop.Messages = t.history
	t.Events = t.withSession(ctx, loop.Run(ctx))
	return t, nil
}

// newLoop returns the agent loop of a turn. It sets the active agent and the model.
func (s *Service) newLoop(ctx context.Context, r Request, t *Turn, instructions string) (*agent.Turn, error) {
	called := t.assistant
	b := agentBuilder{Service: s, request: r, session: &t.session, userMessages: countRole(t.history, agent.RoleUser), called: called}
	first, err := b.activeAgent(ctx, called)
	if err != nil {
		return nil, err
	}
	t.session.ActiveAgent = first.Name
	t.Model = first.ModelName
	return &agent.Turn{
		Agent:              first,
		CallerInstructions: instructions,
		Messages:           t.history,
		Variables:          t.session.ContextVariables,
		CallerTools:        r.Tools,
		ToolChoice:         r.ToolChoice,
		MaxTurns:           called.MaxTurns,
		Now:                s.Now,
		MaxCharacters:      maxCharacters,
		FirstTokenTimeout:  called.FirstTokenTimeout(),
		WaitWhileThinking:  r.Channel == General || r.Channel == Web,
		FinishTools:        r.Channel == Phone,
		GiveUpMessage:      t.FallbackMessage(giveUpMessage),
	}, nil
}

// beginTurn counts a turn of the key, or returns fault.RateLimited. It is called when the assistant is known, whose fallback
// message is spoken on the phone, and after an opt-out, which is recorded in any case.
func (s *Service) beginTurn(ctx context.Context, r Request, t *Turn) error {
	t.Model = s.modelsFor(t.assistant, r.Model)[0].Model
	if s.Limits == nil {
		return nil
	}
	if err := s.Limits.Begin(r.Principal); err != nil {
		slog.WarnContext(ctx, "a key has reached a limit of chats", "event", "chat.limit_reached", "keyId", r.Principal.ID, "callId", t.CallID(), "assistantId", t.AssistantID(), "error", err)
		if s.Count != nil {
			s.Count(ctx, "ChatLimitReached")
		}
		return err
	}
	t.settle = func(ctx context.Context, tokens int) { s.Limits.Settle(ctx, r.Principal, tokens) }
	return nil
}

// reject returns the error of a turn that cannot take place. For the phone it returns a turn that ends with the error, so
// that the assistant's own fallback message is spoken.
func (t *Turn) reject(r Request, err error) (*Turn, error) {
	if !r.Lenient {
		return nil, err
	}
	t.Events = func(yield func(Event, error) bool) { yield(t.FailedEnd(err), err) }
	return t, nil
}

// Settle counts what the turn has used, and records the time to its first word. It is called once, after the last byte of the
// answer has been sent.
func (t *Turn) Settle(ctx context.Context) {
	if t.hasWords {
		metric.MeasureFirstWord(ctx, cmp.Or(string(t.channel), "general"), t.firstWord)
	}
	if t.settle == nil {
		return
	}
	tokens := 0
	if t.result != nil {
		tokens = t.result.Tokens
	}
	t.settle(ctx, tokens)
}

// conversation returns the caller's instructions and the history, checked or made acceptable.
func (r *Request) conversation(ctx context.Context) (instructions, history []agent.Message, err error) {
	instructions, history = splitMessages(*r)
	switch {
	case r.Lenient:
		history = slices.DeleteFunc(history, func(m agent.Message) bool { return !isRole(m.Role) })
		history = keepText(ctx, r.CallID(), history)
	case r.Channel == SMS: // a thread of text messages has no end
		err = checkRoles(history)
	default:
		err = checkMessages(instructions, history)
	}
	if err != nil {
		return nil, nil, err
	}
	instructions, history = trimMessages(instructions, history)
	leading, history := cutInstructions(repairHistory(history)) // the repair may have left out what stood before a system message
	if instructions = append(instructions, leading...); !r.Lenient && len(instructions)+len(history) == 0 {
		return nil, nil, fault.New(fault.Invalid, "messages must hold at least one message.").WithParam("messages")
	}
	return instructions, history, nil
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
// its fallback message and return the session. The context must be the one that Service.Turn was called with.
func NewFailedTurn(ctx context.Context, r Request, err error) *Turn {
	t := &Turn{Model: cmp.Or(r.Model, "none"), channel: r.Channel, record: trace.From(ctx)}
	_, history := splitMessages(r)
	t.history = repairHistory(history)
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

// SpeechTags returns the tags that the assistant's voice understands.
func (t *Turn) SpeechTags() []string { return t.assistant.SpeechTags }

// FirstTokenTimeout returns how long the assistant's model may take to its first token; 0 if the assistant does not say.
func (t *Turn) FirstTokenTimeout() time.Duration { return t.assistant.FirstTokenTimeout() }

// CallID returns the id of the conversation, for logs; "" if the caller sent none.
func (t *Turn) CallID() string { return t.session.ID }

// AssistantID returns the id of the assistant that was called, for logs; "" if it is not a stored one.
func (t *Turn) AssistantID() string { return t.assistant.ID() }

// SMSLimit returns how many characters the assistant's text messages may have.
func (t *Turn) SMSLimit() int { return t.assistant.SMSLimit() }
