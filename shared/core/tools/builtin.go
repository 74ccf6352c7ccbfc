package tools

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

// builtin is a tool of ours.
type builtin struct {
	name        string
	description string
	// parameters is the JSON Schema of the arguments in this session.
	parameters func(Scope) json.RawMessage
	// anybody says that an assistant may have it which is not stored.
	allowUnstored bool
	// effect reports whether it changes something, so that it must happen once; nil never does.
	hasEffect func(*Kit, Scope) bool
	// offered reports whether it can work in this session.
	isAvailable func(*Kit, Scope) bool
	run         func(context.Context, *Kit, Scope, agent.Invocation) (string, error)
	// outcome adds to what is told to the model what the voice server is to do; nil adds nothing.
	result func(*Kit, Scope, agent.Invocation, string) agent.ToolResult
}

// providerTimeout is what a call may take that goes through a provider, whose own limit is 8 s.
const providerTimeout = 9 * time.Second

// builtins are all of them, by name.
var builtins = []*builtin{&addToDoNotCall, &endCall, &callerHistory, &currentTime, &sendEmail, &sendSMS, &transferCall}

// BuiltinNames are the names of the built-in tools, in order.
func BuiltinNames() []string {
	names := make([]string, len(builtins))
	for i, b := range builtins {
		names[i] = b.name
	}
	slices.Sort(names)
	return names
}

func findBuiltin(name string) *builtin {
	i := slices.IndexFunc(builtins, func(b *builtin) bool { return b.name == name })
	if i < 0 {
		return nil
	}
	return builtins[i]
}

// isHandoffName reports whether a name is of the form that handoffs have.
func isHandoffName(name string) bool { return strings.HasPrefix(name, "transfer_to_") }

// builtinTool makes the tool for a session.
func (k *Kit) builtinTool(b *builtin, s Scope) agent.Tool {
	schema := b.parameters(s)
	t := agent.Tool{Name: b.name, Description: strings.TrimSpace(b.description), Parameters: schema, Validate: k.validators.mustValidator(schema)}
	effect := b.hasEffect != nil && b.hasEffect(k, s)
	if effect {
		t.Timeout = providerTimeout
	}
	t.Run = func(ctx context.Context, in agent.Invocation) (agent.ToolResult, error) {
		do := func(ctx context.Context) (string, error) { return b.run(ctx, k, s, in) }
		content, err := "", error(nil)
		if effect {
			content, err = k.runOnce(ctx, s, b.name, in, do)
		} else {
			content, err = do(ctx)
		}
		if err != nil {
			return agent.ToolResult{}, err
		}
		if b.result != nil {
			return b.result(k, s, in, content), nil
		}
		return agent.ToolResult{Content: content}, nil
	}
	return t
}

// always offers a tool in every session.
func always(*Kit, Scope) bool { return true }

// fixedSchema is a schema that is the same in every session.
func fixedSchema(schema string) func(Scope) json.RawMessage {
	return func(Scope) json.RawMessage { return json.RawMessage(schema) }
}

// noParameters is the schema of a tool without parameters.
const noParameters = `{"type":"object","properties":{},"additionalProperties":false}`

// controlsCall reports whether Aurora itself acts on the session's call.
func controlsCall(k *Kit, s Scope) bool {
	return s.Assistant.CallControl == aurora.CallControlAurora && s.CallSID != "" && k.Control != nil && k.Idempotency != nil && s.isStored()
}

// callerHas reports whether the caller's own tools do this already.
func (s Scope) callerHas(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(s.CallerTools, name) })
}
