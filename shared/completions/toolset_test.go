package completions

import (
	"context"

	"aurora/shared/swarm"
	agenttools "aurora/shared/tools"
)

// toolset is the tools of every session.
type toolset []swarm.Tool

func (s toolset) For(context.Context, agenttools.Session) []swarm.Tool { return s }
