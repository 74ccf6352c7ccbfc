package chat

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"unicode"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/script"
	"example.com/aurora/shared/core/tools"
)

// maxToolNameLength is OpenAI's limit on the name of a tool.
const maxToolNameLength = 64

// agentBuilder builds the agents of one turn.
type agentBuilder struct {
	*Service
	request      Request
	session      *Session
	userMessages int
	called       aurora.Assistant // without an id if it is not stored
}

// activeAgent returns the agent that speaks: the session's active assistant if it is stored, else the one that was called.
func (b *agentBuilder) activeAgent(ctx context.Context, called aurora.Assistant) (agent.Agent, error) {
	id := b.session.ActiveAgent
	if id == "" || id == agentName(called) || !aurora.IsSafeID(id) {
		return b.buildAgent(ctx, called)
	}
	active, err := b.Assistants.ByID(ctx, id)
	if err == nil && !b.isReachable(ctx, called, id) {
		err = errNotReachable
	}
	if err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "active assistant not read; the called assistant speaks", "event", "assistant.active_unavailable",
			"callId", b.session.ID, "assistantId", id, "error", err)
		return b.buildAgent(ctx, called)
	}
	return b.buildAgent(ctx, active)
}

var errNotReachable = errors.New("no handoff leads from the called assistant to the active one, or the key may not use it")

// maxHandoffs limits how many assistants are read to find out whether handoffs lead to one.
const maxHandoffs = 20

// isReachable reports whether handoffs lead from an assistant to the one with this id, and the key may use it. The id comes
// from the caller, or from the store under the caller's call id.
func (b *agentBuilder) isReachable(ctx context.Context, from aurora.Assistant, id string) bool {
	if b.request.Principal.CheckAssistant(id) != nil {
		return false
	}
	seen, next := map[string]bool{from.ID(): true}, slices.Clone(from.Handoffs)
	for len(next) > 0 && len(seen) <= maxHandoffs {
		current := next[0]
		next = next[1:]
		if current == id {
			return true
		}
		if seen[current] {
			continue
		}
		seen[current] = true
		if a, err := b.Assistants.ByID(ctx, current); err == nil {
			next = append(next, a.Handoffs...)
		}
	}
	return false
}

// buildAgent builds the agent of an assistant: prompt, models, tools and handoffs.
func (b *agentBuilder) buildAgent(ctx context.Context, a aurora.Assistant) (agent.Agent, error) {
	options, err := json.Marshal(withTemperature(b.request.Options, a.Temperature))
	if err != nil {
		return agent.Agent{}, err
	}
	models := b.modelsFor(a, b.request.Model)
	built := agent.Agent{
		Name:         agentName(a),
		Instructions: b.renderInstructions(ctx, a, b.called.ID(), b.request, *b.session),
		ModelName:    models[0].Model,
		Model:        b.Chain(models),
		Options:      options,
		CacheKey:     b.cacheKey(a),
	}
	if b.Tools != nil {
		built.Tools = slices.DeleteFunc(b.Tools.ForScope(ctx, b.toolScope(a)), b.needsPhoneCall)
	}
	built.Tools = append(built.Tools, b.handoffTools(ctx, a)...)
	return built, nil
}

// maxCacheKeyLength is OpenAI's limit on prompt_cache_key.
const maxCacheKeyLength = 64

// cacheKey names the assistant that was called and the agent that speaks: with these two, prompt and tools begin in the same
// way.
func (b *agentBuilder) cacheKey(a aurora.Assistant) string {
	name := agentName(a)
	if name == "" {
		return ""
	}
	key := b.called.ID() + ":" + name
	if len(key) > maxCacheKeyLength {
		sum := sha256.Sum256([]byte(key))
		key = hex.EncodeToString(sum[:])
	}
	return key
}

// needsPhoneCall reports whether a tool acts on a phone call and the channel has none.
func (b *agentBuilder) needsPhoneCall(t agent.Tool) bool {
	isWritten := b.request.Channel == SMS || b.request.Channel == Web
	return isWritten && (t.Name == aurora.ActionTransferCall || t.Name == aurora.ActionEndCall)
}

