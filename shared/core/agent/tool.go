package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"example.com/aurora/shared/core/aurora"
)

// Tool is a function that a model may ask for.
type Tool struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema of an object; empty takes no arguments
	Strict      bool

	// Call runs the tool. A tool without it is the caller's own: its calls are handed back. An error is told to the
	// model as its sentence, and never ends the turn.
	Run func(ctx context.Context, in Invocation) (ToolResult, error)
	// Check says what is wrong with arguments that are a JSON object; nil accepts all. Its sentence is for the model.
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

// DefaultToolTimeout is how long a tool may take that says nothing of it.
const DefaultToolTimeout = 5 * time.Second

const (
	defaultMaxTurns        = 10  // of the model, where Turn says nothing
	maxToolCallsPerTurn    = 20  // of a turn
	maxToolCallsPerMessage = 128 // of one message, whatever index a server claims
)

// The answers of the loop itself to a model's call, in Swarm's manner.
func unknownToolMessage(name string) string { return fmt.Sprintf("Error: Tool %s not found.", name) }

const (
	badArgumentsMessage = "Error: The arguments are not a JSON object."
	failedToolMessage   = "Error: The tool failed."
	lateToolMessage     = "Error: The tool did not answer in time."
	tooManyCallsMessage = "Error: Too many tools were asked for."
)
