package completions

import (
	"context"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/tools"
)

// fixedTools is the tools of every session.
type fixedTools []agent.Tool

func (s fixedTools) ForScope(context.Context, tools.Scope) []agent.Tool { return s }
