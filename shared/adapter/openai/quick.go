package openai

import (
	"bytes"
	"encoding/json"

	"github.com/go-json-experiment/json/jsontext"
	api "github.com/sashabaranov/go-openai"

	"example.com/aurora/shared/core/agent"
)

// reader reads the events of one stream.
type reader struct {
	event   bytes.Reader
	decoder *jsontext.Decoder
	model   string // as it stood in the event before, and in most of a stream
}

// chunk reads an event. Almost all of them bring a piece of text and nothing else: those are read token by token, and
// every other one into go-openai's types, which takes three times as long.
func (r *reader) chunk(event []byte) (agent.Chunk, error) {
	if c, ok := r.text(event); ok {
		return c, nil
	}
	var piece api.ChatCompletionStreamResponse
	if err := json.Unmarshal(event, &piece); err != nil {
		return agent.Chunk{}, broken(err)
	}
	return chunkOf(&piece)
}

// text reads an event that brings text, the role, or the reason for the end. It is not ok for one with anything else of
// meaning, or with a key that it does not know: a server may write them in another case, and encoding/json would
// mind.
func (r *reader) text(event []byte) (c agent.Chunk, ok bool) {
	r.event.Reset(event)
	if r.decoder == nil {
		r.decoder = jsontext.NewDecoder(&r.event, jsontext.AllowDuplicateNames(true)) // the last counts, as in encoding/json
	} else {
		r.decoder.Reset(&r.event)
	}
	ok = r.object(func(name jsontext.Value) bool {
		switch string(name) {
		case `"model"`:
			ok := r.string(&r.model)
			c.Model = r.model
			return ok
		case `"choices"`:
			return r.choices(&c)
		case `"usage"`:
			return r.null()
		case `"id"`, `"object"`, `"system_fingerprint"`, `"service_tier"`, `"obfuscation"`:
			return r.scalar('"')
		case `"created"`:
			return r.scalar('0')
		}
		return false
	})
	// More after the object is for encoding/json to refuse.
	return c, ok && r.decoder.InputOffset() == int64(len(event)) && c.FinishReason != "error"
}

// choices reads the first and only one.
func (r *reader) choices(c *agent.Chunk) bool {
	if r.decoder.PeekKind() != '[' || r.skip() || r.decoder.PeekKind() != '{' {
		return false
	}
	read := r.object(func(name jsontext.Value) bool {
		switch string(name) {
		case `"delta"`:
			return r.object(func(name jsontext.Value) bool {
				switch string(name) {
				case `"content"`:
					return r.null() || r.string(&c.Text)
				case `"refusal"`, `"tool_calls"`, `"function_call"`:
					return r.null()
				case `"role"`:
					return r.scalar('"')
				}
				return false
			})
		case `"finish_reason"`:
			return r.null() || r.string(&c.FinishReason)
		case `"logprobs"`:
			return r.null()
		case `"index"`:
			return r.scalar('0')
		}
		return false
	})
	return read && r.decoder.PeekKind() == ']' && !r.skip()
}

// object reads an object, its values by the function. It is false as soon as that is, or where there is no object.
func (r *reader) object(value func(quotedName jsontext.Value) bool) bool {
	if r.decoder.PeekKind() != '{' || r.skip() {
		return false
	}
	for r.decoder.PeekKind() == '"' {
		name, err := r.decoder.ReadValue()
		if err != nil || !value(name) {
			return false
		}
	}
	return r.decoder.PeekKind() == '}' && !r.skip()
}

// skip passes over a token and reports whether that failed.
func (r *reader) skip() bool {
	_, err := r.decoder.ReadToken()
	return err != nil
}

func (r *reader) null() bool { return r.decoder.PeekKind() == 'n' && !r.skip() }

// scalar passes over a string, a whole number or null.
func (r *reader) scalar(kind jsontext.Kind) bool {
	if r.null() {
		return true
	}
	if r.decoder.PeekKind() != kind {
		return false
	}
	raw, err := r.decoder.ReadValue()
	return err == nil && (kind == '"' || len(raw) < 19 && bytes.IndexFunc(raw, func(c rune) bool { return c < '0' || c > '9' }) < 0)
}

func (r *reader) string(to *string) bool {
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
