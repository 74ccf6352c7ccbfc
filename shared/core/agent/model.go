package agent

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// Model is a language model.
type Model interface {
	// Stream yields the model's next message in chunks. It ends after a chunk with FinishReason or Ended, or with an error.
	// The consumer treats an end with neither as an error.
	Stream(ctx context.Context, r ModelRequest) iter.Seq2[Chunk, error]
}

// ModelRequest is one request to a model.
type ModelRequest struct {
	Model    string
	Messages []Message
	Tools    []Tool
	// Options holds further parameters of the Chat Completions API (temperature, max_tokens, …) as a JSON object.
	Options json.RawMessage
	// CacheKey is the same for requests that begin with the same prompt and tools. OpenAI sends such requests to the same
	// machine, which has the beginning in its cache. "" means none.
	CacheKey string
	// ToolChoice is the parameter tool_choice. nil means none.
	ToolChoice json.RawMessage
	// FirstTokenTimeout is how long the model may take to its first token. 0 means the limit of the model.
	FirstTokenTimeout time.Duration
	// WaitWhileThinking says that a model may think longer than that, as long as it sends what it thinks.
	WaitWhileThinking bool
}

// Chunk is a part of a model's message.
type Chunk struct {
	Text         string
	Refusal      string // text of a refusal
	ToolCalls    []ToolCallDelta
	FinishReason string // one of the finish reasons below
	Usage        *Usage
	Model        string // the server's name of the model that answers
	// IsThinking says that the chunk holds only reasoning, which is not part of the answer.
	IsThinking bool
	// Reasoning holds what the model thinks, by the key under which its server sent it. See Message.Extra.
	Reasoning Extra
	// LogProbs are the log probabilities of the chunk's tokens, as the server sent them.
	LogProbs json.RawMessage
	// Ended says that the server marked the end of its stream. It matters if there was no finish reason.
	Ended bool
}

// ToolCallDelta is a part of a tool call. Index says to which call of the message it belongs. It is negative if the server
// sent none.
type ToolCallDelta struct {
	Index                int
	ID, Name, Arguments  string
	Extra, FunctionExtra Extra
}

// Usage counts tokens.
type Usage struct {
	PromptTokens     int `json:"prompt_tokens"`
	CompletionTokens int `json:"completion_tokens"`
	TotalTokens      int `json:"total_tokens"`
	// The details are nil if the server sent none.
	PromptTokensDetails     *PromptTokensDetails     `json:"prompt_tokens_details,omitempty"`
	CompletionTokensDetails *CompletionTokensDetails `json:"completion_tokens_details,omitempty"`
}

// PromptTokensDetails says which of the prompt's tokens cost less or more than others.
type PromptTokensDetails struct {
	CachedTokens int `json:"cached_tokens"`
	AudioTokens  int `json:"audio_tokens"`
}

// CompletionTokensDetails says what the completion's tokens were used for.
type CompletionTokensDetails struct {
	ReasoningTokens          int `json:"reasoning_tokens"`
	AudioTokens              int `json:"audio_tokens"`
	AcceptedPredictionTokens int `json:"accepted_prediction_tokens"`
	RejectedPredictionTokens int `json:"rejected_prediction_tokens"`
}

func (u *Usage) add(more Usage) {
	u.PromptTokens += more.PromptTokens
	u.CompletionTokens += more.CompletionTokens
	u.TotalTokens += more.TotalTokens
	if d := more.PromptTokensDetails; d != nil {
		sum := PromptTokensDetails{}
		if u.PromptTokensDetails != nil {
			sum = *u.PromptTokensDetails
		}
		sum.CachedTokens += d.CachedTokens
		sum.AudioTokens += d.AudioTokens
		u.PromptTokensDetails = &sum
	}
	if d := more.CompletionTokensDetails; d != nil {
		sum := CompletionTokensDetails{}
		if u.CompletionTokensDetails != nil {
			sum = *u.CompletionTokensDetails
		}
		sum.ReasoningTokens += d.ReasoningTokens
		sum.AudioTokens += d.AudioTokens
		sum.AcceptedPredictionTokens += d.AcceptedPredictionTokens
		sum.RejectedPredictionTokens += d.RejectedPredictionTokens
		u.CompletionTokensDetails = &sum
	}
}

// The finish reasons of a message.
const (
	FinishStop          = "stop"
	FinishLength        = "length"
	FinishToolCalls     = "tool_calls"
	FinishContentFilter = "content_filter"
)
