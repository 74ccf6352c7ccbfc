package agent

import (
	"context"
	"encoding/json"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Tool is a function that a model may call.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema of an object; empty means no arguments
	Strict      bool

	// Run runs the tool. A tool without it is the caller's own: its calls are handed back. An error never ends the turn:
	// the model receives the message of a fault, or a general sentence.
	Run func(ctx context.Context, in Invocation) (ToolResult, error)
	// Validate returns what is wrong with arguments, which are a JSON object. Its message is for the model. nil accepts
	// everything.
	Validate func(arguments json.RawMessage) error
	Timeout  time.Duration // of one call; 0 means DefaultToolTimeout
	// Filler is spoken to a caller on the telephone while the tool takes long. Empty means the assistant's own filler.
	Filler string
}

// Invocation is one call of a tool.
type Invocation struct {
	ID        string
	Arguments json.RawMessage // a JSON object in canonical form that passed Validate
	// Occurrence numbers the calls of the same tool with the same arguments in this turn, from 0.
	Occurrence int
	Variables  map[string]any // a copy of the conversation's variables
}

// ToolResult is the result of a tool.
type ToolResult struct {
	Content   string         // for the model
	Handoff   *Agent         // if set, the agent that continues the conversation
	Variables map[string]any // merged into the conversation's variables
	Action    *aurora.Action // if set, what the voice server must do after the last words
}

// DefaultToolTimeout is the timeout of a tool that sets none.
const DefaultToolTimeout = 5 * time.Second

const (
	maxModelCalls          = 25  // in a turn
	maxToolCallsPerMessage = 128 // whatever index a server sends
)
