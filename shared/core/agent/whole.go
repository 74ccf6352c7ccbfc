package agent

import (
	"context"
	"log/slog"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// Completion is a model's whole message, where no conversation is carried on.
type Completion struct {
	Text         string // a refusal's words too; FinishReason is then FinishContentFilter
	Model        string // as the server names it, else as it was asked for; empty where a chain chose and did not say
	Usage        Usage
	FinishReason string
}

// Complete asks a model once and waits for all of its message; tools are for a Turn. Beside an error is what came before
// it: tokens that were used are paid for.
func Complete(ctx context.Context, m Model, r ModelRequest) (Completion, error) {
	h := accumulator{model: r.Model}
	var err error
	for chunk, cerr := range m.Stream(ctx, r) {
		if cerr != nil {
			err = cerr
			break
		}
		h.add(chunk)
	}
	err = h.finish(ctx, err)
	return Completion{Text: h.text.String(), Model: h.model, Usage: h.usage, FinishReason: h.finishReason}, err
}

// accumulator is a message of a model that comes piece by piece.
type accumulator struct {
	text         strings.Builder
	calls        []ToolCall
	usage        Usage
	finishReason string
	model        string
	refused      bool
}

// add adds a piece and gives its words.
func (h *accumulator) add(c Chunk) (said string) {
	if c.Model != "" {
		h.model = c.Model
	}
	if c.Usage != nil {
		h.usage = *c.Usage // of the answer so far: some servers send it with every chunk
	}
	if c.FinishReason != "" {
		h.finishReason = c.FinishReason
	}
	h.calls = mergeDeltas(h.calls, c.ToolCalls)
	h.refused = h.refused || c.Refusal != ""
	said = c.Text + c.Refusal // a refusal is said like any other words; the reason tells
	h.text.WriteString(said)
	return said
}

// finish settles what the end of the stream means: only a reason makes it the end of the message.
func (h *accumulator) finish(ctx context.Context, err error) error {
	switch {
	case h.finishReason != "" && err != nil:
		slog.WarnContext(ctx, "the model's stream broke after its end", "error", err)
		err = nil // nothing of the answer is missing
	case h.finishReason == "" && err == nil:
		err = fault.New(fault.Upstream, "The model's answer broke off.").WithCode("upstream_error")
	}
	if h.refused && err == nil {
		h.finishReason = FinishContentFilter
	}
	return err
}
