package lambdaapp

import (
	"fmt"
	"strconv"
	"strings"
)

// GlobalVariables are the environment variables that the template sets for every function. This package reads them.
var GlobalVariables = []string{"STAGE", "LOG_LEVEL"}

// IsLocalOnly reports whether an environment variable is for development machines only. The template never sets it.
func IsLocalOnly(name string) bool {
	return strings.HasSuffix(name, "_BASE_URL") || name == "TOOL_PRIVATE_HOSTS" || name == "ALLOW_LOOPBACK_MODELS"
}

// Settings reads the environment and collects what is wrong with it, so that all of it is reported at once.
type Settings struct {
	lookup   func(string) (string, bool)
	problems []string
	warnings []string
}

// NewSettings returns settings that are read with lookup: os.LookupEnv, except in tests.
func NewSettings(lookup func(string) (string, bool)) *Settings { return &Settings{lookup: lookup} }

// Fork returns settings of the same environment that collect their problems separately, for an optional part of a function.
func (s *Settings) Fork() *Settings { return NewSettings(s.lookup) }

// Required returns a variable. It is a problem if the variable is unset or empty.
func (s *Settings) Required(name string) string {
	v, _ := s.lookup(name)
	if v == "" {
		s.problems = append(s.problems, name+" is not set")
	}
	return v
}

// Optional returns a variable, or the fallback if it is unset or empty.
func (s *Settings) Optional(name, fallback string) string {
	if v, _ := s.lookup(name); v != "" {
		return v
	}
	return fallback
}

// PositiveInt returns a variable that must be a whole number of at least 1, or the fallback if it is unset or empty.
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

// Reject reports that a variable's value is invalid. It does nothing if err is nil.
func (s *Settings) Reject(name string, err error) {
	if err != nil {
		s.problems = append(s.problems, fmt.Sprintf("%s: %v", name, err))
	}
}

// Warn reports a problem that does not stop the function from starting. Start logs it.
func (s *Settings) Warn(sentence string) { s.warnings = append(s.warnings, sentence) }

// Warnings returns what was passed to Warn.
func (s *Settings) Warnings() []string { return s.warnings }

// Err returns one error that names everything that is missing or invalid, or nil.
func (s *Settings) Err() error {
	if len(s.problems) == 0 {
		return nil
	}
	return fmt.Errorf("cannot start: %s", strings.Join(s.problems, "; "))
}
