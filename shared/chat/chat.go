package chat

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"
	"unicode/utf8"

	"aurora/shared/aurora"
	"aurora/shared/fault"
	"aurora/shared/swarm"
)

const (
	maxMessages   = 200     // of a conversation, history included
	maxCharacters = 200_000 // of the same
)

// Assistants finds stored assistants. An unknown one is a fault of kind NotFound.
type Assistants interface {
	ByID(ctx context.Context, id string) (aurora.Assistant, error)
	ByNumber(ctx context.Context, number aurora.Phone) (aurora.Assistant, error)
}

// Service takes turns.
type Service struct {
	Assistants Assistants
	Model      swarm.Model
	// DefaultModel is asked where a request names none.
	DefaultModel string
	// AllowedModels are the ones a request may name; "*" among them, or an empty list, allows every one.
	AllowedModels []string
	Now           func() time.Time

	prompts prompts
}

// Request is what a caller asks.
type Request struct {
	TargetAssistantID string
	// Number is the number that was called; it finds the assistant where no id does.
	Number   string
	Customer Customer
	Messages []swarm.Message
	Session  *Session // nil where the caller sent no call
	Model    string
	Tools    []swarm.Tool // the caller's own
	Options  map[string]json.RawMessage
}

// Customer is who is on the other end, as Vapi tells it.
type Customer struct {
	Number aurora.Text `json:"number"`
	Name   aurora.Text `json:"name"`
}

// Turn is a turn that may begin: everything that could be refused has been accepted.
type Turn struct {
	// Events are the turn as it happens; ranging over them is what asks the model.
	Events iter.Seq2[swarm.Event, error]

	session Session
	history []swarm.Message
}

// Turn prepares a turn. Its errors are faults, and nothing has been asked of the model when there is one.
func (s *Service) Turn(ctx context.Context, r Request) (*Turn, error) {
	model, err := s.model(r.Model)
	if err != nil {
		return nil, err
	}
	system, history := split(r)
	if err := check(system, history); err != nil {
		return nil, err
	}
	assistant, err := s.assistant(ctx, r)
	if err != nil {
		return nil, err
	}
	session := Session{}
	if r.Session != nil {
		session = *r.Session
	}
	session.ActiveAgent = agentName(assistant)
	if session.AssistantID == "" && session.AssistantConfig == nil {
		session.AssistantID = assistant.ID()
	}
	if session.CallerPhoneNumber == "" {
		session.CallerPhoneNumber = string(r.Customer.Number)
	}
	options, err := json.Marshal(withTemperature(r.Options, assistant.Temperature))
	if err != nil {
		return nil, err
	}
	turn := &swarm.Turn{
		Model: s.Model,
		Agent: swarm.Agent{
			Name:         session.ActiveAgent,
			Instructions: s.instructions(ctx, assistant, r, session),
			Model:        model,
		},
		Messages: slices.Concat(system, history),
		Context:  session.ContextVariables,
		Offered:  r.Tools,
		Options:  options,
	}
	return &Turn{Events: turn.Run(ctx), session: session, history: history}, nil
}

// Session is the conversation after the turn, as far as it came.
func (t *Turn) Session(result *swarm.Result, failed error) *Session {
	s := t.session
	s.Messages = t.history
	if result != nil {
		s.Messages = slices.Concat(t.history, result.Messages)
		s.ActiveAgent, s.ContextVariables = result.Agent, result.Context
		s.Usage = &result.Usage
	}
	if failed != nil {
		f := fault.From(failed)
		s.Error = &Failure{Code: f.Code, Message: f.Message}
	}
	return &s
}

// HasSession reports whether the caller carries the conversation.
func (r *Request) HasSession() bool { return r.Session != nil }

func (s *Service) model(asked string) (string, error) {
	switch {
	case asked == "":
		return s.DefaultModel, nil
	case len(s.AllowedModels) == 0, slices.Contains(s.AllowedModels, "*"), slices.Contains(s.AllowedModels, asked), asked == s.DefaultModel:
		return asked, nil
	}
	return "", fault.New(fault.Invalid, "This model is not available here.").In("model").Coded("model_not_found")
}

