package openai

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
	api "github.com/sashabaranov/go-openai"

	"example.com/aurora/shared/core/agent"
)

// eventDecoder reads the events of one stream.
type eventDecoder struct {
	event   bytes.Reader
	decoder *jsontext.Decoder
	model   string // as it stood in the event before, and in most of a stream
}

// decode reads an event. Almost all of them bring a piece of text and nothing else: those are read token by token, and
// every other one into go-openai's types, which takes three times as long.
func (r *eventDecoder) decode(event []byte) (agent.Chunk, error) {
	if c, ok := r.decodeText(event); ok {
		return c, nil
	}
	var piece api.ChatCompletionStreamResponse
	if err := json.Unmarshal(event, &piece); err != nil {
		return agent.Chunk{}, streamError(err)
	}
	return convertChunk(&piece)
}

// decodeText reads an event that brings text, the role, or the reason for the end. It is not ok for one with anything else of
// meaning, or with a key that it does not know: a server may write them in another case, and encoding/json would
// mind.
func (r *eventDecoder) decodeText(event []byte) (c agent.Chunk, ok bool) {
	r.event.Reset(event)
	if r.decoder == nil {
		r.decoder = jsontext.NewDecoder(&r.event, jsontext.AllowDuplicateNames(true)) // the last counts, as in encoding/json
	} else {
		r.decoder.Reset(&r.event)
	}
	ok = r.readObject(func(name jsontext.Value) bool {
		switch string(name) {
		case `"model"`:
			ok := r.readString(&r.model)
			c.Model = r.model
			return ok
		case `"choices"`:
			return r.decodeChoices(&c)
		case `"usage"`:
			return r.skipNull()
		case `"id"`, `"object"`, `"system_fingerprint"`, `"service_tier"`, `"obfuscation"`:
			return r.skipScalar('"')
		case `"created"`:
			return r.skipScalar('0')
		}
		return false
	})
	// More after the object is for encoding/json to refuse.
	return c, ok && r.decoder.InputOffset() == int64(len(event)) && c.FinishReason != "error"
}

// decodeChoices reads the first and only one.
func (r *eventDecoder) decodeChoices(c *agent.Chunk) bool {
	if r.decoder.PeekKind() != '[' || r.skipToken() || r.decoder.PeekKind() != '{' {
		return false
	}
	read := r.readObject(func(name jsontext.Value) bool {
		switch string(name) {
		case `"delta"`:
			return r.readObject(func(name jsontext.Value) bool {
				switch string(name) {
				case `"content"`:
					return r.skipNull() || r.readString(&c.Text)
				case `"refusal"`, `"tool_calls"`, `"function_call"`:
					return r.skipNull()
				case `"role"`:
					return r.skipScalar('"')
				}
				return false
			})
		case `"finish_reason"`:
			return r.skipNull() || r.readString(&c.FinishReason)
		case `"logprobs"`:
			return r.skipNull()
		case `"index"`:
			return r.skipScalar('0')
		}
		return false
	})
	return read && r.decoder.PeekKind() == ']' && !r.skipToken()
}

// readObject reads an object, its values by the function. It is false as soon as that is, or where there is no object.
func (r *eventDecoder) readObject(value func(quotedName jsontext.Value) bool) bool {
	if r.decoder.PeekKind() != '{' || r.skipToken() {
		return false
	}
	for r.decoder.PeekKind() == '"' {
		name, err := r.decoder.ReadValue()
		if err != nil || !value(name) {
			return false
		}
	}
	return r.decoder.PeekKind() == '}' && !r.skipToken()
}

// skipToken passes over a token and reports whether that failed.
func (r *eventDecoder) skipToken() bool {
	_, err := r.decoder.ReadToken()
	return err != nil
}

func (r *eventDecoder) skipNull() bool { return r.decoder.PeekKind() == 'n' && !r.skipToken() }

// skipScalar passes over a string, a whole number or null.
func (r *eventDecoder) skipScalar(kind jsontext.Kind) bool {
	if r.skipNull() {
		return true
	}
	if r.decoder.PeekKind() != kind {
		return false
	}
	raw, err := r.decoder.ReadValue()
	return err == nil && (kind == '"' || len(raw) < 19 && bytes.IndexFunc(raw, func(c rune) bool { return c < '0' || c > '9' }) < 0)
}

func (r *eventDecoder) readString(to *string) bool {
	if r.decoder.PeekKind() != '"' {
		return false
	}
	raw, err := r.decoder.ReadValue()
	if err != nil {
		return false
	}
	inside := raw[1 : len(raw)-1]
	if bytes.IndexByte(inside, '\\') >= 0 {
		said, err := jsontext.AppendUnquote(nil, raw)
		*to = string(said)
		return err == nil
	}
	if string(inside) != *to {
		*to = string(inside)
	}
	return true
}
