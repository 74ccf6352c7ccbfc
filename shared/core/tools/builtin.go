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
	parameters func(Session) json.RawMessage
	// anybody says that an assistant may have it which is not stored.
	anybody bool
	// effect reports whether it changes something, so that it must happen once; nil never does.
	effect func(*Kit, Session) bool
	// offered reports whether it can work in this session.
	offered func(*Kit, Session) bool
	call    func(context.Context, *Kit, Session, agent.Call) (string, error)
	// outcome adds to what is told to the model what the voice server is to do; nil adds nothing.
	outcome func(*Kit, Session, agent.Call, string) agent.Outcome
}

// providerTime is what a call may take that goes through a provider, whose own limit is 8 s.
const providerTime = 9 * time.Second

// builtins are all of them, by name.
var builtins = []*builtin{&addToDoNotCall, &endCall, &callerHistory, &currentTime, &sendEmail, &sendSMS, &transferCall}

// Names are the names of the built-in tools, in order.
func Names() []string {
	names := make([]string, len(builtins))
	for i, b := range builtins {
		names[i] = b.name
	}
	slices.Sort(names)
	return names
}

func known(name string) *builtin {
	i := slices.IndexFunc(builtins, func(b *builtin) bool { return b.name == name })
	if i < 0 {
		return nil
	}
	return builtins[i]
}

// isHandoff reports whether a name is of the form that handoffs have.
func isHandoff(name string) bool { return strings.HasPrefix(name, "transfer_to_") }

// builtin makes the tool for a session.
func (k *Kit) builtin(b *builtin, s Session) agent.Tool {
	schema := b.parameters(s)
	t := agent.Tool{Name: b.name, Description: strings.TrimSpace(b.description), Parameters: schema, Check: k.schemas.must(schema)}
	effect := b.effect != nil && b.effect(k, s)
	if effect {
		t.Timeout = providerTime
	}
	t.Call = func(ctx context.Context, in agent.Call) (agent.Outcome, error) {
		do := func(ctx context.Context) (string, error) { return b.call(ctx, k, s, in) }
		content, err := "", error(nil)
		if effect {
			content, err = k.once(ctx, s, b.name, in, do)
		} else {
			content, err = do(ctx)
		}
		if err != nil {
			return agent.Outcome{}, err
		}
		if b.outcome != nil {
			return b.outcome(k, s, in, content), nil
		}
		return agent.Outcome{Content: content}, nil
	}
	return t
}

// always offers a tool in every session.
func always(*Kit, Session) bool { return true }

// fixed is a schema that is the same in every session.
func fixed(schema string) func(Session) json.RawMessage {
	return func(Session) json.RawMessage { return json.RawMessage(schema) }
}

// nothing is the schema of a tool without parameters.
const nothing = `{"type":"object","properties":{},"additionalProperties":false}`

// carriesOut reports whether Aurora itself acts on the session's call.
func carriesOut(k *Kit, s Session) bool {
	return s.Assistant.CallControl == aurora.AuroraControl && s.CallSID != "" && k.Control != nil && k.Once != nil && s.stored()
}

// theirs reports whether the caller's own tools do this already.
func (s Session) theirs(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(s.Offered, name) })
}