// split separates the caller's system messages from the history. Where the request's messages hold an assistant's,
// they are the whole history; otherwise they are what is new since call.messages.
func split(r Request) (system, history []swarm.Message) {
	whole := slices.ContainsFunc(r.Messages, func(m swarm.Message) bool { return m.Role == swarm.Assistant })
	if r.Session != nil && !whole {
		history = withoutSystem(r.Session.Messages)
	}
	for _, m := range r.Messages {
		if isSystem(m) {
			system = append(system, m)
		}
	}
	return system, append(history, withoutSystem(r.Messages)...)
}

func isSystem(m swarm.Message) bool { return m.Role == swarm.System || m.Role == swarm.Developer }

func withoutSystem(ms []swarm.Message) []swarm.Message {
	return slices.DeleteFunc(slices.Clone(ms), isSystem)
}

// check refuses what a model would refuse, or what would cost more than a conversation can.
func check(system, history []swarm.Message) error {
	if len(system)+len(history) == 0 {
		return fault.New(fault.Invalid, "messages must hold at least one message.").In("messages")
	}
	if len(system)+len(history) > maxMessages {
		return fault.Newf(fault.Invalid, "A conversation may hold %d messages at most.", maxMessages).In("messages").Coded("too_many_messages")
	}
	characters := 0
	open := map[string]bool{}
	for _, m := range slices.Concat(system, history) {
		characters += utf8.RuneCountInString(m.Content) + len(m.Parts)
		for _, c := range m.ToolCalls {
			characters += len(c.Arguments)
			open[c.ID] = true
		}
		switch m.Role {
		case swarm.System, swarm.Developer, swarm.User, swarm.Assistant:
		case swarm.ToolRole:
			if !open[m.ToolCallID] {
				return fault.New(fault.Invalid, "A tool message must answer a tool call of an assistant's message before it.").
					In("messages").Coded("unmatched_tool_message")
			}
		default:
			return fault.New(fault.Invalid, "A message's role must be system, developer, user, assistant or tool.").In("messages").Coded("invalid_role")
		}
	}
	if characters > maxCharacters {
		return fault.Newf(fault.Invalid, "A conversation may hold %d characters at most.", maxCharacters).In("messages").Coded("conversation_too_long")
	}
	return nil
}

// instructions are the assistant's prompt with its variables filled in.
func (s *Service) instructions(ctx context.Context, a aurora.Assistant, r Request, session Session) string {
	vars := map[string]any{}
	for k, v := range session.ContextVariables {
		vars[k] = printable(v)
	}
	vars["caller_phone_number"] = session.CallerPhoneNumber
	vars["call_id"] = session.ID
	vars["assistant_id"] = a.ID()
	vars["assistant_name"] = string(a.AssistantName)
	vars["assistant_phone_number"] = string(a.AssistantPhoneNumber)
	vars["org_name"] = string(a.OrgName)
	vars["time_zone"] = a.Location().String()
	vars["now"] = s.Now().In(a.Location())
	vars["customer"] = map[string]any{"number": string(r.Customer.Number), "name": string(r.Customer.Name)}
	return s.prompts.render(ctx, string(a.AssistantPrompt), vars, a.Location(), s.Now)
}

func withTemperature(options map[string]json.RawMessage, own *float64) map[string]json.RawMessage {
	if own == nil || options["temperature"] != nil {
		return options
	}
	out := make(map[string]json.RawMessage, len(options)+1)
	for k, v := range options {
		out[k] = v
	}
	out["temperature"], _ = json.Marshal(*own) // a finite number: cannot fail
	return out
}

// agentName is how the session names an assistant.
func agentName(a aurora.Assistant) string {
	if a.ID() != "" {
		return a.ID()
	}
	return string(a.AssistantName)
}
