package tools

import (
	"encoding/json"
	"sync"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/toolschema"
)

const maxCachedSchemas = 500

// validatorCache caches compiled schemas by their text. It is safe for concurrent use.
type validatorCache struct {
	mu       sync.Mutex
	compiled map[string]*toolschema.Schema
}

// validator returns a function that validates arguments against a schema. The error says why the text is not the schema of
// an object.
func (s *validatorCache) validator(text json.RawMessage) (validate func(json.RawMessage) error, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	compiled := s.compiled[string(text)]
	if compiled == nil {
		var err error
		if compiled, err = toolschema.Compile(text); err != nil {
			return nil, err
		}
		if s.compiled == nil || len(s.compiled) >= maxCachedSchemas {
			s.compiled = map[string]*toolschema.Schema{}
		}
		s.compiled[string(text)] = compiled
	}
	return compiled.Check, nil
}

// mustValidator is validator for our own schemas. If one were invalid, it would reject every call, which a test would see.
func (s *validatorCache) mustValidator(text json.RawMessage) func(json.RawMessage) error {
	validate, err := s.validator(text)
	if err != nil {
		return func(json.RawMessage) error {
			return fault.New(fault.Internal, "The tool cannot be used.").Because(err)
		}
	}
	return validate
}
