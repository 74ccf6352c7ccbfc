package chat

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/liquid"
)

// CheckPrompt returns what is wrong with the Liquid template of a prompt: what cannot be read, and what would fail in a call.
// It is called before an assistant is stored.
func CheckPrompt(prompt string) []error { return liquid.Check(prompt) }

// renderPrompt fills in the variables of a prompt. What fails is left empty, because a person is on the line. The template
// itself is never part of the result.
func renderPrompt(ctx context.Context, prompt string, vars map[string]any, zone *time.Location, now func() time.Time) string {
	if !liquid.HasMarkup(prompt) {
		return prompt
	}
	template, problems := liquid.Parse(prompt)
	rendered, failed := template.Render(ctx, vars, liquid.Clock{Zone: zone, Now: now})
	for _, p := range append(problems, failed...) {
		// The error itself may quote the template, and prompts are not logged.
		slog.WarnContext(ctx, "a part of the prompt was left empty", "event", "prompt.render_failed", "assistantId", vars["assistant_id"], "callId", vars["call_id"],
			"line", p.Line, "reason", p.Reason.Error())
	}
	return rendered
}
