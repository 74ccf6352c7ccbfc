package chat

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	maxMessages   = 200     // of a conversation, history included
	maxCharacters = 200_000 // of the same
	smsCharacters = 320     // of a text message, where the assistant says nothing
)

// Assistants finds stored assistants. An unknown one is a fault of kind NotFound.
type Assistants interface {
	ByID(ctx context.Context, id string) (aurora.Assistant, error)
	ByNumber(ctx context.Context, number aurora.Phone) (aurora.Assistant, error)
}

// Service takes turns.
type Service struct {
	Assistants Assistants
	// Chain returns models that are asked in order until one says its first word.
	Chain func([]aurora.ModelRef) agent.Model
	// DefaultModels are asked where neither the assistant nor the request names one, and after one that the request
	// names.
	DefaultModels []string
	// Tools are what assistants may do; nil is nothing.
	Tools Tools
	// Refusals take down who texts STOP; nil takes nobody down.
	Refusals Refusals
	// Outbound knows the calls that we placed, whose facts are prompt variables; nil knows none.
	Outbound Outbound
	// Sessions keep the active agent and the variables for callers that do not; nil keeps nothing.
	Sessions Sessions
	// AllowedModels are the ones a request may name; "*" among them, or an empty list, allows every one.
	AllowedModels []string
	Now           func() time.Time

	prompts prompts
}

// Channel is how the person at the other end is reached.
type Channel string

// The channels.
const (
	General Channel = ""
	Voice   Channel = "voice"
	SMS     Channel = "sms"
	Web     Channel = "chat"
)

// Request is what a caller asks.
type Request struct {
	Channel Channel
	// Lenient trims and drops what would otherwise be refused: on the phone there is nobody to tell.
	Lenient           bool
	TargetAssistantID string
	// Number is the number that was called; it finds the assistant where no id does.
	Number   string
	Customer Customer
	Messages []agent.Message
	Session  *Session // nil where the caller sent no call
	Model    string
	Tools    []agent.Tool // the caller's own
	Options  map[string]json.RawMessage
}

// Customer is who is on the other end, as Vapi tells it.
type Customer struct {
	Number aurora.Text `json:"number"`
	Name   aurora.Text `json:"name"`
}

// HasSession reports whether the caller carries the conversation.
func (r *Request) HasSession() bool { return r.Session != nil }

// models are those to be asked for an assistant: its own, or the request's and then the deployment's.
func (s *Service) models(a aurora.Assistant, asked string) []aurora.ModelRef {
	if len(a.Models) > 0 {
		return a.Models
	}
	var refs []aurora.ModelRef
	if asked != "" {
		refs = append(refs, aurora.ModelRef{Model: asked})
	}
	for i, m := range s.DefaultModels {
		// A request's model takes the place of the first, and is not asked twice.
		if m != asked && (asked == "" || i > 0) {
			refs = append(refs, aurora.ModelRef{Model: m})
		}
	}
	if len(refs) == 0 { // boot refuses to start without one
		refs = []aurora.ModelRef{{}}
	}
	return refs
}

// allow reports whether a request may name a model.
func (s *Service) allow(asked string) error {
	if asked == "" || len(s.AllowedModels) == 0 || slices.Contains(s.AllowedModels, "*") ||
		slices.Contains(s.AllowedModels, asked) || slices.Contains(s.DefaultModels, asked) {
		return nil
	}
	return fault.New(fault.Invalid, "This model is not available here.").In("model").Coded("model_not_found")
}

// split separates the caller's system messages from the history. Where the request's messages hold an assistant's,
// they are the whole history; otherwise they are what is new since call.messages.
func split(r Request) (system, history []agent.Message) {
	whole := slices.ContainsFunc(r.Messages, func(m agent.Message) bool { return m.Role == agent.Assistant })
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

func isSystem(m agent.Message) bool { return m.Role == agent.System || m.Role == agent.Developer }

func withoutSystem(ms []agent.Message) []agent.Message {
	return slices.DeleteFunc(slices.Clone(ms), isSystem)
}

// check refuses what a model would refuse, or what would cost more than a conversation can.
func check(system, history []agent.Message) error {
	if len(system)+len(history) == 0 {
		return fault.New(fault.Invalid, "messages must hold at least one message.").In("messages")
	}
	if len(system)+len(history) > maxMessages {
		return fault.Newf(fault.Invalid, "A conversation may hold %d messages at most.", maxMessages).In("messages").Coded("too_many_messages")
	}
	open := map[string]bool{}
	for _, m := range slices.Concat(system, history) {
		for _, c := range m.ToolCalls {
			open[c.ID] = true
		}
		switch m.Role {
		case agent.System, agent.Developer, agent.User, agent.Assistant:
		case agent.ToolRole:
			if !open[m.ToolCallID] {
				return fault.New(fault.Invalid, "A tool message must answer a tool call of an assistant's message before it.").
					In("messages").Coded("unmatched_tool_message")
			}
		default:
			return fault.New(fault.Invalid, "A message's role must be system, developer, user, assistant or tool.").In("messages").Coded("invalid_role")
		}
	}
	if size(system)+size(history) > maxCharacters {
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
	if c := s.outboundCall(ctx, session); c != nil {
		vars["outbound_call"] = map[string]any{"phone_number": string(c.PhoneNumber), "name": c.Name, "email": c.Email, "info": c.Info}
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
	prompt := s.prompts.render(ctx, string(a.AssistantPrompt), vars, a.Location(), s.Now)
	return style(prompt, a, r.Channel)
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
