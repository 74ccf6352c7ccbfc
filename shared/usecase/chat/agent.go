package chat

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"unicode"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/text"
	"example.com/aurora/shared/core/tools"
)

// Tools are what an assistant may do in a session.
type Tools interface {
	ForScope(ctx context.Context, s tools.Scope) []agent.Tool
}

// agentBuilder makes the agents of one turn.
type agentBuilder struct {
	*Service
	ctx          context.Context
	request      Request
	session      *Session
	userMessages int
}

// activeAgent is the agent that goes on: the session's, where it is a stored assistant, or else the one that was called.
func (b *agentBuilder) activeAgent(entry aurora.Assistant) (agent.Agent, error) {
	id := b.session.ActiveAgent
	if id == "" || id == agentName(entry) || !aurora.IsSafeID(id) {
		return b.buildAgent(b.ctx, entry)
	}
	other, err := b.Assistants.ByID(b.ctx, id)
	if err != nil {
		slog.WarnContext(b.ctx, "the active agent is not to be had; the assistant that was called goes on", "agent", id, "error", err)
		return b.buildAgent(b.ctx, entry)
	}
	return b.buildAgent(b.ctx, other)
}

// buildAgent makes an agent of an assistant: its prompt, its models, its tools, its handoffs.
func (b *agentBuilder) buildAgent(ctx context.Context, a aurora.Assistant) (agent.Agent, error) {
	options, err := json.Marshal(withTemperature(b.request.Options, a.Temperature))
	if err != nil {
		return agent.Agent{}, err
	}
	models := b.modelsFor(a, b.request.Model)
	made := agent.Agent{
		Name:         agentName(a),
		Instructions: b.renderInstructions(ctx, a, b.request, *b.session),
		ModelName:    models[0].Model,
		Model:        b.Chain(models),
		Options:      options,
	}
	if b.Tools != nil {
		made.Tools = slices.DeleteFunc(b.Tools.ForScope(ctx, b.toolSession(a)), b.needsPhoneCall)
	}
	made.Tools = append(made.Tools, b.handoffTools(ctx, a)...)
	return made, nil
}

// needsPhoneCall reports whether a tool acts on a call, and there is none. Such tools have their actions' names.
func (b *agentBuilder) needsPhoneCall(t agent.Tool) bool {
	written := b.request.Channel == SMS || b.request.Channel == Web
	return written && (t.Name == aurora.ActionTransferCall || t.Name == aurora.ActionEndCall)
}

// toolSession is who speaks with whom: from the request and the store, never from a model.
func (b *agentBuilder) toolSession(a aurora.Assistant) tools.Scope {
	caller, _ := aurora.ParsePhone(b.session.CallerPhoneNumber)
	call, _ := json.Marshal(map[string]string{"id": b.session.ID, "caller_phone_number": b.session.CallerPhoneNumber}) // strings: cannot fail
	s := tools.Scope{CallID: b.session.ID, CallSID: b.session.callSID(), Caller: caller, UserMessageCount: b.userMessages,
		Assistant: a, CallDetails: call}
	for _, t := range b.request.Tools {
		s.CallerTools = append(s.CallerTools, t.Name)
	}
	return s
}

// handoffTools are a tool for each assistant that this one may hand the conversation to.
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
			slog.WarnContext(ctx, "an assistant to hand over to is not to be had", "assistant", a.Handoffs[i], "error", err)
		}
	}
	var out []agent.Tool
	for _, target := range targets {
		if target == nil || target.ID() == a.ID() {
			continue
		}
		name := "transfer_to_" + snakeCase(string(target.AssistantName))
		if slices.ContainsFunc(out, func(t agent.Tool) bool { return t.Name == name }) {
			name += "_" + snakeCase(target.ID())
		}
		out = append(out, b.handoffTool(text.Clip(name, 64), *target))
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

// snakeCase writes a name as models take names of tools: "Riley (Billing)" is riley_billing.
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
