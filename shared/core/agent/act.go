package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/safego"
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
	case r.modelCalls >= limit, r.toolCalls >= maxToolCallsPerTurn:
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

// runTools runs calls at once and takes their outcomes in order, so that of two handoffs the last one wins. It reports
// whether anybody still listens.
func (r *runner) runTools(ctx context.Context, calls []ToolCall) bool {
	jobs := make([]toolJob, len(calls))
	var begin []Tool
	wrong := false
	for i, c := range calls {
		jobs[i] = r.prepareCall(c)
		if jobs[i].tool != nil {
			begin = append(begin, *jobs[i].tool)
		} else {
			wrong = true
		}
	}
	if wrong {
		r.invalidMessages++
	}
	if len(begin) > 0 && !r.yield(Event{ToolsStarted: begin, Model: r.result.Model, SoFar: r.result}, nil) {
		return false
	}
	for i := range jobs {
		jobs[i].start(ctx)
	}
	for i := range jobs {
		r.applyResult(calls[i], jobs[i].wait())
	}
	return true
}

// applyResult adds a tool's message and what else came of the call.
func (r *runner) applyResult(c ToolCall, o ToolResult) {
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

// toolJob is one call to be run.
type toolJob struct {
	tool       *Tool // nil where it cannot be run; the outcome says why
	invocation Invocation
	result     ToolResult

	done   chan ToolResult
	ctx    context.Context
	cancel context.CancelFunc
}

// prepareCall finds the tool and reads the arguments.
func (r *runner) prepareCall(c ToolCall) toolJob {
	r.toolCalls++
	if r.toolCalls > maxToolCallsPerTurn {
		return toolJob{result: ToolResult{Content: tooManyCallsMessage}}
	}
	tool := findTool(r.agent.Tools, c.Name)
	if tool == nil || tool.Run == nil || r.toolsDisabled {
		return toolJob{result: ToolResult{Content: unknownToolMessage(c.Name)}}
	}
	arguments, err := CanonicalArguments(c.Arguments)
	if err != nil {
		return toolJob{result: ToolResult{Content: badArgumentsMessage}}
	}
	if tool.Validate != nil {
		if err := tool.Validate(arguments); err != nil {
			return toolJob{result: ToolResult{Content: "Error: " + fault.From(err).Message}}
		}
	}
	key := c.Name + " " + string(arguments)
	occurrence := r.occurrences[key]
	r.occurrences[key]++
	return toolJob{tool: tool, invocation: Invocation{ID: c.ID, Arguments: arguments, Occurrence: occurrence, Variables: maps.Clone(r.result.Variables)}}
}

// CanonicalArguments is a JSON object with its keys in order and nothing between them; no arguments at all are an empty one.
func CanonicalArguments(arguments string) (json.RawMessage, error) {
	if strings.TrimSpace(arguments) == "" {
		return json.RawMessage(`{}`), nil
	}
	d := json.NewDecoder(strings.NewReader(arguments))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil || !json.Valid([]byte(arguments)) { // null, or more than one object
		return nil, errors.New("not one object")
	}
	return json.Marshal(object)
}

// start runs the tool beside the others, within its time.
func (j *toolJob) start(ctx context.Context) {
	if j.tool == nil {
		return
	}
	limit := j.tool.Timeout
	if limit == 0 {
		limit = DefaultToolTimeout
	}
	j.ctx, j.cancel = context.WithTimeout(ctx, limit)
	j.done = make(chan ToolResult, 1)
	safego.Go(ctx, func() { j.done <- j.run(ctx) }, func(error) { j.done <- ToolResult{Content: failedToolMessage} })
}

// wait returns the outcome. A tool that does not heed its time is left to itself.
func (j *toolJob) wait() ToolResult {
	if j.tool == nil {
		return j.result
	}
	defer j.cancel()
	select {
	case o := <-j.done:
		return o
	case <-j.ctx.Done():
	}
	select {
	case o := <-j.done: // just in time
		return o
	default:
		return ToolResult{Content: lateToolMessage}
	}
}

// run calls the tool and tells the model of its error in a sentence.
func (j *toolJob) run(ctx context.Context) ToolResult {
	outcome, err := j.tool.Run(j.ctx, j.invocation)
	if err == nil {
		return outcome
	}
	slog.WarnContext(ctx, "tool failed", "tool", j.tool.Name, "error", err)
	told, ours := errors.AsType[*fault.Error](err)
	switch {
	case j.ctx.Err() != nil:
		return ToolResult{Content: lateToolMessage}
	case ours:
		return ToolResult{Content: "Error: " + told.Message}
	}
	return ToolResult{Content: failedToolMessage}
}
