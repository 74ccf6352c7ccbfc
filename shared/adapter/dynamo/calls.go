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
)

const (
	partitionKey = "assistantDay"
	callKey      = "callId"
	expiryKey    = "expiresAt"
	revisionKey  = "revision"
)

// Calls reads and writes the calls table, which has one row for each call. Use NewCalls.
type Calls struct {
	table     lazyTable
	bulkTable lazyTable // with more retries, for reads of many items
	retention time.Duration
}

// NewCalls returns the calls of the table with this name. A row expires when retention, or the assistant's shorter one, has passed
// since the end of its day.
func NewCalls(config func() (aws.Config, error), table string, retention time.Duration) *Calls {
	return &Calls{table: openTable(config, table), bulkTable: openTable(config, table, withManyRetries), retention: retention}
}

// Row returns the row with this key. It is not ok if there is none.
func (s *Calls) Row(ctx context.Context, at aurora.CallKey) (c aurora.Call, ok bool, err error) {
	t, err := s.table()
	if err != nil {
		return c, false, err
	}
	var item dynamo.Item
	err = t.Get(partitionKey, at.Partition()).Range(callKey, dynamo.Equal, at.CallID).Consistent(true).One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read call: %w", err)
	}
	if c, err = decodeCall(item); err != nil {
		return c, false, fmt.Errorf("read call: %w", err)
	}
	c.CallKey = at
	return c, true, nil
}

// Put writes a row over the one whose revision is one less, and a row of revision 0 only if there is none. done is false if
// another row is stored. Rows of earlier versions have no revision, which counts as 0.
func (s *Calls) Put(ctx context.Context, c aurora.Call) (done bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	item, err := encodeCall(c, s.retention)
	if err != nil {
		return false, fmt.Errorf("write call: %w", err)
	}
	put := t.Put(item)
	switch c.Revision {
	case 0:
		put.If("attribute_not_exists($)", callKey)
	case 1:
		put.If("attribute_exists($) AND attribute_not_exists($)", callKey, revisionKey)
	default:
		put.If("$ = ?", revisionKey, c.Revision-1)
	}
	if err = put.Run(ctx); err != nil && !dynamo.IsCondCheckFailed(err) {
		return false, fmt.Errorf("write call: %w", err)
	}
	return err == nil, nil
}

// Delete removes a row if it still has this version and revision. It reports whether the row is gone: false means that
// another one is stored.
func (s *Calls) Delete(ctx context.Context, c aurora.Call) (gone bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	del := t.Delete(partitionKey, c.Partition()).Range(callKey, c.CallID)
	if c.Revision == 0 {
		del.If("attribute_not_exists($) OR ($ = ? AND attribute_not_exists($))", callKey, "version", c.Version, revisionKey)
	} else {
		del.If("attribute_not_exists($) OR ($ = ? AND $ = ?)", callKey, "version", c.Version, revisionKey, c.Revision)
	}
	if err = del.Run(ctx); err != nil && !dynamo.IsCondCheckFailed(err) {
		return false, fmt.Errorf("delete call: %w", err)
	}
	return err == nil, nil
}

// DeleteDay deletes the rows of an assistant's day and returns how many there were.
func (s *Calls) DeleteDay(ctx context.Context, assistantID, day string) (int, error) {
	t, err := s.bulkTable()
	if err != nil {
		return 0, err
	}
	var rows []struct {
		CallID string `dynamo:"callId"`
	}
	partition := aurora.CallKey{AssistantID: assistantID, Day: day}.Partition()
	if err := t.Get(partitionKey, partition).Project(callKey).All(ctx, &rows); err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return 0, fmt.Errorf("read the calls of %s: %w", partition, err)
	}
	deleted := 0
	for _, row := range rows {
		if err := t.Delete(partitionKey, partition).Range(callKey, row.CallID).Run(ctx); err != nil {
			return deleted, fmt.Errorf("delete the calls of %s: %w", partition, err)
		}
		deleted++
	}
	return deleted, nil
}

// encodeCall makes an item of a call: its JSON fields, its keys and its expiry.
func encodeCall(c aurora.Call, retention time.Duration) (dynamo.Item, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	fields, err := decodeObject(b)
	if err != nil {
		return nil, err
	}
	day, err := time.Parse(time.DateOnly, c.Day)
	if err != nil {
		return nil, err
	}
	setCallerIndex(fields, c)
	fields[partitionKey] = c.Partition()
	assistant := aurora.Assistant{RetentionDays: c.RetentionDays}
	fields[expiryKey] = json.Number(fmt.Sprint(day.Add(24*time.Hour + assistant.Retention(retention)).Unix()))
	item := dynamo.Item{}
	for name, v := range fields {
		item[name] = attributeFromJSON(v)
	}
	return item, nil
}

// decodeCall reads an item through its JSON form. The caller sets the CallKey.
func decodeCall(item dynamo.Item) (c aurora.Call, err error) {
	b, err := json.Marshal(itemToJSON(item))
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(b, &c)
}
