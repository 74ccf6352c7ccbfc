package agent

import (
	"context"
	"encoding/json"
	"iter"
)

// Model is something that continues a conversation.
type Model interface {
	// Stream yields a message piece by piece. It ends with an error, or after a Chunk with a FinishReason; an end with
	// neither is for the loop to call a failure.
	Stream(ctx context.Context, r ModelRequest) iter.Seq2[Chunk, error]
}

// ModelRequest is what a model is asked.
type ModelRequest struct {
	Model    string
	Messages []Message
	Tools    []Tool
	// Options are further parameters of the Chat Completions API (temperature, max_tokens, …) as a JSON object.
	Options json.RawMessage
}

// Chunk is a piece of a model's message.
type Chunk struct {
	Text         string
	Refusal      string // the model's words when it refuses
	ToolCalls    []ToolCallDelta
	FinishReason string
	Usage        *Usage
	Model        string // the model that answers, as the server names it
}

// ToolCallDelta is a piece of a tool call. Index says which call it belongs to; negative where the server did not say, and
// then its place in the chunk does.
type ToolCallDelta struct {
	Index               int
	ID, Name, Arguments string
}

// Usage is what a turn cost in tokens.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
}

func (u *Usage) add(more Usage) {
	u.PromptTokens += more.PromptTokens
	u.CompletionTokens += more.CompletionTokens
	u.TotalTokens += more.TotalTokens
}

// The reasons for which a message ends.
const (
	FinishStop          = "stop"
	FinishLength        = "length"
	FinishToolCalls     = "tool_calls"
	FinishContentFilter = "content_filter"
)
