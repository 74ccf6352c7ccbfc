package openai

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/agent"
)

// eventDecoder decodes the events of one stream.
type eventDecoder struct {
	event   bytes.Reader
	decoder *jsontext.Decoder
	model   string // of the previous event: most events repeat it, and then it needs no new string
}

// decode decodes an event. Almost all events hold a piece of text and nothing else; those are read token by token. All others
// take longer.
func (r *eventDecoder) decode(event []byte) (agent.Chunk, error) {
	if c, ok := r.decodeText(event); ok {
		return c, nil
	}
	return decodeEvent(event)
}

// decodeText decodes an event that holds text, the role or the finish reason. ok is false if there is anything else in it that
// is not null, or a key that encoding/json, which ignores the case of keys, may take for a known one.
func (r *eventDecoder) decodeText(event []byte) (c agent.Chunk, ok bool) {
	r.event.Reset(event)
	if r.decoder == nil {
		r.decoder = jsontext.NewDecoder(&r.event, jsontext.AllowDuplicateNames(true)) // the last one wins, as in encoding/json
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
		return isPlain(name) && r.skipNull()
	})
	// If anything follows the object, encoding/json must report it.
	return c, ok && r.decoder.InputOffset() == int64(len(event))
}

// decodeChoices decodes a list of exactly one choice.
func (r *eventDecoder) decodeChoices(c *agent.Chunk) bool {
	if r.decoder.PeekKind() != '[' || !r.skipToken() || r.decoder.PeekKind() != '{' {
		return false
	}
	read := r.readObject(func(name jsontext.Value) bool {
		switch string(name) {
		case `"delta"`:
			return r.readObject(func(name jsontext.Value) bool {
				switch string(name) {
				case `"content"`:
					return r.skipNull() || r.readString(&c.Text)
				case `"role"`:
					return r.skipScalar('"')
				}
				return isPlain(name) && r.skipNull()
			})
		case `"finish_reason"`:
			if r.skipNull() {
				return true
			}
			reason := ""
			ok := r.readString(&reason)
			c.FinishReason = finishReason(reason)
			return ok && c.FinishReason != finishError
		case `"index"`:
			return r.skipZero()
		}
		return isPlain(name) && r.skipNull()
	})
	return read && r.decoder.PeekKind() == ']' && r.skipToken()
}

// isPlain reports whether a key has lower-case letters and underscores only. Then encoding/json takes it for no other key.
func isPlain(quotedName jsontext.Value) bool {
	for _, c := range quotedName[1 : len(quotedName)-1] {
		if c != '_' && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// readObject reads an object and calls value for each key. It returns false if value does, or if there is no object.
func (r *eventDecoder) readObject(value func(quotedName jsontext.Value) bool) bool {
	if r.decoder.PeekKind() != '{' || !r.skipToken() {
		return false
	}
	for r.decoder.PeekKind() == '"' {
		name, err := r.decoder.ReadValue()
		if err != nil || !value(name) {
			return false
		}
	}
	return r.decoder.PeekKind() == '}' && r.skipToken()
}

// skipToken skips a token. It returns false if there is none.
func (r *eventDecoder) skipToken() bool {
	_, err := r.decoder.ReadToken()
	return err == nil
}

// skipZero skips the number 0, or null.
func (r *eventDecoder) skipZero() bool {
	if r.skipNull() {
		return true
	}
	raw, err := r.decoder.ReadValue()
	return err == nil && string(raw) == "0"
}

func (r *eventDecoder) skipNull() bool { return r.decoder.PeekKind() == 'n' && r.skipToken() }

// skipScalar skips null, or a scalar of this kind: a string or a whole number.
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
		unquoted, err := jsontext.AppendUnquote(nil, raw)
		*to = string(unquoted)
		return err == nil
	}
	if string(inside) != *to {
		*to = string(inside)
	}
	return true
}
