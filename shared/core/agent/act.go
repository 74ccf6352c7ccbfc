package agent

import (
	"context"
	"fmt"
	"maps"

	"example.com/aurora/shared/core/fault"
)

// handleToolCalls does what a message asks for. again means that the model is to be asked once more; gone, that nobody listens.
func (r *runner) handleToolCalls(ctx context.Context, m Message) (again, gone bool) {
	own, theirs := r.splitCalls(m.ToolCalls)
	if len(own) > 0 {
		mine := m
		mine.ToolCalls = own
		r.appendMessages(mine)
		if !r.runTools(ctx, own) {
			return false, true
		}
		m = Message{Role: RoleAssistant, Sender: m.Sender}
	}
	if len(theirs) > 0 {
		m.ToolCalls = theirs
		r.appendMessages(m)
		r.result.CallerToolCalls, r.result.FinishReason = theirs, FinishToolCalls
		return false, false
	}
	if ctx.Err() != nil {
		return false, false
	}
	if r.result.Action != nil && r.hasText(own) {
		r.result.FinishReason = FinishStop
		return false, false
	}
	limit := r.MaxTurns
	if limit == 0 {
		limit = defaultMaxTurns
	}
	switch {
	case r.invalidMessages > 1:
		return r.giveUp("tool_calls_invalid", "The model kept asking for tools in a way that could not be carried out.")
	case r.modelCalls >= limit, r.calls.total >= maxToolCalls:
		return r.giveUp("turn_limit", "The model went on asking for tools and came to no end.")
	}
	r.toolsDisabled = r.result.Action != nil
	return true, false
}

// hasText reports whether the message that asked for these calls had words of its own.
func (r *runner) hasText(own []ToolCall) bool {
	for i := len(r.result.Messages) - 1; i >= 0; i-- {
		if m := &r.result.Messages[i]; m.Role == RoleAssistant {
			return m.Content != "" && len(own) > 0
		}
	}
	return false
}

// giveUp ends a turn that came to no end of its own.
func (r *runner) giveUp(code, why string) (again, gone bool) {
	r.result.SoftError = fault.New(fault.Upstream, why).WithCode(code)
	r.result.FinishReason = FinishStop
	if r.GiveUpMessage == "" {
		return false, false
	}
	r.appendMessages(Message{Role: RoleAssistant, Content: r.GiveUpMessage, Sender: r.agent.Name})
	return false, !r.emitText(r.GiveUpMessage, true)
}

// splitCalls tells the caller's calls from our own. A call to nobody's tool is ours to answer.
func (r *runner) splitCalls(calls []ToolCall) (own, theirs []ToolCall) {
	for i, c := range calls {
		if c.ID == "" { // some servers leave it out, and a tool's message must name it
			c.ID = fmt.Sprintf("call_%d_%d", r.modelCalls, i)
		}
		if findTool(r.CallerTools, c.Name) != nil && !r.toolsDisabled {
			theirs = append(theirs, c)
		} else {
			own = append(own, c)
		}
	}
	return own, theirs
}

// runTools runs calls and applies their results in order, so that of two handoffs the last one wins. It reports whether
// the consumer still ranges over the events.
func (r *runner) runTools(ctx context.Context, calls []ToolCall) bool {
	available := r.agent.Tools
	if r.toolsDisabled {
		available = nil
	}
	jobs := make([]*toolJob, len(calls))
	var started []Tool
	invalid := false
	for i, c := range calls {
		jobs[i] = r.calls.newJob(available, c)
		jobs[i].invocation.Variables = maps.Clone(r.result.Variables)
		if jobs[i].tool == nil {
			invalid = true
		} else {
			started = append(started, *jobs[i].tool)
		}
	}
	if invalid {
		r.invalidMessages++
	}
	if len(started) > 0 && !r.yield(Event{ToolsStarted: started, Model: r.result.Model}, nil) {
		return false
	}
	for i, o := range runJobs(ctx, jobs) {
		r.applyResult(calls[i], o)
	}
	return true
}

// applyResult adds a tool's message, and what the tool changed in the turn.
func (r *runner) applyResult(c ToolCall, outcome ToolOutcome) {
	o := outcome.Result
	switch err := outcome.Err; {
	case err == nil:
	case err.Code == unknownToolCode:
		o.Content = fmt.Sprintf("Error: Tool %s not found.", c.Name) // in the words of OpenAI's Swarm
	default:
		o.Content = "Error: " + err.Message
	}
	r.appendMessages(Message{Role: RoleTool, Content: o.Content, ToolCallID: c.ID, ToolName: c.Name})
	for k, v := range o.Variables {
		if r.result.Variables == nil {
			r.result.Variables = map[string]any{}
		}
		r.result.Variables[k] = v
	}
	if o.Handoff != nil {
		r.agent = o.Handoff
		r.result.ActiveAgent = o.Handoff.Name
	}
	if o.Action != nil {
		r.result.Action = o.Action
	}
}
