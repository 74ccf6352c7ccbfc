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
)

// Service takes turns.
type Service struct {
	Assistants aurora.AssistantFinder
	// Chain returns models that are asked in order until one says its first word.
	Chain func([]aurora.ModelRef) agent.Model
	// DefaultModels are asked where neither the assistant nor the request names one, and after one that the request
	// names.
	DefaultModels []string
	// Tools are what assistants may do; nil is nothing.
	Tools Tools
	// Refusals take down who texts STOP; nil takes nobody down.
	DoNotCallList DoNotCallList
	// Outbound finds outbound calls, whose facts are prompt variables. If it is nil, prompts have no such variables.
	Outbound aurora.OutboundCallFinder
	// Sessions keep the active agent and the variables for callers that do not; nil keeps nothing.
	Sessions Sessions
	// AllowedModels are the ones a request may name; "*" among them, or an empty list, allows every one.
	AllowedModels []string
	Now           func() time.Time

	renderer promptRenderer
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

// modelsFor are those to be asked for an assistant: its own, or the request's and then the deployment's.
func (s *Service) modelsFor(a aurora.Assistant, asked string) []aurora.ModelRef {
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

// checkModel reports whether a request may name a model.
func (s *Service) checkModel(asked string) error {
	if asked == "" || len(s.AllowedModels) == 0 || slices.Contains(s.AllowedModels, "*") ||
		slices.Contains(s.AllowedModels, asked) || slices.Contains(s.DefaultModels, asked) {
		return nil
	}
	return fault.New(fault.Invalid, "This model is not available here.").WithParam("model").WithCode("model_not_found")
}

// splitMessages separates the caller's system messages from the history. Where the request's messages hold an assistant's,
// they are the whole history; otherwise they are what is new since call.messages.
func splitMessages(r Request) (system, history []agent.Message) {
	whole := slices.ContainsFunc(r.Messages, func(m agent.Message) bool { return m.Role == agent.RoleAssistant })
	if r.Session != nil && !whole {
		history = withoutSystemMessages(r.Session.Messages)
	}
	for _, m := range r.Messages {
		if isSystemMessage(m) {
			system = append(system, m)
		}
	}
	return system, append(history, withoutSystemMessages(r.Messages)...)
}

func isSystemMessage(m agent.Message) bool {
	return m.Role == agent.RoleSystem || m.Role == agent.RoleDeveloper
}

func withoutSystemMessages(ms []agent.Message) []agent.Message {
	return slices.DeleteFunc(slices.Clone(ms), isSystemMessage)
}

// checkMessages refuses what a model would refuse, or what would cost more than a conversation can.
func checkMessages(system, history []agent.Message) error {
	if len(system)+len(history) == 0 {
		return fault.New(fault.Invalid, "messages must hold at least one message.").WithParam("messages")
	}
	if len(system)+len(history) > maxMessages {
		return fault.Newf(fault.Invalid, "A conversation may hold %d messages at most.", maxMessages).WithParam("messages").WithCode("too_many_messages")
	}
	open := map[string]bool{}
	for _, m := range slices.Concat(system, history) {
		for _, c := range m.ToolCalls {
			open[c.ID] = true
		}
		switch m.Role {
		case agent.RoleSystem, agent.RoleDeveloper, agent.RoleUser, agent.RoleAssistant:
		case agent.RoleTool:
			if !open[m.ToolCallID] {
				return fault.New(fault.Invalid, "A tool message must answer a tool call of an assistant's message before it.").
					WithParam("messages").WithCode("unmatched_tool_message")
			}
		default:
			return fault.New(fault.Invalid, "A message's role must be system, developer, user, assistant or tool.").WithParam("messages").WithCode("invalid_role")
		}
	}
	if countCharacters(system)+countCharacters(history) > maxCharacters {
		return fault.Newf(fault.Invalid, "A conversation may hold %d characters at most.", maxCharacters).WithParam("messages").WithCode("conversation_too_long")
	}
	return nil
}

// renderInstructions are the assistant's prompt with its variables filled in.
func (s *Service) renderInstructions(ctx context.Context, a aurora.Assistant, r Request, session Session) string {
	vars := map[string]any{}
	for k, v := range session.ContextVariables {
		vars[k] = v
	}
	if c := aurora.FindOutboundContext(ctx, s.Outbound, session.outboundCallIDs()...); c != nil {
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
	prompt := s.renderer.render(ctx, string(a.AssistantPrompt), vars, a.Location(), s.Now)
	return addChannelStyle(prompt, a, r.Channel)
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
