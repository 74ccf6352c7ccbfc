package chat

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/core/trace"
)

// Service takes turns of conversations. It is safe for concurrent use.
type Service struct {
	Assistants aurora.AssistantFinder
	// Chain returns a model that asks these models in order until one says its first word.
	Chain func([]aurora.ModelRef) agent.Model
	// DefaultModels are used if the assistant names no model. A model that the request names replaces the first of them.
	DefaultModels []string
	// AllowedModels are the models that a request may name. An empty list, or one with "*", allows every model.
	AllowedModels []string
	// Tools returns the tools of an assistant. It may be nil.
	Tools Tools
	// DoNotCallList stores who texts STOP. If it is nil, STOP has no effect.
	DoNotCallList DoNotCallList
	// Count adds 1 to a metric. It may be nil.
	Count func(ctx context.Context, metric string)
	// Outbound finds outbound calls, whose facts are prompt variables. If it is nil, prompts have no such variables.
	Outbound aurora.OutboundCallFinder
	// Sessions stores the state of conversations whose callers do not send it back. If it is nil, such a conversation
	// begins every turn with the assistant that was called.
	Sessions Sessions
	// Limits limits the turns of each key. If it is nil, there is no limit.
	Limits *KeyLimits
	// Traces stores the record of each turn. If it is nil, the record is only a line of the log.
	Traces *trace.Writer
	Now    func() time.Time
}

// Tools returns the tools that an assistant may use in a conversation.
type Tools interface {
	ForScope(ctx context.Context, s tools.Scope) []agent.Tool
}

// Sessions stores the state of sessions for two hours.
type Sessions interface {
	Load(ctx context.Context, key aurora.SessionKey) (aurora.SessionState, error)
	Save(ctx context.Context, key aurora.SessionKey, s aurora.SessionState) error
}

// Channel is how the person reads or hears the answer. It selects the style that is added to the prompt.
type Channel string

// The channels.
const (
	General Channel = ""
	Voice   Channel = "voice" // a voice server speaks
	Phone   Channel = "phone" // we speak, through Twilio
	SMS     Channel = "sms"
	Web     Channel = "chat"
)

// Request is one request of a caller.
type Request struct {
	Channel Channel
	// Lenient trims and drops what would otherwise be rejected. A person on the phone must get an answer in any case.
	Lenient           bool
	TargetAssistantID string
	// Number is our number that was called. It finds the assistant if no id is given.
	Number   string
	Customer Customer
	Messages []agent.Message
	Session  *Session // nil if the caller sent no call
	Model    string
	Tools    []agent.Tool // the caller's own: a call of one ends the turn and is handed back
	// ToolChoice says whether the model must call a tool at first; nil leaves it to the model.
	ToolChoice json.RawMessage
	Options    map[string]json.RawMessage
	// Principal is the caller. It may reach only the assistants of its key.
	Principal auth.Principal
	// Hash tells requests apart, for the effects of a conversation without an id.
	Hash string
}

// Customer is the person at the other end, as Vapi describes it.
type Customer struct {
	Number aurora.Text `json:"number"`
	Name   aurora.Text `json:"name"`
}

// HasSession reports whether the caller sent a call, and so gets the session back.
func (r *Request) HasSession() bool { return r.Session != nil }

// CallID returns the id of the conversation, for logs; "" if the caller sent none.
func (r *Request) CallID() string {
	if r.Session == nil {
		return ""
	}
	return r.Session.ID
}

// logCall names the call in the request's log lines by all ids that the caller sent.
func (r *Request) logCall(ctx context.Context) {
	if r.Session == nil {
		return
	}
	aurora.LogCall(ctx, r.Session.ID, r.Session.callSID())
	logfields.Set(ctx, logfields.RecordID, r.Session.recordID())
}

// maxModelName is the length in bytes of the longest name of a model.
const maxModelName = 200

// checkModel rejects a model that requests may not name.
func (s *Service) checkModel(name string) error {
	if len(name) > maxModelName {
		return fault.Newf(fault.Invalid, "model must have at most %d bytes.", maxModelName).WithParam("model").WithCode("model_not_found")
	}
	if name == "" || len(s.AllowedModels) == 0 || slices.Contains(s.AllowedModels, "*") ||
		slices.Contains(s.AllowedModels, name) || slices.Contains(s.DefaultModels, name) {
		return nil
	}
	return fault.New(fault.Invalid, "This model is not available here.").WithParam("model").WithCode("model_not_found")
}

// modelsFor returns the models of an assistant in the order in which they are asked. An assistant's own models are final:
// the request cannot change them.
func (s *Service) modelsFor(a aurora.Assistant, requested string) []aurora.ModelRef {
	if len(a.Models) > 0 {
		return a.Models
	}
	var refs []aurora.ModelRef
	if requested != "" {
		refs = append(refs, aurora.ModelRef{Model: requested})
	}
	for i, m := range s.DefaultModels {
		if m != requested && (requested == "" || i > 0) {
			refs = append(refs, aurora.ModelRef{Model: m})
		}
	}
	if len(refs) == 0 { // only in tests: a function does not start without a default model
		refs = []aurora.ModelRef{{}}
	}
	return refs
}
