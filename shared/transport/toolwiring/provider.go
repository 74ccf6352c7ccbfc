package toolwiring

import (
	"context"
	"encoding/json"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/usecase/webhook"
)

// ForProvider lets a provider's own model use an assistant's tools, one call at a time.
func (p Settings) ForProvider() webhook.Tools { return providerTools{p.NewKit()} }

type providerTools struct{ kit *tools.Kit }

// Call runs one call. Its errors are faults whose sentence the model is told.
func (p providerTools) Call(ctx context.Context, a aurora.Assistant, s webhook.ToolSession, id, name string, arguments json.RawMessage) (string, error) {
	call, _ := json.Marshal(map[string]string{"id": s.CallID, "caller_phone_number": string(s.Caller)}) // strings: cannot fail
	session := tools.Scope{CallID: s.CallID, CallSID: s.CallSID, Caller: s.Caller, UserMessageCount: s.UserMessages, Assistant: a, CallDetails: call}
	for _, t := range p.kit.ForScope(ctx, session) {
		if t.Name != name {
			continue
		}
		canonical, err := agent.CanonicalArguments(string(arguments))
		if err != nil {
			return "", fault.New(fault.Invalid, "The arguments are not a JSON object.").Because(err)
		}
		if t.Validate != nil {
			if err := t.Validate(canonical); err != nil {
				return "", err
			}
		}
		ctx, cancel := context.WithTimeout(ctx, timeoutOf(t))
		defer cancel()
		outcome, err := t.Run(ctx, agent.Invocation{ID: id, Arguments: canonical, Occurrence: s.Occurrence})
		return outcome.Content, err
	}
	return "", fault.Newf(fault.NotFound, "There is no tool %s.", name)
}

// timeoutOf is how long a tool may take.
func timeoutOf(t agent.Tool) time.Duration {
	if t.Timeout > 0 {
		return t.Timeout
	}
	return agent.DefaultToolTimeout
}
