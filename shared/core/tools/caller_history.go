package tools

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/text"
)

//go:embed get_caller_history.md
var callerHistoryPrompt string

const (
	defaultHistoryLimit = 5
	maxSummaryLength    = 600 // characters
)

const callerHistoryParameters = `{"type":"object","additionalProperties":false,
"properties":{"limit":{"type":"integer","minimum":1,"maximum":10,"description":"How many calls to tell of, the newest first; 5 where left out."}}}`

var callerHistory = builtin{
	name: "get_caller_history", description: callerHistoryPrompt, parameters: fixedSchema(callerHistoryParameters),
	isAvailable: func(k *Kit, s Scope) bool {
		return k.History != nil && s.Caller != "" && !s.CallerIsClaimed && s.Assistant.ID() != ""
	},
	run: func(ctx context.Context, k *Kit, s Scope, in agent.Invocation) (string, error) {
		var args struct{ Limit json.Number } // a schema accepts 2.0 as an integer, a Go int does not
		if err := json.Unmarshal(in.Arguments, &args); err != nil {
			return "", fmt.Errorf("read arguments: %w", err)
		}
		number, _ := args.Limit.Float64()
		limit := int(cmp.Or(number, defaultHistoryLimit))
		calls, err := k.History.CallsOf(ctx, s.Assistant.ID(), s.Caller, limit+1) // the present call may be among them
		if err != nil {
			return "", fault.New(fault.Unavailable, "The earlier calls cannot be read now.").Because(err)
		}
		var lines []string
		for _, c := range calls {
			if len(lines) < limit && (s.CallID == "" || c.ID != s.CallID) {
				lines = append(lines, formatCall(c, s))
			}
		}
		if len(lines) == 0 {
			return "There are no earlier calls with this caller.", nil
		}
		return strings.Join(lines, "\n"), nil
	},
}

// formatCall describes a call on one line.
func formatCall(c aurora.Call, s Scope) string {
	when := c.Day
	if at := c.StartOrEnd(); !at.IsZero() {
		when = at.In(s.Assistant.Location()).Format("Mon 2 Jan 2006, 15:04")
	}
	parts := []string{when, string(c.Disposition)}
	if c.Direction != "" {
		parts = append(parts, string(c.Direction))
	}
	if c.Seconds != nil {
		parts = append(parts, fmt.Sprintf("%.0f s", *c.Seconds))
	}
	summary := strings.Join(strings.Fields(c.Summary), " ")
	if cut := text.ClipRunes(summary, maxSummaryLength); cut != summary {
		summary = cut + "…"
	}
	return "- " + strings.Join(parts, ", ") + ": " + cmp.Or(summary, "no summary")
}
