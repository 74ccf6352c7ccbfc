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
	textsPrefix      = "texts#"
	textStatusPrefix = "textstatus#"
	textsTTL         = 48 * time.Hour // twice the time that a conversation is remembered, so that an old delivery is still known
	maxTextsBytes    = 350 << 10      // bytes; an item has at most 400 KB
)

// Texts stores conversations by text message, and the statuses of messages, in the ledger table. Use NewTexts.
type Texts struct {
	table lazyTable
	now   func() time.Time
}

// NewTexts returns the texts in a table.
func NewTexts(config func() (aws.Config, error), table string, now func() time.Time) *Texts {
	return &Texts{table: openTable(config, table), now: now}
}

// textsItem is an aurora.TextConversation as an item. The person's number is in the key, by which the person's data is found.
type textsItem struct {
	Key       string `dynamo:"key,hash"`
	Revision  int    `dynamo:"revision"`
	State     string `dynamo:"state"` // JSON of textsState
	ExpiresAt int64  `dynamo:"expiresAt"`
}

// textsState is what an item holds of a conversation.
type textsState struct {
	Turns       []aurora.TextTurn   `json:"turns,omitempty"`
	Agent       string              `json:"agent,omitempty"`
	Variables   json.RawMessage     `json:"variables,omitempty"`
	Answered    []string            `json:"answered,omitempty"`
	Apologised  []string            `json:"apologised,omitempty"`
	Pending     *aurora.PendingText `json:"pending,omitempty"`
	Sent        []aurora.SentText   `json:"sent,omitempty"`
	SilentUntil time.Time           `json:"silentUntil,omitzero"`
	LastAt      time.Time           `json:"lastAt,omitzero"`
}

func textsKey(c *aurora.TextConversation) string {
	return textsPrefix + aurora.AssistantKey(c.AssistantID) + "#" + aurora.SafeKey(string(c.Own)) + "#" + string(c.Person)
}

// LoadTexts reads what is stored of a conversation into c, whose assistant and addresses are set.
func (s *Texts) LoadTexts(ctx context.Context, c *aurora.TextConversation) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	var item textsItem
	err = t.Get("key", textsKey(c)).Consistent(true).One(ctx, &item)
	switch {
	case errors.Is(err, dynamo.ErrNotFound):
		return nil
	case err != nil:
		return errUnavailable("The conversation cannot be read now.").Because(fmt.Errorf("read texts: %w", err))
	}
	c.Revision = item.Revision
	if item.ExpiresAt <= s.now().Unix() {
		return nil
	}
	var state textsState
	if err := json.Unmarshal([]byte(item.State), &state); err != nil {
		return fmt.Errorf("read texts: %w", err)
	}
	if len(state.Variables) > 0 {
		if c.ContextVariables, err = decodeObject(state.Variables); err != nil {
			return fmt.Errorf("read texts: %w", err)
		}
	}
	c.Turns, c.ActiveAgent, c.Answered, c.Apologised, c.Pending, c.Sent = state.Turns, state.Agent, state.Answered, state.Apologised, state.Pending, state.Sent
	c.SilentUntil, c.LastAt = state.SilentUntil, state.LastAt
	return nil
}

// SaveTexts stores a conversation over the one with its revision, and increases the revision. The error is fault.Conflict if
// another process has stored it since it was read, and fault.TooLarge if it does not fit in an item.
func (s *Texts) SaveTexts(ctx context.Context, c *aurora.TextConversation) error {
	state := textsState{Turns: c.Turns, Agent: c.ActiveAgent, Answered: c.Answered, Apologised: c.Apologised, Pending: c.Pending, Sent: c.Sent,
		SilentUntil: c.SilentUntil, LastAt: c.LastAt}
	var err error
	if len(c.ContextVariables) > 0 {
		if state.Variables, err = json.Marshal(c.ContextVariables); err != nil {
			return fmt.Errorf("write texts: %w", err)
		}
	}
	b, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("write texts: %w", err)
	}
	if len(b) > maxTextsBytes {
		return fault.New(fault.TooLarge, "The conversation is too large to be stored.")
	}
	t, err := s.table()
	if err != nil {
		return err
	}
	item := textsItem{Key: textsKey(c), Revision: c.Revision + 1, State: string(b), ExpiresAt: s.now().Add(textsTTL).Unix()}
	err = t.Put(item).If("attribute_not_exists($) OR $ = ?", "key", revisionKey, c.Revision).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		err = s.checkStored(ctx, item, err)
	} else if err != nil {
		err = errUnavailable("The conversation cannot be written now.").Because(fmt.Errorf("write texts: %w", err))
	}
	if err == nil {
		c.Revision++
	}
	return err
}

// checkStored returns an error unless the item is stored: the SDK repeats a write whose answer was lost, and the repeated one fails.
func (s *Texts) checkStored(ctx context.Context, item textsItem, cause error) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	var stored textsItem
	if err := t.Get("key", item.Key).Consistent(true).One(ctx, &stored); err == nil && stored.Revision == item.Revision && stored.State == item.State {
		return nil
	}
	return fault.New(fault.Conflict, "The conversation was changed meanwhile.").Because(cause)
}

// textStatusItem is the status of a message as an item. It holds neither text nor number.
type textStatusItem struct {
	Key         string `dynamo:"key,hash"`
	AssistantID string `dynamo:"assistantId"`
	Status      string `dynamo:"status"`
	Rank        int    `dynamo:"rank"`
	Code        int    `dynamo:"code"`
	ExpiresAt   int64  `dynamo:"expiresAt"`
}

// RememberText stores which assistant has sent a message, for reports about it.
func (s *Texts) RememberText(ctx context.Context, sid, assistantID string) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = t.Update("key", textStatusPrefix+sid).Set("assistantId", assistantID).Set(expiryKey, s.now().Add(textsTTL).Unix()).Run(ctx)
	if err != nil {
		return errUnavailable("The message's status cannot be written now.").Because(fmt.Errorf("remember text: %w", err))
	}
	return nil
}

// RecordTextReport stores a status unless one of the same or a higher rank is stored. It reports whether it did, and returns
// the assistant that sent the message, "" if it is not known.
func (s *Texts) RecordTextReport(ctx context.Context, r aurora.TextReport) (assistantID string, changed bool, err error) {
	t, err := s.table()
	if err != nil {
		return "", false, err
	}
	var item textStatusItem
	err = t.Update("key", textStatusPrefix+r.SID).Set("status", string(r.Status)).Set("rank", r.Status.Rank()).Set("code", r.ErrorCode).
		Set(expiryKey, s.now().Add(textsTTL).Unix()).If("attribute_not_exists($) OR $ < ?", "rank", "rank", r.Status.Rank()).Value(ctx, &item)
	if dynamo.IsCondCheckFailed(err) {
		return "", false, nil
	}
	if err != nil {
		return "", false, errUnavailable("The message's status cannot be written now.").Because(fmt.Errorf("record text report: %w", err))
	}
	return item.AssistantID, true, nil
}
