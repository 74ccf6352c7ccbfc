package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// ReadBody reads a request's body. It must not be empty, and its content type must be JSON or missing.
func ReadBody(r *http.Request) ([]byte, error) {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		media, params, err := mime.ParseMediaType(ct)
		charset := strings.ToLower(params["charset"])
		if err != nil || !(media == "application/json" || strings.HasSuffix(media, "+json")) || (charset != "" && charset != "utf-8") {
			return nil, fault.New(fault.UnsupportedMediaType, "The body must be application/json in UTF-8.").WithParam("Content-Type")
		}
	}
	if enc := r.Header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return nil, fault.New(fault.UnsupportedMediaType, "The body must not be compressed.").WithParam("Content-Encoding")
	}
	b, err := readAll(r.Body, r.ContentLength)
	if err != nil {
		return nil, fault.New(fault.Invalid, "The body could not be read.").Because(err)
	}
	if b = bytes.Trim(TrimBOM(b), " \t\r\n"); len(b) == 0 { // the white space of JSON (RFC 8259, section 2)
		return nil, fault.New(fault.Invalid, "The body is empty; a JSON object is expected.").WithCode("invalid_json")
	}
	return b, nil
}

// TrimBOM returns a text without the byte order mark at its start. JSON has none, but a reader may ignore it (RFC 8259, section
// 8.1).
func TrimBOM(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\ufeff")) }

// readAll is io.ReadAll with memory for a known size, so that a large body is not copied several times while it grows.
func readAll(r io.Reader, size int64) ([]byte, error) {
	b := bytes.NewBuffer(make([]byte, 0, max(size, 0)+bytes.MinRead))
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// MaxDepth is how deep JSON may nest on the chat and call routes.
const MaxDepth = 64

// ReadObject reads a request's body into v. The body must be one JSON object that nests at most MaxDepth levels.
func ReadObject(r *http.Request, v any) error {
	b, err := ReadBody(r)
	if err != nil {
		return err
	}
	return decodeObject(b, v)
}

// decodeObject is ReadObject for a body that has been read.
func decodeObject(b []byte, v any) error {
	if b[0] != '{' || !json.Valid(b) {
		return fault.New(fault.Invalid, "The body must be one JSON object.").WithCode("invalid_json")
	}
	if tooDeep(b, MaxDepth) {
		return fault.Newf(fault.Invalid, "The body nests deeper than %d levels.", MaxDepth).WithCode("invalid_json")
	}
	b = bytes.ToValidUTF8(b, []byte("\ufffd")) // encoding/json does this in strings, but not in a json.RawMessage
	if err := json.Unmarshal(b, v); err != nil {
		return typeError(err)
	}
	return nil
}

// typeError names the field that has the wrong type.
func typeError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		return fault.Newf(fault.Invalid, "%s must not be a %s.", wrong.Field, wrong.Value).WithParam(wrong.Field).Because(err)
	}
	return fault.New(fault.Invalid, "A field of the body has the wrong type.").Because(err)
}

// tooDeep reports whether valid JSON nests deeper than limit.
func tooDeep(b []byte, limit int) bool {
	depth, inString := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > limit {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
