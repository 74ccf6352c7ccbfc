package agent

import (
	"context"
	"encoding/json"
	"iter"
)

// Model is a language model.
type Model interface {
	// Stream yields the model's next message in chunks. It ends after a chunk with a FinishReason, or with an error. The
	// consumer treats an end with neither as an error.
	Stream(ctx context.Context, r ModelRequest) iter.Seq2[Chunk, error]
}

// ModelRequest is one request to a model.
type ModelRequest struct {
	Model    string
	Messages []Message
	Tools    []Tool
	// Options holds further parameters of the Chat Completions API (temperature, max_tokens, …) as a JSON object.
	Options json.RawMessage
}

// Chunk is a part of a model's message.
type Chunk struct {
	Text         string
	Refusal      string // text of a refusal
	ToolCalls    []ToolCallDelta
	FinishReason string
	Usage        *Usage
	Model        string // the server's name of the model that answers
}

// ToolCallDelta is a part of a tool call. Index says to which call of the message it belongs. It is negative if the server
// sent none; see callIndex.
type ToolCallDelta struct {
	Index               int
	ID, Name, Arguments string
}

// Usage counts tokens.
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

// The finish reasons of a message.
const (
	FinishStop          = "stop"
	FinishLength        = "length"
	FinishToolCalls     = "tool_calls"
	FinishContentFilter = "content_filter"
)
