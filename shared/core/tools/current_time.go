package tools

import (
	"context"
	_ "embed"

	"example.com/aurora/shared/core/agent"
)

//go:embed get_current_time.md
var currentTimePrompt string

var currentTime = builtin{
	name: "get_current_time", description: currentTimePrompt, parameters: fixed(nothing), anybody: true,
	offered: func(k *Kit, _ Session) bool { return k.Now != nil },
	call: func(_ context.Context, k *Kit, s Session, _ agent.Call) (string, error) {
		zone := s.Assistant.Location()
		return k.Now().In(zone).Format("Monday, 2 January 2006, 15:04") + " (" + zone.String() + k.Now().In(zone).Format(", UTC-07:00)"), nil
	},
}
