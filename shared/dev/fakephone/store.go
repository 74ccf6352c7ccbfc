package fakephone

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Store holds calls, their turns, connections and tokens. Each change is one step, as in the real store. Use NewStore.
type Store struct {
	// Fail returns the error of an operation, named like its method, or nil. It may be nil, and is set while nothing else happens.
	Fail func(operation string) error

	mu          sync.Mutex
	calls       map[string]string                      // as JSON
	turns       map[string]map[int64]aurora.SpokenTurn // by the call's sid and the generation
	connections map[string]string
	tokens      map[string]aurora.RelayToken
	usedBy      map[string]string
}

// NewStore returns a store with these tokens.
func NewStore(tokens ...aurora.RelayToken) *Store {
	s := &Store{calls: map[string]string{}, turns: map[string]map[int64]aurora.SpokenTurn{}, connections: map[string]string{}, tokens: map[string]aurora.RelayToken{}, usedBy: map[string]string{}}
	for _, t := range tokens {
		s.tokens[t.Token] = t
	}
	return s
}

// lock begins an operation.
func (s *Store) lock(operation string) (unlock func(), err error) {
	s.mu.Lock()
	if s.Fail != nil {
		err = s.Fail(operation)
	}
	return s.mu.Unlock, err
}

func (s *Store) load(sid string) (c aurora.PhoneCall, ok bool) {
	text, ok := s.calls[sid]
	if ok {
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			panic(err)
		}
	}
	return c, ok
}

func (s *Store) save(c aurora.PhoneCall) {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	s.calls[c.SID] = string(b)
}

// CreateCall stores a new call, or returns the one that is stored.
func (s *Store) CreateCall(_ context.Context, c aurora.PhoneCall) (aurora.PhoneCall, error) {
	unlock, err := s.lock("CreateCall")
	defer unlock()
	if err != nil {
		return c, err
	}
	if stored, ok := s.load(c.SID); ok {
		return stored, nil
	}
	s.save(c)
	return c, nil
}

// Call returns the state of a call.
func (s *Store) Call(_ context.Context, sid string) (aurora.PhoneCall, bool, error) {
	unlock, err := s.lock("Call")
	defer unlock()
	c, ok := s.load(sid)
	return c, ok, err
}

// UpdateCall changes a call. It calls change twice, as a store does when others change the call at the same time.
func (s *Store) UpdateCall(_ context.Context, sid string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error) {
	unlock, err := s.lock("UpdateCall")
	defer unlock()
	if err != nil {
		return aurora.PhoneCall{}, err
	}
	c, ok := s.load(sid)
	if !ok {
		return c, fault.New(fault.NotFound, "There is no such call.")
	}
	before := c.Revision
	attempt, _ := s.load(sid)
	change(&attempt)
	if change(&c) {
		c.Revision = before + 1
		s.save(c)
	}
	return c, nil
}

// WriteTurn stores a turn, or replaces the one of its generation.
func (s *Store) WriteTurn(_ context.Context, sid string, turn aurora.SpokenTurn) error {
	unlock, err := s.lock("WriteTurn")
	defer unlock()
	if err == nil {
		if s.turns[sid] == nil {
			s.turns[sid] = map[int64]aurora.SpokenTurn{}
		}
		s.turns[sid][turn.Generation] = turn
	}
	return err
}

// Turns returns the turns of a call, the oldest first.
func (s *Store) Turns(_ context.Context, sid string) ([]aurora.SpokenTurn, error) {
	unlock, err := s.lock("Turns")
	defer unlock()
	var turns []aurora.SpokenTurn
	for _, t := range s.turns[sid] {
		turns = append(turns, t)
	}
	slices.SortFunc(turns, func(a, b aurora.SpokenTurn) int { return int(a.Generation - b.Generation) })
	return turns, err
}

// IssueToken stores a token.
func (s *Store) IssueToken(_ context.Context, r aurora.RelayToken) error {
	unlock, err := s.lock("IssueToken")
	defer unlock()
	if err == nil {
		s.tokens[r.Token] = r
	}
	return err
}

// UseToken binds a token to a call. Tokens do not expire.
func (s *Store) UseToken(_ context.Context, token, callSID string) (aurora.RelayToken, error) {
	unlock, err := s.lock("UseToken")
	defer unlock()
	if err != nil {
		return aurora.RelayToken{}, err
	}
	t, ok := s.tokens[token]
	if used := s.usedBy[token]; !ok || used != "" && used != callSID || t.CallSID != "" && t.CallSID != callSID {
		return t, fault.New(fault.Unauthorized, "The token is not valid.")
	}
	s.usedBy[token] = callSID
	return t, nil
}

// PutConnection stores which call a connection belongs to.
func (s *Store) PutConnection(_ context.Context, connectionID, callSID string) error {
	unlock, err := s.lock("PutConnection")
	defer unlock()
	if err == nil {
		s.connections[connectionID] = callSID
	}
	return err
}

// ConnectionCall returns the call that a connection belongs to.
func (s *Store) ConnectionCall(_ context.Context, connectionID string) (string, bool, error) {
	unlock, err := s.lock("ConnectionCall")
	defer unlock()
	sid, ok := s.connections[connectionID]
	return sid, ok && err == nil, err
}

// RemoveConnection removes a connection, as if its setup had not been handled yet.
func (s *Store) RemoveConnection(connectionID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.connections, connectionID)
}

// RemoveCalls removes all calls and connections, and frees the tokens.
func (s *Store) RemoveCalls() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.calls)
	clear(s.connections)
	clear(s.usedBy)
}
