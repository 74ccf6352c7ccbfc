package tools

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
)

// Kit holds what tools use. A tool is not available if a part that it needs is nil.
type Kit struct {
	SMS interface {
		SendSMS(ctx context.Context, from, to aurora.Phone, body string) (sid string, err error)
	}
	// Mail may have a method Ready() bool, which reports whether a sender is configured.
	Mail interface {
		SendMail(ctx context.Context, m aurora.Mail) error
	}
	// History returns an assistant's calls with a caller, the newest first.
	History interface {
		CallsOf(ctx context.Context, assistantID string, caller aurora.Phone, limit int) ([]aurora.Call, error)
	}
	DoNotCall interface {
		AddDoNotCall(ctx context.Context, number aurora.Phone, source string) error
	}
	// Contacts sends a message if the deployment's rules and limits allow it. It is a contact.Guard.
	Contacts interface {
		SendText(ctx context.Context, t contact.Text, send func(context.Context) error) error
		SendMail(ctx context.Context, m contact.Mail, send func(context.Context) error) error
	}
	// Idempotency runs an effect once per key and returns the result of the first run from then on.
	Idempotency interface {
		Do(ctx context.Context, key string, effect func(context.Context) (string, error)) (string, error)
	}
	// BriefIdempotency is Idempotency for conversations without an id. It forgets the results after some minutes.
	BriefIdempotency interface {
		Do(ctx context.Context, key string, effect func(context.Context) (string, error)) (string, error)
	}
	// Control acts on a live call. FetchCall returns a fault.NotFound if the account has no such call.
	Control interface {
		FetchCall(ctx context.Context, callSID string) (aurora.ProviderCall, error)
		Transfer(ctx context.Context, callSID string, to aurora.Destination) error
		Hangup(ctx context.Context, callSID string) error
	}
	OutboundCalls aurora.OutboundCallFinder // may be nil
	Secrets       interface {
		Secret(ctx context.Context, name string) (string, error)
	}
	Count        func(ctx context.Context, metric string) // adds 1 to a metric
	SecretPrefix string                                   // before the name of a tool's secret
	PrivateHosts []string                                 // host:port that the guard allows although they are not public; for development
	Now          func() time.Time

	initOnce   sync.Once
	guard      *guard
	validators validatorCache
	mcpServers mcpServerCache
}

// Scope says for whom a tool acts. It is declared in package aurora, so that the webhook's use case, which other functions
// link as well, does not depend on this package and its MCP client.
type Scope = aurora.ToolScope

// init creates the guard on first use.
func (k *Kit) init() {
	k.initOnce.Do(func() {
		if k.guard == nil {
			k.guard = newGuard(k.PrivateHosts)
		}
	})
}

// ForScope returns the tools of the assistant: the built-in tools that its functions name, then its HTTP tools, then those
// of its MCP servers. It takes at most two seconds, and only if the tool list of an MCP server is not cached.
func (k *Kit) ForScope(ctx context.Context, s Scope) []agent.Tool {
	k.init()
	var available []agent.Tool
	has := func(name string) bool {
		return slices.ContainsFunc(available, func(t agent.Tool) bool { return t.Name == name })
	}
	for _, name := range s.Assistant.Functions {
		b := findBuiltin(name)
		switch {
		case b == nil && isDeclaredElsewhere(s, name):
		case b == nil:
			logSkipped(ctx, s, name, "there is no such tool")
		case has(name) || !s.IsStored() && !b.allowUnstored:
		case b.isAvailable(k, s):
			available = append(available, k.builtinTool(b, s))
		}
	}
	if !s.IsStored() {
		return available
	}
	for _, h := range s.Assistant.Tools {
		if has(h.Name) {
			logSkipped(ctx, s, h.Name, "another tool has the same name")
			continue
		}
		t, err := k.httpTool(h, s)
		if err != nil {
			logSkipped(ctx, s, h.Name, err.Error())
			continue
		}
		available = append(available, t)
	}
	return append(available, k.mcpTools(ctx, s, available)...)
}

func logSkipped(ctx context.Context, s Scope, tool, reason string) {
	slog.WarnContext(ctx, "tool skipped", "event", "tool.skipped", "callId", s.CallID, "assistantId", s.Assistant.ID(), "tool", tool, "reason", reason)
}

// isDeclaredElsewhere reports whether a name in functions may be an HTTP tool, a tool of an MCP server or a handoff. Package
// chat makes the handoffs.
func isDeclaredElsewhere(s Scope, name string) bool {
	return slices.ContainsFunc(s.Assistant.Tools, func(h aurora.HTTPTool) bool { return h.Name == name }) ||
		len(s.Assistant.Handoffs) > 0 && isHandoffName(name) || len(s.Assistant.MCPServers) > 0
}
