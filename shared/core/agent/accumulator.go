package agent

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// accumulator builds a model's message from chunks.
type accumulator struct {
	text         strings.Builder
	calls        []ToolCall
	usage        Usage
	finishReason string
	model        string
	refused      bool
}

// add adds a chunk and returns its text.
func (a *accumulator) add(c Chunk) string {
	if c.Model != "" {
		a.model = c.Model
	}
	if c.Usage != nil {
		a.usage = *c.Usage // replaces: some servers send the usage so far with every chunk
	}
	if c.FinishReason != "" {
		a.finishReason = c.FinishReason
	}
	a.calls = mergeDeltas(a.calls, c.ToolCalls)
	a.refused = a.refused || c.Refusal != ""
	text := c.Text + c.Refusal // a refusal is said like other text; the finish reason tells them apart
	a.text.WriteString(text)
	return text
}

// finish returns the error of the message after its stream has ended with err. Only a finish reason makes it complete.
func (a *accumulator) finish(ctx context.Context, err error) error {
	switch {
	case a.finishReason != "" && err != nil:
		slog.WarnContext(ctx, "the model's stream broke after its end", "event", "model.stream_broken", "error", err)
		err = nil // nothing of the message is missing
	case a.finishReason == "" && err == nil:
		err = fault.New(fault.Upstream, "The model's answer broke off.").WithCode("upstream_error")
	}
	if a.refused && err == nil {
		a.finishReason = FinishContentFilter
	}
	return err
}

// mergeDeltas adds deltas to the calls that they belong to. Servers differ: they send several deltas in one chunk, with
// an index or without, and id and name once or in each delta.
func mergeDeltas(calls []ToolCall, deltas []ToolCallDelta) []ToolCall {
	for i, d := range deltas {
		at := d.Index
		if at < 0 {
			at = callIndex(calls, d, i, len(deltas))
		}
		if at >= maxToolCallsPerMessage {
			continue
		}
		for len(calls) <= at {
			calls = append(calls, ToolCall{})
		}
		c := &calls[at]
		if d.ID != "" {
			c.ID = d.ID
		}
		if d.Name != "" && d.Name != c.Name {
			c.Name += d.Name
		}
		c.Arguments += d.Arguments
	}
	return calls
}

// callIndex returns the index of the call to which a delta without an index belongs; i is its place among the deltas of
// its chunk. A delta with an id belongs to the call of this id, or begins a new one. A delta without an id belongs to the
// call at its place, if the chunk has several, else to the last call.
func callIndex(calls []ToolCall, d ToolCallDelta, i, deltas int) int {
	if d.ID == "" && deltas > 1 {
		return i
	}
	if d.ID == "" {
		return max(len(calls)-1, 0)
	}
	if at := slices.IndexFunc(calls, func(c ToolCall) bool { return c.ID == d.ID }); at >= 0 {
		return at
	}
	return len(calls)
}
