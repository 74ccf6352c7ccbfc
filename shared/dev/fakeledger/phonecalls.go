package fakeledger

import (
	"context"
	"sync"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// PhoneCalls holds the state of phone calls, and the tokens of their sessions. Use NewPhoneCalls.
type PhoneCalls struct {
	// Err, if set, is the error of every method.
	Err error

	mu     sync.Mutex
	calls  map[string]aurora.PhoneCall
	turns  map[string][]aurora.SpokenTurn
	tokens map[string]aurora.RelayToken
}

// NewPhoneCalls returns a store without calls.
func NewPhoneCalls() *PhoneCalls {
	return &PhoneCalls{calls: map[string]aurora.PhoneCall{}, turns: map[string][]aurora.SpokenTurn{}, tokens: map[string]aurora.RelayToken{}}
}

// CreateCall stores a new call and returns it, or returns the one that is stored.
func (s *PhoneCalls) CreateCall(_ context.Context, c aurora.PhoneCall) (aurora.PhoneCall, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err != nil {
		return c, s.Err
	}
	if stored, ok := s.calls[c.SID]; ok {
		return stored, nil
	}
	s.calls[c.SID] = c
	return c, nil
}

// Call returns the state of a call. It is not ok if there is none.
func (s *PhoneCalls) Call(_ context.Context, sid string) (c aurora.PhoneCall, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok = s.calls[sid]
	return c, ok, s.Err
}

// RecordEnd changes the state of a call and returns it.
func (s *PhoneCalls) RecordEnd(_ context.Context, sid string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.calls[sid]
	switch {
	case s.Err != nil:
		return c, s.Err
	case !ok:
		return c, fault.New(fault.NotFound, "There is no such call.").WithCode("call_not_found")
	}
	if change(&c) {
		c.Revision++
		s.calls[sid] = c
	}
	return c, nil
}

// WriteTurn stores a turn of the conversation.
func (s *PhoneCalls) WriteTurn(_ context.Context, sid string, turn aurora.SpokenTurn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err == nil {
		s.turns[sid] = append(s.turns[sid], turn)
	}
	return s.Err
}

// IssueToken stores a token.
func (s *PhoneCalls) IssueToken(_ context.Context, t aurora.RelayToken) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.Err == nil {
		s.tokens[t.Token] = t
	}
	return s.Err
}
