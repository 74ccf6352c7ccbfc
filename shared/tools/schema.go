package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"aurora/shared/fault"
)

const (
	maxSchema    = 32 << 10 // bytes of one tool's parameters
	mostSchemas  = 500      // compiled ones that are kept
	maxExponent  = 308      // of a number, as a double has
	maxDigits    = 400
	maxDepth     = 32  // of arguments: a schema that refers to itself is followed down to there, and may branch
	complaintEnd = 240 // bytes of a sentence about an argument
)

// schemas keeps compiled schemas by their text.
type schemas struct {
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

// check returns a check of arguments against a schema, or why it is no schema of an object.
func (s *schemas) check(text json.RawMessage) (func(json.RawMessage) error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	schema := s.compiled[string(text)]
	if schema == nil {
		var err error
		if schema, err = compile(text); err != nil {
			return nil, err
		}
		if s.compiled == nil || len(s.compiled) >= mostSchemas {
			s.compiled = map[string]*jsonschema.Schema{}
		}
		s.compiled[string(text)] = schema
	}
	return func(arguments json.RawMessage) error { return validate(schema, arguments) }, nil
}

// must is check for schemas of ours. One that is none refuses every call, which a test would see.
func (s *schemas) must(text json.RawMessage) func(json.RawMessage) error {
	check, err := s.check(text)
	if err != nil {
		return func(json.RawMessage) error {
			return fault.New(fault.Internal, "The tool cannot be used.").Because(err)
		}
	}
	return check
}

// compile reads a JSON Schema that describes an object. Nothing is loaded from elsewhere.
func compile(text json.RawMessage) (schema *jsonschema.Schema, err error) {
	defer func() {
		if p := recover(); p != nil { // a stranger's schema must not end a turn
			schema, err = nil, panicked(p)
		}
	}()
	if len(text) > maxSchema {
		return nil, fmt.Errorf("the schema has %d bytes; %d is the most", len(text), maxSchema)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
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
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	const name = "tool:parameters"
	if err := c.AddResource(name, document); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

// validate says in one sentence, which names the field, what is wrong with arguments.
func validate(schema *jsonschema.Schema, arguments json.RawMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Invalid, "The arguments cannot be checked.").Because(panicked(p))
		}
	}()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(arguments))
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
		return fault.Newf(fault.Invalid, "%s: the number is out of range.", clip(at, complaintEnd)).In(at)
	}
	err = schema.Validate(v)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return fault.New(fault.Invalid, "The arguments do not match the tool's schema.").Because(err)
	}
	return complaint(invalid)
}

// complaint is the first thing that is wrong. It does not repeat values: what a caller said is none of a log's business.
func complaint(e *jsonschema.ValidationError) *fault.Error {
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	field := strings.Join(e.InstanceLocation, ".")
	var why string
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		field, why = join(field, k.Missing[0]), "is missing"
	case *kind.AdditionalProperties:
		field, why = join(field, k.Properties[0]), "is not a parameter of this tool"
	case *kind.Pattern:
		why = "must match " + k.Want
	case *kind.Type:
		why = "must be " + strings.Join(k.Want, " or ") + ", not " + k.Got
	case *kind.Enum:
		why = "must be one of " + choices(k.Want)
	default:
		why = e.ErrorKind.LocalizedString(message.NewPrinter(language.English))
	}
	if field == "" {
		field = "the arguments"
	}
	sentence := strings.Join(strings.Fields(strings.ToValidUTF8(field+": "+why, "")), " ")
	return fault.New(fault.Invalid, clip(sentence, complaintEnd)+".").Coded("invalid_arguments").In(clip(field, complaintEnd))
}

func choices(of []any) string {
	b, err := json.Marshal(of)
	if err != nil {
		return "the listed values"
	}
	return strings.Trim(strings.ReplaceAll(string(b), `","`, `", "`), "[]")
}

func join(parent, field string) string {
	if parent == "" {
		return field
	}
	return parent + "." + field
}

// deep reports whether a value has more levels than these.
func deep(v any, levels int) bool {
	switch v := v.(type) {
	case map[string]any:
		for _, inner := range v {
			if levels == 0 || deep(inner, levels-1) {
				return true
			}
		}
	case []any:
		for _, inner := range v {
			if levels == 0 || deep(inner, levels-1) {
				return true
			}
		}
	}
	return false
}

// huge names the first number that a double cannot hold: the library would write it out with all its digits.
func huge(v any, at string) string {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if found := huge(inner, join(at, name)); found != "" {
				return found
			}
		}
	case []any:
		for i, inner := range v {
			if found := huge(inner, join(at, strconv.Itoa(i))); found != "" {
				return found
			}
		}
	case json.Number:
		text := v.String()
		if i := strings.IndexAny(text, "eE"); i >= 0 {
			if n, err := strconv.Atoi(text[i+1:]); err != nil || n > maxExponent || n < -maxExponent {
				return orWhole(at)
			}
		}
		if len(text) > maxDigits {
			return orWhole(at)
		}
	}
	return ""
}

func orWhole(at string) string {
	if at == "" {
		return "the arguments"
	}
	return at
}

// clip cuts text to at most n bytes, between characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// panicked is what a panic said, as an error.
func panicked(p any) error { return fmt.Errorf("panic: %v", p) }
