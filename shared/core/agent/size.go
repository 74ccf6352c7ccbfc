package agent

import (
	"encoding/json"
	"unicode/utf8"
)

// charactersPerToken is the usual estimate for English (https://platform.openai.com/tokenizer).
const charactersPerToken = 4

// Characters returns how many characters of content a request sends to a model: those of all messages, of the tools'
// definitions and of the parameters.
func (r *ModelRequest) Characters() int {
	n := CountCharacters(r.Messages) + countJSON(r.ToolChoice) + countJSON(r.Options)
	for i := range r.Tools {
		t := &r.Tools[i]
		n += utf8.RuneCountInString(t.Name) + utf8.RuneCountInString(t.Description) + countJSON(t.Parameters)
	}
	return n
}

// CountCharacters returns how many characters of content messages have: their texts and parts, the names of persons, the
// tool calls, and what a model's server needs back.
func CountCharacters(ms []Message) int {
	n := 0
	for i := range ms {
		m := &ms[i]
		n += utf8.RuneCountInString(m.Content) + countJSON(m.Parts) + utf8.RuneCountInString(m.Name) + utf8.RuneCountInString(m.ToolCallID) + m.Extra.characters()
		for _, c := range m.ToolCalls {
			n += utf8.RuneCountInString(c.ID) + utf8.RuneCountInString(c.Name) + utf8.RuneCountInString(c.Arguments) + c.Extra.characters() + c.FunctionExtra.characters()
		}
	}
	return n
}

// countJSON counts the characters of JSON. Nothing and an empty object have none.
func countJSON(raw json.RawMessage) int {
	if s := string(raw); s == "{}" || s == "null" {
		return 0
	}
	return utf8.RuneCount(raw)
}

func (e Extra) characters() int {
	n := 0
	for name, value := range e {
		n += utf8.RuneCountInString(name) + countJSON(value)
	}
	return n
}

// Characters returns the size of the turn's first request to its model, in characters.
func (t *Turn) Characters() int {
	r := t.newRunner(nil)
	r.modelCalls++
	request := r.modelRequest()
	return request.Characters()
}

// CodeTooLong is the code of the error for a request with too many characters.
const CodeTooLong = "conversation_too_long"

// isTooLong reports whether the next request would be longer than the turn allows.
func (r *runner) isTooLong() bool {
	request := r.modelRequest()
	return r.MaxCharacters > 0 && request.Characters() > r.MaxCharacters
}

// tokensUsed returns the tokens of a request and its answer, estimated from their characters if the server gave no figures.
func tokensUsed(u Usage, characters int) int {
	if n := max(u.TotalTokens, u.PromptTokens+u.CompletionTokens); n > 0 {
		return n
	}
	return (characters + charactersPerToken - 1) / charactersPerToken
}
