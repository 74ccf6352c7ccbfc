package tools

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
)

// Kit is what tools may use. Where a part is nil, its tools are not offered.
type Kit struct {
	SMS interface {
		SendSMS(ctx context.Context, from, to aurora.Phone, body string) (sid string, err error)
	}
	// Mail may also say, by Ready() bool, whether it has a sender.
	Mail interface {
		SendMail(ctx context.Context, m aurora.Mail) error
	}
	// History lists an assistant's calls with a caller, the newest first.
	History interface {
		CallsOf(ctx context.Context, assistantID string, caller aurora.Phone, limit int) ([]aurora.Call, error)
	}
	DoNotCall interface {
		AddDoNotCall(ctx context.Context, number aurora.Phone, source string) error
		IsDoNotCall(ctx context.Context, number aurora.Phone) (bool, error)
	}
	// Idempotency runs an effect once per key and returns the result of the first run from then on.
	Idempotency interface {
		Do(ctx context.Context, key string, effect func(context.Context) (string, error)) (string, error)
	}
	// Control acts on a live call.
	Control interface {
		Transfer(ctx context.Context, callSID string, to aurora.Destination) error
		Hangup(ctx context.Context, callSID string) error
	}
	Secrets interface {
		Secret(ctx context.Context, name string) (string, error)
	}
	SecretPrefix string   // before the name of a tool's secret
	PrivateHosts []string // host:port that the guard lets through, for a developer's machine
	Now          func() time.Time

	initOnce   sync.Once
	guard      *guard
	validators validatorCache
	toolLists  listCache
}

// Scope says for whom a tool acts. It comes from the request and the store, never from the model.
type Scope struct {
	CallID           string
	CallSID          string // Twilio's name of the live call
	Caller           aurora.Phone
	UserMessageCount int // in the conversation so far
	// Assistant has an id only where it came from the store. One that only its caller describes may do little.
	Assistant aurora.Assistant
	// Offered are the names of the caller's own tools.
	CallerTools []string
	// Call is told to HTTP tools.
	CallDetails json.RawMessage
}

// isStored reports whether we ourselves know the assistant.
func (s Scope) isStored() bool { return s.Assistant.ID() != "" }

// init makes what the first use needs.
func (k *Kit) init() {
	k.initOnce.Do(func() {
		if k.guard == nil {
			k.guard = newGuard(k.PrivateHosts)
		}
	})
}

// ForScope is what the session's agent may do: the built-in tools that the assistant's functions name, then its HTTP tools,
// then those of its MCP servers. It takes at most two seconds, and only where a server's list is not known yet.
func (k *Kit) ForScope(ctx context.Context, s Scope) []agent.Tool {
	k.init()
	var offered []agent.Tool
	has := func(name string) bool {
		return slices.ContainsFunc(offered, func(t agent.Tool) bool { return t.Name == name })
	}
	for _, name := range s.Assistant.Functions {
		b := findBuiltin(name)
		switch {
		case b == nil && isDeclaredElsewhere(s, name): // made below, or by whoever makes handoffs
		case b == nil:
			slog.WarnContext(ctx, "an assistant names a tool that nobody knows", "assistant", s.Assistant.ID(), "tool", name)
		case has(name) || !s.isStored() && !b.allowUnstored:
		case b.isAvailable(k, s):
			offered = append(offered, k.builtinTool(b, s))
		}
	}
	if !s.isStored() {
		return offered
	}
	for _, h := range s.Assistant.Tools {
		if has(h.Name) {
			slog.WarnContext(ctx, "a tool has another's name and is left out", "assistant", s.Assistant.ID(), "tool", h.Name)
			continue
		}
		t, err := k.httpTool(h, s)
		if err != nil {
			slog.WarnContext(ctx, "a tool cannot be offered", "assistant", s.Assistant.ID(), "tool", h.Name, "error", err)
			continue
		}
		offered = append(offered, t)
	}
	return append(offered, k.mcpTools(ctx, s, offered)...)
}

// isDeclaredElsewhere reports whether a name in functions is one of the assistant's own tools or a handoff, which are made
// elsewhere.
func isDeclaredElsewhere(s Scope, name string) bool {
	return slices.ContainsFunc(s.Assistant.Tools, func(h aurora.HTTPTool) bool { return h.Name == name }) ||
		len(s.Assistant.Handoffs) > 0 && isHandoffName(name) || len(s.Assistant.MCPServers) > 0
}
