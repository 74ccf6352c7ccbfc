package script

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/liquid"
)

// Facts are what the templates of an assistant can say about a conversation.
type Facts struct {
	CallID         string
	CallerNumber   string
	CustomerNumber string
	CustomerName   string
	Outbound       *aurora.OutboundContext // of a call that we placed
	Now            func() time.Time
}

// Variables returns the variables of an assistant's templates. A number that the caller withheld is empty.
func Variables(a aurora.Assistant, f Facts) map[string]any {
	vars := map[string]any{
		"caller_phone_number":    KnownNumber(f.CallerNumber),
		"call_id":                f.CallID,
		"assistant_id":           a.ID(),
		"assistant_name":         string(a.AssistantName),
		"assistant_phone_number": string(a.AssistantPhoneNumber),
		"org_name":               string(a.OrgName),
		"time_zone":              a.Location().String(),
		"now":                    f.Now().In(a.Location()),
		"customer":               map[string]any{"number": KnownNumber(f.CustomerNumber), "name": f.CustomerName},
	}
	if c := f.Outbound; c != nil {
		vars["outbound_call"] = map[string]any{"phone_number": string(c.PhoneNumber), "name": c.Name, "email": c.Email, "info": c.Info}
	}
	return vars
}

// KnownNumber returns a number, or nothing for one that the caller withheld.
func KnownNumber(s string) string {
	if aurora.IsWithheld(s) {
		return ""
	}
	return s
}

// Render fills in the variables of a template. What fails is left empty, because a person is on the line. The template itself
// is never part of the result.
func Render(ctx context.Context, text string, vars map[string]any, zone *time.Location, now func() time.Time) string {
	if !liquid.HasMarkup(text) {
		return text
	}
	template, problems := liquid.Parse(text)
	rendered, failed := template.Render(ctx, vars, liquid.Clock{Zone: zone, Now: now})
	for _, p := range append(problems, failed...) {
		// The error itself may quote the template, and prompts are not logged.
		slog.WarnContext(ctx, "a part of the prompt was left empty", "event", "prompt.render_failed", "assistantId", vars["assistant_id"], "callId", vars["call_id"],
			"line", p.Line, "reason", p.Reason.Error())
	}
	return rendered
}
