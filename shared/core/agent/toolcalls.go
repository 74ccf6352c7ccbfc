package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
)

// handleToolCalls handles the tool calls of a message. again means that the model must be called again; stopped, that the
// consumer stopped ranging.
func (r *runner) handleToolCalls(ctx context.Context, m Message) (again, stopped bool) {
	own, callers := r.splitCalls(m.ToolCalls)
	if len(own) > 0 {
		ownMessage := m
		ownMessage.ToolCalls = own
		r.appendMessages(ownMessage)
		if !r.runTools(ctx, own) {
			return false, true
		}
		m = Message{Role: RoleAssistant, Sender: m.Sender}
	}
	if len(callers) > 0 {
		m.ToolCalls = callers
		r.appendMessages(m)
		r.result.CallerToolCalls, r.result.FinishReason = callers, FinishToolCalls
		return false, false
	}
	if ctx.Err() != nil {
		return false, false
	}
	if r.result.Action != nil && r.hasText(own) {
		r.result.FinishReason = FinishStop
		return false, false
	}
	limit := maxModelCalls
	if r.MaxTurns > 0 {
		limit = min(limit, r.MaxTurns)
	}
	switch {
	case r.invalidMessages > 1:
		return r.giveUp("tool_calls_invalid", "The model kept asking for tools in a way that could not be carried out.")
	case r.modelCalls >= limit, r.calls.total >= maxToolCalls:
		return r.giveUp("turn_limit", "The model went on asking for tools and came to no end.")
	}
	r.toolsDisabled = r.result.Action != nil
	if r.isTooLong() {
		return r.giveUp(CodeTooLong, "The conversation with the tools' results is longer than a model may be sent.")
	}
	return true, false
}

// hasText reports whether the message that holds these calls also has text.
func (r *runner) hasText(calls []ToolCall) bool {
	for i := len(r.result.Messages) - 1; i >= 0; i-- {
		if m := &r.result.Messages[i]; m.Role == RoleAssistant {
			return m.Content != "" && len(calls) > 0
		}
	}
	return false
}

// giveUp ends a turn that would not end by itself. The results are those of handleToolCalls.
func (r *runner) giveUp(code, message string) (again, stopped bool) {
	r.result.SoftError = fault.New(fault.Upstream, message).WithCode(code)
	r.result.FinishReason = FinishStop
	if r.GiveUpMessage == "" {
		return false, false
	}
	r.appendMessages(Message{Role: RoleAssistant, Content: r.GiveUpMessage, Sender: r.agent.Name})
	return false, !r.emitText(r.GiveUpMessage, nil, true)
}

// splitCalls separates calls of the caller's tools from our own. A call of an unknown tool is ours: the model gets an
// error.
func (r *runner) splitCalls(calls []ToolCall) (own, callers []ToolCall) {
	for _, c := range r.withUniqueIDs(calls) {
		if findTool(r.CallerTools, c.Name) != nil && !r.toolsDisabled {
			callers = append(callers, c)
		} else {
			own = append(own, c)
		}
	}
	return own, callers
}

// withUniqueIDs gives the calls of one message different ids, because a tool's message must name its call. Some servers send
// no ids, or one id for all calls. The new ids are unique within the conversation and have nine letters and digits, which is
// the only form that Mistral takes.
func (r *runner) withUniqueIDs(calls []ToolCall) []ToolCall {
	seen := map[string]bool{"": true}
	for i := range calls {
		if seen[calls[i].ID] {
			calls[i].ID = r.newCallID()
		}
		seen[calls[i].ID] = true
	}
	return calls
}

// newCallID returns an id that no call of the conversation has.
func (r *runner) newCallID() string {
	for {
		id := fmt.Sprintf("call%05d", r.madeIDs)
		r.madeIDs++
		hasID := func(m Message) bool {
			return slices.ContainsFunc(m.ToolCalls, func(c ToolCall) bool { return c.ID == id })
		}
		if !slices.ContainsFunc(r.Messages, hasID) && !slices.ContainsFunc(r.result.Messages, hasID) {
			return id
		}
	}
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
	if len(started) > 0 && !r.emit(Event{ToolsStarted: started}) {
		return false
	}
	if r.FinishTools {
		ctx = context.WithoutCancel(ctx)
	}
	for i, outcome := range runJobs(ctx, r.Now, jobs) {
		r.result.ToolRuns = append(r.result.ToolRuns, outcome.Run)
		r.applyOutcome(calls[i], outcome)
		if outcome.Result.Handoff != nil {
			trace.HandedOff(ctx, outcome.Result.Handoff.Name)
		}
	}
	return true
}

// applyOutcome appends the tool's message and applies what the tool changed.
func (r *runner) applyOutcome(c ToolCall, outcome ToolOutcome) {
	result := outcome.Result
	switch err := outcome.Err; {
	case err == nil:
	case err.Code == unknownToolCode:
		result.Content = fmt.Sprintf("Error: Tool %s not found.", c.Name) // the sentence of OpenAI's Swarm
	default:
		result.Content = "Error: " + err.Message
	}
	r.appendMessages(Message{Role: RoleTool, Content: result.Content, ToolCallID: c.ID, ToolName: c.Name})
	for name, value := range result.Variables {
		if r.result.Variables == nil {
			r.result.Variables = map[string]any{}
		}
		r.result.Variables[name] = value
	}
	if result.Handoff != nil {
		r.agent = result.Handoff
		r.result.ActiveAgent = result.Handoff.Name
	}
	if result.Action != nil {
		r.result.Action = result.Action
	}
}
