package agent

import (
	"context"
	"encoding/json"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Tool is a function that a model may ask for.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema of an object; empty takes no arguments
	Strict      bool

	// Run runs the tool. A tool without it is the caller's own: its calls are handed back. An error never ends the turn:
	// the model receives the message of a fault, or a general sentence.
	Run func(ctx context.Context, in Invocation) (ToolResult, error)
	// Validate returns what is wrong with arguments, which are a JSON object. Its message is for the model. nil accepts
	// everything.
	Validate func(arguments json.RawMessage) error
	// Timeout is how long a call may take; 0 is 5 s.
	Timeout time.Duration
	// Filler is said to a caller on the phone while the call takes long; empty for the assistant's own.
	Filler string
}

// Invocation is one call of a tool.
type Invocation struct {
	ID        string
	Arguments json.RawMessage // a JSON object that passed Check
	// Occurrence counts the calls of the same tool with the same arguments in this turn, from 0.
	Occurrence int
	// Context are the conversation's variables, a copy for this call.
	Variables map[string]any
}

// ToolResult is what a tool did.
type ToolResult struct {
	Content string // told to the model
	// Handoff is the agent that goes on.
	Handoff *Agent
	// Context is merged into the conversation's variables.
	Variables map[string]any
	// Action is for the voice server, once the last words were spoken.
	Action *aurora.Action
}

// DefaultToolTimeout is the timeout of a tool that sets none.
const DefaultToolTimeout = 5 * time.Second

const (
	defaultMaxTurns        = 10  // model calls of a turn, where Turn.MaxTurns is 0
	maxToolCallsPerMessage = 128 // whatever index a server sends
)
