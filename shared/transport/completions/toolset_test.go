package completions

import (
	"context"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/tools"
)

// toolset is the tools of every session.
type toolset []agent.Tool

func (s toolset) For(context.Context, tools.Session) []agent.Tool { return s }
