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
)

// act does what a message asks for. again means that the model is to be asked once more; gone, that nobody listens.
func (r *running) act(ctx context.Context, m Message) (again, gone bool) {
	own, theirs := r.divide(m.ToolCalls)
	if len(own) > 0 {
		mine := m
		mine.ToolCalls = own
		r.add(mine)
		if !r.carryOut(ctx, own) {
			return false, true
		}
		m = Message{Role: Assistant, Sender: m.Sender}
	}
	if len(theirs) > 0 {
		m.ToolCalls = theirs
		r.add(m)
		r.result.Calls, r.result.FinishReason = theirs, ToolCalls
		return false, false
	}
	if ctx.Err() != nil {
		return false, false
	}
	if r.result.Action != nil && r.spoke(own) {
		r.result.FinishReason = Stop
		return false, false
	}
	limit := r.MaxTurns
	if limit == 0 {
		limit = maxTurns
	}
	switch {
	case r.wrong > 1:
		return r.apologise("tool_calls_invalid", "The model kept asking for tools in a way that could not be carried out.")
	case r.asked >= limit, r.called >= maxToolCalls:
		return r.apologise("turn_limit", "The model went on asking for tools and came to no end.")
	}
	r.closing = r.result.Action != nil
	return true, false
}

// spoke reports whether the message that asked for these calls had words of its own.
func (r *running) spoke(own []ToolCall) bool {
	for i := len(r.result.Messages) - 1; i >= 0; i-- {
		if m := &r.result.Messages[i]; m.Role == Assistant {
			return m.Content != "" && len(own) > 0
		}
	}
	return false
}

// apologise ends a turn that came to no end of its own.
func (r *running) apologise(code, why string) (again, gone bool) {
	r.result.Trouble = fault.New(fault.Upstream, why).Coded(code)
	r.result.FinishReason = Stop
	if r.Apology == "" {
		return false, false
	}
	r.add(Message{Role: Assistant, Content: r.Apology, Sender: r.agent.Name})
	return false, !r.say(r.Apology, true)
}

// divide tells the caller's calls from our own. A call to nobody's tool is ours to answer.
func (r *running) divide(calls []ToolCall) (own, theirs []ToolCall) {
	for i, c := range calls {
		if c.ID == "" { // some servers leave it out, and a tool's message must name it
			c.ID = fmt.Sprintf("call_%d_%d", r.asked, i)
		}
		if find(r.Offered, c.Name) != nil && !r.closing {
			theirs = append(theirs, c)
		} else {
			own = append(own, c)
		}
	}
	return own, theirs
}

// carryOut runs calls at once and takes their outcomes in order, so that of two handoffs the last one wins. It reports
// whether anybody still listens.
func (r *running) carryOut(ctx context.Context, calls []ToolCall) bool {
	jobs := make([]job, len(calls))
	var begin []Tool
	wrong := false
	for i, c := range calls {
		jobs[i] = r.prepare(c)
		if jobs[i].tool != nil {
			begin = append(begin, *jobs[i].tool)
		} else {
			wrong = true
		}
	}
	if wrong {
		r.wrong++
	}
	if len(begin) > 0 && !r.yield(Event{Calling: begin, Model: r.result.Model}, nil) {
		return false
	}
	for i := range jobs {
		jobs[i].start(ctx)
	}
	for i := range jobs {
		r.take(calls[i], jobs[i].wait())
	}
	return true
}

// take adds a tool's message and what else came of the call.
func (r *running) take(c ToolCall, o Outcome) {
	r.add(Message{Role: ToolRole, Content: o.Content, ToolCallID: c.ID, ToolName: c.Name})
	for k, v := range o.Context {
		if r.result.Context == nil {
			r.result.Context = map[string]any{}
		}
		r.result.Context[k] = v
	}
	if o.Handoff != nil {
		r.agent = o.Handoff
		r.result.Agent = o.Handoff.Name
	}
	if o.Action != nil {
		r.result.Action = o.Action
	}
}

// job is one call to be run.
type job struct {
	tool    *Tool // nil where it cannot be run; the outcome says why
	call    Call
	outcome Outcome

	done   chan Outcome
	limit  context.Context
	cancel context.CancelFunc
}

// prepare finds the tool and reads the arguments.
func (r *running) prepare(c ToolCall) job {
	r.called++
	if r.called > maxToolCalls {
		return job{outcome: Outcome{Content: tooManyCalls}}
	}
	tool := find(r.agent.Tools, c.Name)
	if tool == nil || tool.Call == nil || r.closing {
		return job{outcome: Outcome{Content: unknownTool(c.Name)}}
	}
	arguments, err := Canonical(c.Arguments)
	if err != nil {
		return job{outcome: Outcome{Content: badArguments}}
	}
	if tool.Check != nil {
		if err := tool.Check(arguments); err != nil {
			return job{outcome: Outcome{Content: "Error: " + fault.From(err).Message}}
		}
	}
	key := c.Name + " " + string(arguments)
	occurrence := r.seen[key]
	r.seen[key]++
	return job{tool: tool, call: Call{ID: c.ID, Arguments: arguments, Occurrence: occurrence, Context: maps.Clone(r.result.Context)}}
}

// Canonical is a JSON object with its keys in order and nothing between them; no arguments at all are an empty one.
func Canonical(arguments string) (json.RawMessage, error) {
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
func (j *job) start(ctx context.Context) {
	if j.tool == nil {
		return
	}
	limit := j.tool.Timeout
	if limit == 0 {
		limit = ToolTime
	}
	j.limit, j.cancel = context.WithTimeout(ctx, limit)
	j.done = make(chan Outcome, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				slog.ErrorContext(ctx, "panic in a tool", "tool", j.tool.Name, "panic", fmt.Sprint(p))
				j.done <- Outcome{Content: failedTool}
			}
		}()
		j.done <- j.run(ctx)
	}()
}

// wait returns the outcome. A tool that does not heed its time is left to itself.
func (j *job) wait() Outcome {
	if j.tool == nil {
		return j.outcome
	}
	defer j.cancel()
	select {
	case o := <-j.done:
		return o
	case <-j.limit.Done():
	}
	select {
	case o := <-j.done: // just in time
		return o
	default:
		return Outcome{Content: lateTool}
	}
}

// run calls the tool and tells the model of its error in a sentence.
func (j *job) run(ctx context.Context) Outcome {
	outcome, err := j.tool.Call(j.limit, j.call)
	if err == nil {
		return outcome
	}
	slog.WarnContext(ctx, "tool failed", "tool", j.tool.Name, "error", err)
	told, ours := errors.AsType[*fault.Error](err)
	switch {
	case j.limit.Err() != nil:
		return Outcome{Content: lateTool}
	case ours:
		return Outcome{Content: "Error: " + told.Message}
	}
	return Outcome{Content: failedTool}
}
