package toolschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// MaxBytes is the longest that a schema may be.
const MaxBytes = 32 << 10

const (
	maxDepth     = 32        // of arguments: a schema that refers to itself is followed down to there, and may branch
	mostSteps    = 2_000_000 // of one check, since a schema that branches may need endlessly many
	complaintEnd = 240       // bytes of a sentence about an argument
)

// Schema is a compiled JSON Schema of an object. It may be used by several goroutines at once.
type Schema struct{ root *node }

// Compile reads a JSON Schema that describes an object. Nothing is loaded from elsewhere.
func Compile(text json.RawMessage) (s *Schema, err error) {
	defer func() {
		if p := recover(); p != nil { // a stranger's schema must not end a turn
			s, err = nil, fmt.Errorf("panic: %v", p)
		}
	}()
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("the schema has %d bytes; %d is the most", len(text), MaxBytes)
	}
	document, err := read(text)
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, errors.New("not an object")
	}
	if of, ok := object["type"]; ok && of != "object" {
		return nil, fmt.Errorf("its type must be object, not %v", of)
	}
	if at := huge(document, ""); at != "" {
		return nil, fmt.Errorf("the number at %s is out of range", at)
	}
	p, err := newParser(object)
	if err != nil {
		return nil, err
	}
	root, err := p.document()
	if err != nil {
		return nil, err
	}
	return &Schema{root}, nil
}

// Check says in one sentence, which names the field, what is wrong with arguments. What it returns is a fault.
func (s *Schema) Check(arguments json.RawMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Invalid, "The arguments cannot be checked.").Because(fmt.Errorf("panic: %v", p))
		}
	}()
	v, err := read(arguments)
	if err != nil {
		return fault.New(fault.Invalid, "The arguments are not a JSON object.").Because(err)
	}
	if _, ok := v.(map[string]any); !ok {
		return fault.New(fault.Invalid, "The arguments are not a JSON object.")
	}
	if deep(v, maxDepth) {
		return fault.New(fault.Invalid, "The arguments are nested too deep.")
	}
	if at := huge(v, ""); at != "" {
		return fault.Newf(fault.Invalid, "%s: the number is out of range.", clip(at, complaintEnd)).WithParam(at)
	}
	if c := (&run{}).check(s.root, v); c != nil {
		return c.fault()
	}
	return nil
}

// complaint is what is wrong with one value. It does not repeat it where it is a text: what a caller said is none of a
// log's business.
type complaint struct{ field, why string }

func (c *complaint) fault() *fault.Error {
	field := c.field
	if field == "" {
		field = "the arguments"
	}
	sentence := strings.Join(strings.Fields(strings.ToValidUTF8(field+": "+c.why, "")), " ")
	return fault.New(fault.Invalid, clip(sentence, complaintEnd)+".").WithCode("invalid_arguments").WithParam(clip(field, complaintEnd))
}

// read reads one JSON value and nothing behind it, with its numbers as they are written.
func read(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the value")
	}
	return v, nil
}

// clip cuts text to at most n bytes, between characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

func join(parent, field string) string {
	if parent == "" {
		return field
	}
	return parent + "." + field
}
