package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/trace"
)

// maxToolCalls is how many tool calls of a turn are run.
const maxToolCalls = 40

// unknownToolCode is the code of the error for a call that names no tool.
const unknownToolCode = "unknown_tool"

// ErrBadArguments is the outcome of a call whose arguments are not a JSON object.
var ErrBadArguments = fault.New(fault.Invalid, "The arguments are not a JSON object.")

var (
	errTooManyCalls = fault.New(fault.Invalid, "Too many tools were asked for.")
	errToolFailed   = fault.New(fault.Upstream, "The tool failed.")
	errToolLate     = fault.New(fault.Timeout, "The tool did not answer in time.")
)

// ToolOutcome is what came of a tool call: the result, or an error whose message may be shown to the model.
type ToolOutcome struct {
	Result ToolResult
	Err    *fault.Error
	Run    ToolRun
}

// ToolRun is a tool call as the log shows it.
type ToolRun struct {
	Name string `json:"name"`
	Ms   int64  `json:"ms"`
	Code string `json:"code,omitempty"` // of the error
}

// newRun returns what the log shows of a call. Models invent names of tools, so only the name of a tool that exists is shown.
func (j *toolJob) newRun(o ToolOutcome) ToolRun {
	run, err := ToolRun{Name: "unknown", Ms: o.Run.Ms}, o.Err
	if j.tool != nil {
		run.Name = j.tool.Name
	} else if err == nil || err.Code != unknownToolCode {
		run.Name = "rejected"
	}
	if err != nil {
		run.Code = cmp.Or(err.Code, strings.ReplaceAll(err.Kind.String(), " ", "_"))
	}
	return run
}

// RunTools runs the tool calls of one message at the same time, each within its tool's timeout, and returns what came of
// them in the order of the calls. The first 40 calls are run. A tool that ignores its timeout goes on running by itself.
// now is the clock by which the log says how long a tool took; nil measures nothing.
func RunTools(ctx context.Context, now func() time.Time, tools []Tool, calls []ToolCall) []ToolOutcome {
	var counter callCounter
	jobs := make([]*toolJob, len(calls))
	for i, c := range calls {
		jobs[i] = counter.newJob(tools, c)
	}
	return runJobs(ctx, now, jobs)
}

// runJobs runs all jobs that can be run at the same time and returns the outcome of every job.
func runJobs(ctx context.Context, now func() time.Time, jobs []*toolJob) []ToolOutcome {
	for _, j := range jobs {
		j.start(ctx, now)
	}
	outcomes := make([]ToolOutcome, len(jobs))
	for i, j := range jobs {
		outcomes[i] = j.wait()
		run := j.newRun(outcomes[i])
		outcomes[i].Run = run
		slog.InfoContext(ctx, "tool called", "event", "tool.called", "tool", run.Name, "ms", run.Ms, "code", run.Code)
		trace.RanTool(ctx, run.Name, run.Ms, run.Code)
		if err := outcomes[i].Err; err != nil {
			metric.CountFault(ctx, "ToolFailed", err)
		}
	}
	return outcomes
}

// callCounter counts the tool calls of one turn.
type callCounter struct {
	total int
	equal map[string]int // calls of the same tool with the same arguments
}

// toolJob is one tool call.
type toolJob struct {
	tool       *Tool       // nil if the call cannot be run; outcome then holds the reason
	outcome    ToolOutcome // set only if tool is nil
	invocation Invocation

	limit  time.Duration
	done   chan ToolOutcome
	ctx    context.Context
	cancel context.CancelFunc
}

// newJob finds the tool of a call and checks its arguments.
func (c *callCounter) newJob(tools []Tool, call ToolCall) *toolJob {
	c.total++
	if c.total > maxToolCalls {
		return failedJob(errTooManyCalls)
	}
	tool := findTool(tools, call.Name)
	if tool == nil || tool.Run == nil {
		return failedJob(fault.Newf(fault.NotFound, "There is no tool %s.", call.Name).WithCode(unknownToolCode))
	}
	arguments, err := CanonicalArguments(call.Arguments)
	if err != nil {
		return failedJob(ErrBadArguments.Because(err))
	}
	if tool.Validate != nil {
		if err := tool.Validate(arguments); err != nil {
			return failedJob(fault.From(err))
		}
	}
	key := call.Name + " " + string(arguments)
	occurrence := c.equal[key]
	if c.equal == nil {
		c.equal = map[string]int{}
	}
	c.equal[key]++
	return &toolJob{tool: tool, invocation: Invocation{ID: call.ID, Arguments: arguments, Occurrence: occurrence}}
}

func failedJob(err *fault.Error) *toolJob { return &toolJob{outcome: ToolOutcome{Err: err}} }

// CanonicalArguments returns a JSON object with its keys in order and without white space, so that equal arguments have
// equal bytes. No text at all is an empty object, and so is an empty list: PHP cannot tell them apart.
func CanonicalArguments(arguments string) (json.RawMessage, error) {
	if trimmed := strings.TrimSpace(arguments); trimmed == "" || trimmed == "[]" {
		return json.RawMessage(`{}`), nil
	}
	d := json.NewDecoder(strings.NewReader(arguments))
	d.UseNumber() // a float64 would change long numbers
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil || !json.Valid([]byte(arguments)) { // null, or more than one value
		return nil, errors.New("not one object")
	}
	return json.Marshal(object)
}

// start runs the tool in a goroutine, within its timeout. now may be nil: then it is not measured how long the tool takes.
func (j *toolJob) start(ctx context.Context, now func() time.Time) {
	if j.tool == nil {
		return
	}
	if now == nil {
		now = func() time.Time { return time.Time{} }
	}
	if j.limit = j.tool.Timeout; j.limit == 0 {
		j.limit = DefaultToolTimeout
	}
	j.ctx, j.cancel = context.WithTimeout(ctx, j.limit)
	j.done = make(chan ToolOutcome, 1) // has room, so that a late tool does not block
	began := now()
	safego.Go(ctx, func() {
		o := j.run(ctx)
		o.Run.Ms = now().Sub(began).Milliseconds()
		j.done <- o
	}, nil)
}

// wait returns the outcome, at the latest when the timeout is over.
func (j *toolJob) wait() ToolOutcome {
	if j.tool == nil {
		return j.outcome
	}
	defer j.cancel()
	select {
	case o := <-j.done:
		return o
	case <-j.ctx.Done():
	}
	select {
	case o := <-j.done: // both were ready
		return o
	default:
		return ToolOutcome{Err: errToolLate, Run: ToolRun{Ms: j.limit.Milliseconds()}}
	}
}

// run calls the tool. Only the message of a fault reaches the model; the log gets the whole error.
func (j *toolJob) run(ctx context.Context) (o ToolOutcome) {
	err := safego.Call(func() (err error) {
		o.Result, err = j.tool.Run(j.ctx, j.invocation)
		return err
	})
	if err == nil {
		return o
	}
	safego.LogPanic(ctx, err)
	slog.WarnContext(ctx, "tool failed", "event", "tool.failed", "tool", j.tool.Name, "error", err)
	public, ok := errors.AsType[*fault.Error](err)
	switch {
	case j.ctx.Err() != nil:
		public = errToolLate
	case !ok:
		public = errToolFailed
	}
	return ToolOutcome{Err: public}
}
