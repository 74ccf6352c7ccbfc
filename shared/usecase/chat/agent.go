package chat

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"unicode"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/tools"
)

// Tools are what an assistant may do in a session.
type Tools interface {
	For(ctx context.Context, s tools.Session) []agent.Tool
}

// builder makes the agents of one turn.
type builder struct {
	*Service
	ctx          context.Context
	request      Request
	session      *Session
	userMessages int
}

// active is the agent that goes on: the session's, where it is a stored assistant, or else the one that was called.
func (b *builder) active(entry aurora.Assistant) (agent.Agent, error) {
	id := b.session.ActiveAgent
	if id == "" || id == agentName(entry) || !aurora.SafeID(id) {
		return b.agent(b.ctx, entry)
	}
	other, err := b.Assistants.ByID(b.ctx, id)
	if err != nil {
		slog.WarnContext(b.ctx, "the active agent is not to be had; the assistant that was called goes on", "agent", id, "error", err)
		return b.agent(b.ctx, entry)
	}
	return b.agent(b.ctx, other)
}

// agent makes an agent of an assistant: its prompt, its models, its tools, its handoffs.
func (b *builder) agent(ctx context.Context, a aurora.Assistant) (agent.Agent, error) {
	options, err := json.Marshal(withTemperature(b.request.Options, a.Temperature))
	if err != nil {
		return agent.Agent{}, err
	}
	models := b.models(a, b.request.Model)
	made := agent.Agent{
		Name:         agentName(a),
		Instructions: b.instructions(ctx, a, b.request, *b.session),
		Model:        models[0].Model,
		Via:          b.Chain(models),
		Options:      options,
	}
	if b.Tools != nil {
		made.Tools = slices.DeleteFunc(b.Tools.For(ctx, b.identity(a)), b.needsCall)
	}
	made.Tools = append(made.Tools, b.handoffs(ctx, a)...)
	return made, nil
}

// needsCall reports whether a tool acts on a call, and there is none. Such tools have their actions' names.
func (b *builder) needsCall(t agent.Tool) bool {
	written := b.request.Channel == SMS || b.request.Channel == Web
	return written && (t.Name == aurora.TransferCall || t.Name == aurora.EndCall)
}

// identity is who speaks with whom: from the request and the store, never from a model.
func (b *builder) identity(a aurora.Assistant) tools.Session {
	caller, _ := aurora.ParsePhone(b.session.CallerPhoneNumber)
	call, _ := json.Marshal(map[string]string{"id": b.session.ID, "caller_phone_number": b.session.CallerPhoneNumber}) // strings: cannot fail
	s := tools.Session{CallID: b.session.ID, CallSID: b.session.callSID(), Caller: caller, UserMessages: b.userMessages,
		Assistant: a, Call: call}
	for _, t := range b.request.Tools {
		s.Offered = append(s.Offered, t.Name)
	}
	return s
}

// handoffs are a tool for each assistant that this one may hand the conversation to.
func (b *builder) handoffs(ctx context.Context, a aurora.Assistant) []agent.Tool {
	targets := make([]*aurora.Assistant, len(a.Handoffs))
	var all sync.WaitGroup
	for i, id := range a.Handoffs {
		all.Add(1)
		go func() {
			defer all.Done()
			defer func() {
				if p := recover(); p != nil {
					slog.ErrorContext(ctx, "panic while reading an assistant", "panic", p)
				}
			}()
			target, err := b.Assistants.ByID(ctx, id)
			if err != nil {
				slog.WarnContext(ctx, "an assistant to hand over to is not to be had", "assistant", id, "error", err)
				return
			}
			targets[i] = &target
		}()
	}
	all.Wait()
	var out []agent.Tool
	for _, target := range targets {
		if target == nil || target.ID() == a.ID() {
			continue
		}
		name := "transfer_to_" + snake(string(target.AssistantName))
		if slices.ContainsFunc(out, func(t agent.Tool) bool { return t.Name == name }) {
			name += "_" + snake(target.ID())
		}
		out = append(out, b.handoff(clip(name, 64), *target))
	}
	return out
}

func (b *builder) handoff(name string, target aurora.Assistant) agent.Tool {
	return agent.Tool{
		Name:        name,
		Description: "Hand the conversation over to " + string(target.AssistantName) + ", who goes on with it at once.",
		Parameters:  json.RawMessage(`{"type":"object","properties":{}}`),
		Call: func(ctx context.Context, _ agent.Call) (agent.Outcome, error) {
			next, err := b.agent(ctx, target)
			if err != nil {
				return agent.Outcome{}, fault.New(fault.Internal, "The conversation could not be handed over.").Because(err)
			}
			content, err := json.Marshal(map[string]string{"assistant": string(target.AssistantName)})
			return agent.Outcome{Content: string(content), Handoff: &next}, err
		},
	}
}

// snake writes a name as models take names of tools: "Riley (Billing)" is riley_billing.
func snake(s string) string {
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

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}