// toolScope says for whom tools act. All of it comes from the request and the store, and nothing from a model.
func (b *agentBuilder) toolScope(a aurora.Assistant) tools.Scope {
	caller, _ := aurora.ParsePhone(b.session.CallerPhoneNumber)
	call, _ := json.Marshal(map[string]string{"id": b.session.ID, "caller_phone_number": script.KnownNumber(b.session.CallerPhoneNumber)}) // strings: cannot fail
	s := tools.Scope{CallID: b.session.ID, CallSID: b.session.callSID(), Caller: caller, UserMessageCount: b.userMessages,
		Assistant: a, CallDetails: call, RequestHash: b.request.Hash, PrincipalID: b.request.Principal.ID, KeyShare: b.request.Principal.Share(),
		CalledID: b.called.ID(), CalledNumbers: b.called.Numbers(), CallerIsClaimed: b.request.Channel == Web && !a.TrustCallerNumber}
	for _, t := range b.request.Tools {
		s.CallerTools = append(s.CallerTools, t.Name)
	}
	return s
}

// handoffTools returns a tool for each assistant that this one may hand the conversation over to.
func (b *agentBuilder) handoffTools(ctx context.Context, a aurora.Assistant) []agent.Tool {
	targets := make([]*aurora.Assistant, len(a.Handoffs))
	errs := safego.Each(ctx, len(targets), len(targets), func(i int) error {
		target, err := b.Assistants.ByID(ctx, a.Handoffs[i])
		if err == nil {
			targets[i] = &target
		}
		return err
	})
	for i, err := range errs {
		if err != nil {
			metric.CountFault(ctx, "AnswerDegraded", err)
			slog.WarnContext(ctx, "handoff not offered: the other assistant cannot be read", "event", "handoff.unavailable",
				"callId", b.session.ID, "assistantId", a.ID(), "handoffTo", a.Handoffs[i], "error", err)
		}
	}
	var out []agent.Tool
	for _, target := range targets {
		if target == nil || target.ID() == a.ID() || b.request.Principal.CheckAssistant(target.ID()) != nil {
			continue
		}
		name := "transfer_to_" + snakeCase(string(target.AssistantName))
		if slices.ContainsFunc(out, func(t agent.Tool) bool { return t.Name == name }) {
			name += "_" + snakeCase(target.ID())
		}
		out = append(out, b.handoffTool(name[:min(len(name), maxToolNameLength)], *target))
	}
	return out
}

func (b *agentBuilder) handoffTool(name string, target aurora.Assistant) agent.Tool {
	return agent.Tool{
		Name:        name,
		Description: "Hand the conversation over to " + string(target.AssistantName) + ", who goes on with it at once.",
		Parameters:  json.RawMessage(`{"type":"object","properties":{}}`),
		Run: func(ctx context.Context, _ agent.Invocation) (agent.ToolResult, error) {
			next, err := b.buildAgent(ctx, target)
			if err != nil {
				return agent.ToolResult{}, fault.New(fault.Internal, "The conversation could not be handed over.").Because(err)
			}
			content, err := json.Marshal(map[string]string{"assistant": string(target.AssistantName)})
			return agent.ToolResult{Content: string(content), Handoff: &next}, err
		},
	}
}

// snakeCase turns a name into part of a tool's name, in ASCII: "Riley (Billing)" becomes riley_billing.
func snakeCase(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "_"):
			b.WriteByte('_')
		}
	}
	if name := strings.Trim(b.String(), "_"); name != "" {
		return name
	}
	return "assistant"
}

// withTemperature adds the assistant's temperature, unless the request has one.
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

// agentName returns the name of an assistant in the session: its id, or its name if it exists only in the request.
func agentName(a aurora.Assistant) string {
	if a.ID() != "" {
		return a.ID()
	}
	return string(a.AssistantName)
}
