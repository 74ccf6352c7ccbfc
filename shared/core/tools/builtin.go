package tools

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
)

// builtin is a built-in tool.
type builtin struct {
	name        string
	description string
	// parameters returns the JSON Schema of the arguments.
	parameters func(Scope) json.RawMessage
	// allowUnstored lets assistants use the tool that are not stored.
	allowUnstored bool
	// hasEffect reports whether the tool changes something, so that it must run once only; nil means never.
	hasEffect func(*Kit, Scope) bool
	// isAvailable reports whether the tool can work in this scope.
	isAvailable func(*Kit, Scope) bool
	// run returns the content of the result.
	run func(context.Context, *Kit, Scope, agent.Invocation) (string, error)
	// result makes the result of the content, with what the voice server must do; nil means the content alone.
	result func(*Kit, Scope, agent.Invocation, string) agent.ToolResult
}

// providerTimeout is the timeout of a tool that calls a provider. The adapters of the providers give up after 8 s.
const providerTimeout = 9 * time.Second

// builtins are the built-in tools, in the order of their names.
var builtins = []*builtin{&addToDoNotCall, &endCall, &callerHistory, &currentTime, &sendEmail, &sendSMS, &transferCall}

// BuiltinNames returns the names of the built-in tools, sorted.
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

// isHandoffName reports whether a tool of this name hands the conversation to another assistant.
func isHandoffName(name string) bool { return strings.HasPrefix(name, "transfer_to_") }

// builtinTool returns the agent's tool for a built-in one.
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

// always is the hasEffect of a tool that always changes something.
func always(*Kit, Scope) bool { return true }

// fixedSchema returns the same schema for every scope.
func fixedSchema(schema string) func(Scope) json.RawMessage {
	return func(Scope) json.RawMessage { return json.RawMessage(schema) }
}

// noParameters is the schema of a tool without parameters.
const noParameters = `{"type":"object","properties":{},"additionalProperties":false}`

// callerHas reports whether the caller brings a tool of one of these names itself.
func callerHas(s Scope, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(s.CallerTools, name) })
}
