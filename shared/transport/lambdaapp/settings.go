package lambdaapp

import (
	"fmt"
	"strconv"
	"strings"
)

// GlobalVariables are the environment names that every function is given and this package reads itself.
var GlobalVariables = []string{"STAGE", "LOG_LEVEL"}

// IsLocalOnly reports whether an environment name exists on a developer's machine alone: the template never sets it.
func IsLocalOnly(name string) bool {
	return strings.HasSuffix(name, "_BASE_URL") || name == "TOOL_PRIVATE_HOSTS"
}

// Settings reads a process's environment and remembers what is wrong with it, so that all of it is told at once.
type Settings struct {
	lookup   func(string) (string, bool)
	problems []string
	warnings []string
}

// NewSettings reads from lookup, which is os.LookupEnv but in tests.
func NewSettings(lookup func(string) (string, bool)) *Settings { return &Settings{lookup: lookup} }

// Fork reads the same environment and keeps what is wrong to itself, for a part that a function can do without.
func (s *Settings) Fork() *Settings { return NewSettings(s.lookup) }

// Required returns a variable that must be set and not empty.
func (s *Settings) Required(name string) string {
	v, _ := s.lookup(name)
	if v == "" {
		s.problems = append(s.problems, name+" is not set")
	}
	return v
}

// Optional returns a variable, or the fallback where it is unset or empty.
func (s *Settings) Optional(name, fallback string) string {
	if v, _ := s.lookup(name); v != "" {
		return v
	}
	return fallback
}

// PositiveInt returns a variable that must be a whole number of at least 1, or the fallback where it is unset or empty.
func (s *Settings) PositiveInt(name string, fallback int) int {
	v, _ := s.lookup(name)
	if v == "" {
		return fallback
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		s.problems = append(s.problems, fmt.Sprintf("%s must be a whole number of at least 1, not %q", name, v))
		return fallback
	}
	return n
}

// Reject remembers that a variable's value cannot be used; a nil error is none.
func (s *Settings) Reject(name string, err error) {
	if err != nil {
		s.problems = append(s.problems, fmt.Sprintf("%s: %v", name, err))
	}
}

// Warn remembers something that a process can start with and somebody should know; Start logs it.
func (s *Settings) Warn(sentence string) { s.warnings = append(s.warnings, sentence) }

// Warnings are what Warn was told.
func (s *Settings) Warnings() []string { return s.warnings }

// Err is nil, or one error that names everything that is missing or malformed.
func (s *Settings) Err() error {
	if len(s.problems) == 0 {
		return nil
	}
	return fmt.Errorf("cannot start: %s", strings.Join(s.problems, "; "))
}
