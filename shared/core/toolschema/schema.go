package toolschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/text"
)

// MaxBytes is the maximum length of a schema.
const MaxBytes = 32 << 10

const (
	maxDepth   = 32      // of arguments
	maxSteps   = 500_000 // of one validation: a schema of 32 KB can branch into more paths than there is time for
	maxMessage = 240     // bytes of an error message
)

// Schema is a compiled JSON Schema of an object. It is safe for concurrent use.
type Schema struct{ root *node }

// Compile reads a JSON Schema that describes an object. It never loads anything. It returns an error, which names the
// place in the schema, for a malformed keyword, a $ref that leads outside the document or to itself without consuming
// input, and a schema that is too large.
func Compile(text json.RawMessage) (*Schema, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("the schema has %d bytes; the maximum is %d", len(text), MaxBytes)
	}
	document, err := decode(text)
	if err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, errors.New("not an object")
	}
	if t, ok := object["type"]; ok && t != "object" {
		return nil, fmt.Errorf("its type must be object, not %v", t)
	}
	if path := outOfRange(document, ""); path != "" {
		return nil, fmt.Errorf("the number at %s is out of range", path)
	}
	if err := checkReferences(document); err != nil {
		return nil, err
	}
	c := compiler{document: object, nodes: map[string]*node{}}
	root := c.compile(object, "")
	if c.err == nil {
		c.checkLoops()
		c.spreadIncomplete()
	}
	if c.err != nil {
		return nil, c.err
	}
	return &Schema{root}, nil
}

// Check validates arguments. The error is a *fault.Error of kind Invalid whose Param is the path of the first wrong
// field, such as who.tags.1. Its message does not repeat the value, which may be what a caller said.
func (s *Schema) Check(arguments json.RawMessage) error {
	v, err := decode(arguments)
	if err != nil {
		return fault.New(fault.Invalid, "The arguments are not a JSON object.").Because(err)
	}
	if _, ok := v.(map[string]any); !ok {
		return fault.New(fault.Invalid, "The arguments are not a JSON object.")
	}
	if deeper(v, maxDepth) {
		return fault.New(fault.Invalid, "The arguments are nested too deep.")
	}
	if path := outOfRange(v, ""); path != "" {
		return fault.Newf(fault.Invalid, "%s: the number is out of range.", text.Clip(path, maxMessage)).WithParam(path)
	}
	c := validation{}
	p := c.validate(s.root, v, nil)
	if c.steps > maxSteps { // a branch of anyOf may have hidden it
		p = &problem{message: "takes too long to check"}
	}
	if p == nil {
		return nil
	}
	field := p.path
	if field == "" {
		field = "the arguments"
	}
	sentence := strings.Join(strings.Fields(strings.ToValidUTF8(field+": "+p.message, "")), " ")
	return fault.New(fault.Invalid, text.Clip(sentence, maxMessage)+".").WithCode("invalid_arguments").WithParam(text.Clip(field, maxMessage))
}

// decode reads exactly one JSON value, numbers as they are written.
func decode(text []byte) (v any, err error) {
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
