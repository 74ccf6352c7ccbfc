package testkit

import (
	"context"
	"slices"
	"sync"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Assistants is the assistants table in memory. The zero value is an empty table.
type Assistants struct {
	All []aurora.Assistant
	Err error // if set, every lookup returns it

	// Default answers lookups of keys that All does not hold. If it is nil, they get assistant_not_found.
	Default func(key string) (aurora.Assistant, error)

	mu      sync.Mutex
	lookups []string
}

// NewAssistants returns a table that holds these assistants.
func NewAssistants(all ...aurora.Assistant) *Assistants { return &Assistants{All: all} }

// EveryAssistant returns a table that answers every lookup with a.
func EveryAssistant(a aurora.Assistant) *Assistants {
	return &Assistants{Default: func(string) (aurora.Assistant, error) { return a, nil }}
}

// ByID returns the assistant with this id.
func (a *Assistants) ByID(_ context.Context, id string) (aurora.Assistant, error) {
	return a.find(id, func(one aurora.Assistant) bool { return one.ID() == id })
}

// ByNumber returns the assistant with this number. Like the index of the real table, it knows an assistant's first
// number only.
func (a *Assistants) ByNumber(_ context.Context, number aurora.Phone) (aurora.Assistant, error) {
	return a.find(string(number), func(one aurora.Assistant) bool {
		own := one.Numbers()
		return len(own) > 0 && own[0] == number
	})
}

func (a *Assistants) find(key string, matches func(aurora.Assistant) bool) (aurora.Assistant, error) {
	a.mu.Lock()
	a.lookups = append(a.lookups, key)
	a.mu.Unlock()
	if a.Err != nil {
		return aurora.Assistant{}, a.Err
	}
	for _, one := range a.All {
		if matches(one) {
			return one, nil
		}
	}
	if a.Default != nil {
		return a.Default(key)
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")
}

// Lookups returns the ids and numbers that were looked up so far, in order.
func (a *Assistants) Lookups() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.lookups)
}
