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
	maxVariableBytes = 256 << 10 // bytes; an item has 400 KB
)

// kept is what is kept of a session: a use case's own type of this form.
type kept interface {
	~struct {
		ActiveAgent      string
		ContextVariables map[string]any
	}
}

// Sessions are kept in the ledger for callers that do not carry them. Use NewSessions.
type Sessions[K kept] struct {
	table lazyTable
	now   func() time.Time
}

// NewSessions returns the sessions in the table of this name.
func NewSessions[K kept](config func() (aws.Config, error), table string, now func() time.Time) *Sessions[K] {
	return &Sessions[K]{table: openTable(config, table, withFastReads), now: now}
}

// sessionRecord is a session as an item.
type sessionRecord struct {
	Key       string `dynamo:"key,hash"`
	Agent     string `dynamo:"agent,omitempty"`
	Variables string `dynamo:"variables,omitempty"` // JSON, so that every number keeps its digits
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// sessionKey never mixes up two conversations: an assistant's id holds no #, and a call's id that could is hashed.
func sessionKey(assistantID, callID string) string {
	return sessionPrefix + aurora.SafeKey(assistantID) + "#" + aurora.SafeKey(callID)
}

// Load is what was last saved for this assistant and call within two hours; zero where there is nothing. It takes at
// most 600 ms.
func (s *Sessions[K]) Load(ctx context.Context, assistantID, callID string) (K, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var none K
	t, err := s.table()
	if err != nil {
		return none, err
	}
	var r sessionRecord
	err = t.Get("key", sessionKey(assistantID, callID)).Consistent(true).One(ctx, &r)
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
	return K(struct {
		ActiveAgent      string
		ContextVariables map[string]any
	}{r.Agent, variables}), nil
}

// Save keeps a session for two hours from now, in the place of what was kept of it.
func (s *Sessions[K]) Save(ctx context.Context, assistantID, callID string, k K) error {
	plain := struct {
		ActiveAgent      string
		ContextVariables map[string]any
	}(k)
	r := sessionRecord{Key: sessionKey(assistantID, callID), Agent: plain.ActiveAgent, ExpiresAt: s.now().Add(sessionTTL).Unix()}
	if len(plain.ContextVariables) > 0 {
		b, err := json.Marshal(plain.ContextVariables)
		if err != nil {
			return fmt.Errorf("write session: %w", err)
		}
		if len(b) > maxVariableBytes {
			return fault.New(fault.TooLarge, "The session's variables are too large to be kept.")
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
