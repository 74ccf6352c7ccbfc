package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"

	"example.com/aurora/shared/core/agent"
)

// wireEvent is an event of a stream. Its types are wider than OpenAI's, because servers that speak OpenAI's API differ.
type wireEvent struct {
	Model   any             `json:"model"`
	Choices []wireChoice    `json:"choices"`
	Usage   json.RawMessage `json:"usage"`
}

type wireChoice struct {
	Index        json.RawMessage `json:"index"`
	Delta        *wireDelta      `json:"delta"`
	Message      *wireDelta      `json:"message"` // of an answer that is not a stream
	FinishReason any             `json:"finish_reason"`
	LogProbs     json.RawMessage `json:"logprobs"`
}

type wireDelta struct {
	Content          json.RawMessage   `json:"content"`
	Refusal          any               `json:"refusal"`
	ToolCalls        []json.RawMessage `json:"tool_calls"`
	FunctionCall     json.RawMessage   `json:"function_call"` // of servers that know only the older form
	ReasoningContent json.RawMessage   `json:"reasoning_content"`
	Reasoning        json.RawMessage   `json:"reasoning"`
	ReasoningDetails json.RawMessage   `json:"reasoning_details"`
	ExtraContent     json.RawMessage   `json:"extra_content"`
}

// decodeEvent decodes an event. It may have no choices: the usage comes so, and Azure's filter results.
func decodeEvent(event []byte) (agent.Chunk, error) {
	var w wireEvent
	if err := json.Unmarshal(event, &w); err != nil {
		return agent.Chunk{}, streamError(err)
	}
	c := agent.Chunk{Usage: decodeUsage(w.Usage)}
	c.Model, _ = w.Model.(string)
	choice := firstChoice(w.Choices)
	if choice == nil {
		return c, nil
	}
	reason, _ := choice.FinishReason.(string)
	if c.FinishReason = finishReason(reason); c.FinishReason == finishError {
		return c, streamError(errors.New("finish_reason error"))
	}
	if string(choice.LogProbs) != "null" {
		c.LogProbs = choice.LogProbs
	}
	delta := choice.Delta
	if delta == nil {
		delta = choice.Message
	}
	if delta == nil {
		return c, nil
	}
	return c, delta.addTo(&c)
}

// firstChoice returns the choice with index 0, or without an index. Requests ask for one choice, and some servers send more.
func firstChoice(choices []wireChoice) *wireChoice {
	for i := range choices {
		if index := string(choices[i].Index); index == "" || index == "null" || index == "0" {
			return &choices[i]
		}
	}
	return nil
}

// addTo adds what a delta holds to a chunk.
func (d *wireDelta) addTo(c *agent.Chunk) error {
	text, thinking, err := decodeContent(d.Content)
	if err != nil {
		return streamError(err)
	}
	c.Text, c.IsThinking = text, thinking
	c.Refusal, _ = d.Refusal.(string)
	for _, raw := range d.ToolCalls {
		call, err := agent.DecodeToolCallDelta(raw)
		if err != nil {
			return streamError(err)
		}
		c.ToolCalls = append(c.ToolCalls, call)
	}
	if f := d.FunctionCall; len(f) > 0 && string(f) != "null" {
		call, err := agent.DecodeToolCallDelta(bytes.Join([][]byte{[]byte(`{"index":0,"function":`), f, []byte("}")}, nil))
		if err != nil {
			return streamError(err)
		}
		c.ToolCalls = append(c.ToolCalls, call)
	}
	for key, value := range map[string]json.RawMessage{"reasoning_content": d.ReasoningContent, "reasoning": d.Reasoning, "reasoning_details": d.ReasoningDetails, "extra_content": d.ExtraContent} {
		if v := string(value); v == "" || v == "null" || v == `""` || v == "[]" {
			continue
		}
		if c.Reasoning == nil {
			c.Reasoning = agent.Extra{}
		}
		c.Reasoning[key] = value
		c.IsThinking = c.IsThinking || key != "extra_content"
	}
	return nil
}

// decodeContent returns the text of content that is a string, or a list of parts. thinking says that a part holds what the
// model thinks, as Mistral sends it (https://docs.mistral.ai/capabilities/reasoning).
func decodeContent(raw json.RawMessage) (text string, thinking bool, err error) {
	if len(raw) == 0 || string(raw) == "null" {
		return "", false, nil
	}
	if raw[0] == '"' {
		return text, false, json.Unmarshal(raw, &text)
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if raw[0] == '{' {
		raw = bytes.Join([][]byte{[]byte("["), raw, []byte("]")}, nil)
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", false, err
	}
	var b strings.Builder
	for _, p := range parts {
		switch p.Type {
		case "", "text", "output_text":
			b.WriteString(p.Text)
		case "thinking", "reasoning":
			thinking = true
		}
	}
	return b.String(), thinking, nil
}

// decodeUsage reads the tokens. DeepSeek has a key of its own for those that were cached
// (https://api-docs.deepseek.com/guides/kv_cache).
func decodeUsage(raw json.RawMessage) *agent.Usage {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	var u struct {
		agent.Usage
		CacheHit int `json:"prompt_cache_hit_tokens"`
	}
	if json.Unmarshal(raw, &u) != nil {
		return nil // the answer matters more than its price
	}
	if u.PromptTokensDetails == nil && u.CacheHit > 0 {
		u.PromptTokensDetails = &agent.PromptTokensDetails{CachedTokens: u.CacheHit}
	}
	return &u.Usage
}

// finishError is the finish reason of routers whose server failed.
const finishError = "error"

// finishReason returns the finish reason of OpenAI that a server's reason stands for. Some servers write "null" or nothing
// for none. A reason that is not known means that the message is complete.
func finishReason(reason string) string {
	switch strings.ToLower(reason) {
	case "", "null", "none":
		return ""
	case "length", "max_tokens", "max_output_tokens", "max_new_tokens", "model_length", "token_limit":
		return agent.FinishLength
	case "tool_calls", "tool_call", "tool_use", "function_call", "function_calls":
		return agent.FinishToolCalls
	case "content_filter", "content_filtered", "safety", "recitation", "blocklist", "prohibited_content", "spii", "image_safety", "refusal", "guardrail_intervened":
		return agent.FinishContentFilter
	case "error", "network_error", "malformed_function_call", "engine_error", "insufficient_system_resource":
		return finishError
	}
	return agent.FinishStop
}
