package testkit

import (
	"context"
	"sync"

	"example.com/aurora/shared/core/fault"
)

// Secrets is a secret store in memory. The zero value is an empty store.
type Secrets struct {
	Values  map[string]string // by the secret's name
	Default string            // if set, the value of every name that Values does not hold
	Err     error             // if set, every read returns it

	mu    sync.Mutex
	reads int
}

// EverySecret returns a store in which every name has this value.
func EverySecret(value string) *Secrets { return &Secrets{Default: value} }

// Secret returns the value of a secret: fault.NotFound if the store does not hold it.
func (s *Secrets) Secret(_ context.Context, name string) (string, error) {
	s.mu.Lock()
	s.reads++
	s.mu.Unlock()
	if s.Err != nil {
		return "", s.Err
	}
	if value, ok := s.Values[name]; ok {
		return value, nil
	}
	if s.Default != "" {
		return s.Default, nil
	}
	return "", fault.New(fault.NotFound, "There is no such secret.")
}

// Reads returns how often a secret was read.
func (s *Secrets) Reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}
