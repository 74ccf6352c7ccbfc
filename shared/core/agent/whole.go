package agent

import (
	"context"
	"log/slog"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// Answer is a model's whole message, where no conversation is carried on.
type Answer struct {
	Text         string // a refusal's words too; FinishReason is then ContentFilter
	Model        string // as the server names it, else as it was asked for; empty where a chain chose and did not say
	Usage        Usage
	FinishReason string
}

// Whole asks a model once and waits for all of its message; tools are for a Turn. Beside an error is what came before
// it: tokens that were used are paid for.
func Whole(ctx context.Context, m Model, r Request) (Answer, error) {
	h := hearing{model: r.Model}
	var err error
	for chunk, cerr := range m.Stream(ctx, r) {
		if cerr != nil {
			err = cerr
			break
		}
		h.take(chunk)
	}
	err = h.end(ctx, err)
	return Answer{Text: h.text.String(), Model: h.model, Usage: h.usage, FinishReason: h.reason}, err
}

// hearing is a message of a model that comes piece by piece.
type hearing struct {
	text    strings.Builder
	calls   []ToolCall
	usage   Usage
	reason  string
	model   string
	refused bool
}

// take adds a piece and gives its words.
func (h *hearing) take(c Chunk) (said string) {
	if c.Model != "" {
		h.model = c.Model
	}
	if c.Usage != nil {
		h.usage = *c.Usage // of the answer so far: some servers send it with every chunk
	}
	if c.FinishReason != "" {
		h.reason = c.FinishReason
	}
	h.calls = gather(h.calls, c.Calls)
	h.refused = h.refused || c.Refusal != ""
	said = c.Text + c.Refusal // a refusal is said like any other words; the reason tells
	h.text.WriteString(said)
	return said
}

// end settles what the end of the stream means: only a reason makes it the end of the message.
func (h *hearing) end(ctx context.Context, err error) error {
	switch {
	case h.reason != "" && err != nil:
		slog.WarnContext(ctx, "the model's stream broke after its end", "error", err)
		err = nil // nothing of the answer is missing
	case h.reason == "" && err == nil:
		err = fault.New(fault.Upstream, "The model's answer broke off.").Coded("upstream_error")
	}
	if h.refused && err == nil {
		h.reason = ContentFilter
	}
	return err
}
