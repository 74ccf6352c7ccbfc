package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	sessionPrefix    = "session#"
	sessionTTL       = 2 * time.Hour
	maxVariableBytes = 256 << 10 // an item has at most 400 KB
)

// Sessions stores sessions in the ledger table, for callers that do not send them back. Use NewSessions.
type Sessions struct {
	table lazyTable
	now   func() time.Time
}

// NewSessions returns the sessions in a table.
func NewSessions(config func() (aws.Config, error), table string, now func() time.Time) *Sessions {
	return &Sessions{table: openTable(config, table, withFastReads), now: now}
}

// sessionItem is a session as an item.
type sessionItem struct {
	Key       string `dynamo:"key,hash"`
	Agent     string `dynamo:"agent,omitempty"`
	Variables string `dynamo:"variables,omitempty"` // JSON, so that every number keeps its digits
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// sessionItemKey returns the key of a session. SafeKey hashes an id with a #, so that two sessions never have one key.
func sessionItemKey(k aurora.SessionKey) string {
	return sessionPrefix + aurora.SafeKey(k.AssistantID) + "#" + aurora.SafeKey(k.CallID) + "#" + aurora.SafeKey(string(k.Caller)) + "#" + aurora.SafeKey(k.PrincipalID)
}

// Load returns what was last saved for a session, or the zero value if that was more than two hours ago. It takes at most
// 600 ms.
func (s *Sessions) Load(ctx context.Context, key aurora.SessionKey) (aurora.SessionState, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var none aurora.SessionState
	t, err := s.table()
	if err != nil {
		return none, err
	}
	var r sessionItem
	err = t.Get("key", sessionItemKey(key)).Consistent(true).One(ctx, &r)
	if errors.Is(err, dynamo.ErrNotFound) || err == nil && r.ExpiresAt <= s.now().Unix() {
		return none, nil
	}
	if err != nil {
		return none, errUnavailable("The session cannot be read now.").Because(fmt.Errorf("read session: %w", err))
	}
	var variables map[string]any
	if r.Variables != "" {
		if variables, err = decodeObject([]byte(r.Variables)); err != nil {
			return none, fmt.Errorf("read session: %w", err)
		}
	}
	return aurora.SessionState{ActiveAgent: r.Agent, ContextVariables: variables}, nil
}

// Save stores a session for two hours from now and replaces the one before.
func (s *Sessions) Save(ctx context.Context, key aurora.SessionKey, state aurora.SessionState) error {
	r := sessionItem{Key: sessionItemKey(key), Agent: state.ActiveAgent, ExpiresAt: s.now().Add(sessionTTL).Unix()}
	if len(state.ContextVariables) > 0 {
		b, err := json.Marshal(state.ContextVariables)
		if err != nil {
			return fmt.Errorf("write session: %w", err)
		}
		if len(b) > maxVariableBytes {
			return fault.New(fault.TooLarge, "The session's variables are too large to be stored.")
		}
		r.Variables = string(b)
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	if err := t.Put(r).Run(ctx); err != nil {
		return errUnavailable("The session cannot be written now.").Because(fmt.Errorf("write session: %w", err))
	}
	return nil
}
