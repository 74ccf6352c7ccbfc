package completions

import (
	"context"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/tools"
)

// fixedTools gives the same tools to every assistant.
type fixedTools []agent.Tool

func (s fixedTools) ForScope(context.Context, tools.Scope) []agent.Tool { return s }
