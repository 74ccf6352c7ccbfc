package tools

import (
	"context"
	_ "embed"

	"example.com/aurora/shared/core/agent"
)

//go:embed get_current_time.md
var currentTimePrompt string

var currentTime = builtin{
	name: "get_current_time", description: currentTimePrompt, parameters: fixedSchema(noParameters), allowUnstored: true,
	isAvailable: func(k *Kit, _ Scope) bool { return k.Now != nil },
	run: func(_ context.Context, k *Kit, s Scope, _ agent.Invocation) (string, error) {
		zone := s.Assistant.Location()
		return k.Now().In(zone).Format("Monday, 2 January 2006, 15:04") + " (" + zone.String() + k.Now().In(zone).Format(", UTC-07:00)"), nil
	},
}
