package trace

import "time"

// The kinds of records.
const (
	KindTurn    = "turn"    // a turn of a conversation
	KindMessage = "message" // a message of a voice provider
)

// Record is what happened in one turn, or to one message. Times in milliseconds count from At.
type Record struct {
	Kind string    `json:"kind"`
	ID   Key       `json:"id"` // of the record, different for each
	At   time.Time `json:"at"` // when the request arrived
	// Calls are the ids of the call, the one under which the record is stored first.
	Calls     []Key `json:"gen_ai.conversation.id,omitempty"`
	Assistant Name  `json:"aurora.assistant.id,omitzero"`
	Version   Name  `json:"gen_ai.agent.version,omitzero"`
	RequestID Name  `json:"aurora.gateway.request_id,omitzero"` // API Gateway's id of the request; not of a worker's
	ColdStart bool  `json:"faas.coldstart,omitempty"`
	Ms        int64 `json:"aurora.duration_ms"`
	Code      Name  `json:"error.type,omitzero"`

	// AssistantSource says from where the assistant was read: cache, stale (an entry that had expired) or table.
	AssistantSource Name   `json:"aurora.assistant.source,omitzero"`
	AssistantMs     int64  `json:"aurora.assistant.read_ms,omitempty"`
	Tools           []Tool `json:"tools,omitempty"`

	Turn    *Turn    `json:"turn,omitempty"`
	Message *Message `json:"message,omitempty"`
}

// Turn is what only a turn has.
type Turn struct {
	Channel      Name      `json:"aurora.channel"`
	Outcome      Name      `json:"aurora.outcome"`
	Models       []Model   `json:"models,omitempty"`
	FirstWordMs  *int64    `json:"aurora.first_word_ms,omitempty"`
	FirstByteMs  *int64    `json:"aurora.first_byte_ms,omitempty"` // when the first words, or a filler, were sent
	FillerMs     *int64    `json:"aurora.filler_ms,omitempty"`
	IsFallback   bool      `json:"aurora.fallback,omitempty"`
	Handoffs     []Handoff `json:"handoffs,omitempty"`
	Action       Name      `json:"aurora.action,omitzero"`
	FinishReason Name      `json:"gen_ai.response.finish_reasons,omitzero"`
	CompletionID Name      `json:"gen_ai.response.id,omitzero"`

	Messages         int `json:"aurora.request.messages"`
	Characters       int `json:"aurora.request.characters"`
	AnswerCharacters int `json:"aurora.response.characters"`
	InputTokens      int `json:"gen_ai.usage.input_tokens"`
	OutputTokens     int `json:"gen_ai.usage.output_tokens"`
	CachedTokens     int `json:"gen_ai.usage.cache_read.input_tokens,omitempty"`
	ReasoningTokens  int `json:"gen_ai.usage.reasoning.output_tokens,omitempty"`
}

// Model is one request to a model.
type Model struct {
	AtMs int64 `json:"at_ms"`
	Name Name  `json:"gen_ai.request.model"`
	Host Name  `json:"server.address,omitzero"`
	// FirstChunk counts from AtMs, in seconds. It is nil if there was no chunk.
	FirstChunk *float64 `json:"gen_ai.response.time_to_first_chunk,omitempty"`
	Ms         int64    `json:"aurora.duration_ms"`
	Outcome    Name     `json:"aurora.outcome"` // answered, failed, skipped (its circuit breaker was open) or stopped
	Code       Name     `json:"error.type,omitzero"`
}

// Tool is one call of a tool.
type Tool struct {
	AtMs int64 `json:"at_ms"`
	Name Name  `json:"gen_ai.tool.name"`
	Ms   int64 `json:"aurora.duration_ms"`
	Code Name  `json:"error.type,omitzero"`
}

// Handoff is the moment at which another assistant took over.
type Handoff struct {
	AtMs int64 `json:"at_ms"`
	To   Name  `json:"gen_ai.agent.name"`
}

// Message is what only a message of a voice provider has.
type Message struct {
	Type   Name `json:"aurora.message.type"`
	Status int  `json:"http.response.status_code,omitempty"` // 200 or 201; without it the answer was the error that Code names
	// ProviderAt is the time in the message, by the provider's clock.
	ProviderAt time.Time `json:"aurora.message.time,omitzero"`
	State      Name      `json:"aurora.message.status,omitzero"` // such as started, stopped, in-progress
	Role       Name      `json:"aurora.message.role,omitzero"`   // who speaks: assistant or user
	Reason     Name      `json:"aurora.message.ended_reason,omitzero"`
}

// SlowFirstWord is how long a caller on the telephone may wait for the first word before the turn counts as a problem.
const SlowFirstWord = 2500 * time.Millisecond

// HasProblem reports whether the record says that something went wrong. Such a record is stored whatever is sampled.
func (r *Record) HasProblem() bool {
	if !r.Code.IsZero() && (r.Turn == nil || r.Turn.Outcome.s != "stopped") { // a caller who interrupts is no problem
		return true
	}
	for _, t := range r.Tools {
		if !t.Code.IsZero() {
			return true
		}
	}
	switch {
	case r.Message != nil:
		return r.Message.Type.s == "hang"
	case r.Turn != nil:
		return r.Turn.IsFallback || r.Turn.FirstWordMs != nil && *r.Turn.FirstWordMs > SlowFirstWord.Milliseconds()
	}
	return false
}
