package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Items reads and changes the items of a table one by one, whatever they hold: for commands that look for one person's data.
// Use NewItems.
type Items struct {
	table lazyTable
	keys  []string
}

// NewItems returns the items of one of the tables: assistants, calls, ledger or traces. kind says which one it is.
func NewItems(config func() (aws.Config, error), table, kind string) *Items {
	keys := map[string][]string{"assistants": {"assistantId"}, "calls": {partitionKey, callKey}, "ledger": {"key"}, "traces": {traceCallKey, traceAtKey}}[kind]
	return &Items{table: openTable(config, table, withManyRetries), keys: keys}
}

// All yields every item of the table, also those that have expired and are not deleted yet. It ends with the first error.
func (s *Items) All(ctx context.Context) iter.Seq2[aurora.StoredItem, error] {
	return func(yield func(aurora.StoredItem, error) bool) {
		t, err := s.table()
		if err != nil {
			yield(nil, err)
			return
		}
		items := t.Scan().Consistent(true).Iter()
		for {
			var item dynamo.Item
			if !items.Next(ctx, &item) {
				break
			}
			if !yield(itemToJSON(item), nil) {
				return
			}
		}
		if err := items.Err(); err != nil {
			yield(nil, fmt.Errorf("scan %s: %w", t.Name(), err))
		}
	}
}

// Remove deletes an item. A missing one is no error.
func (s *Items) Remove(ctx context.Context, item aurora.StoredItem) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	del := t.Delete(s.keys[0], item[s.keys[0]])
	if len(s.keys) > 1 {
		del = del.Range(s.keys[1], item[s.keys[1]])
	}
	if err := del.Run(ctx); err != nil {
		return fmt.Errorf("delete from %s: %w", t.Name(), err)
	}
	return nil
}

// Set changes fields of an item, and increases its revision, if it has any or is a call: a worker that read the item before
// then reads it again. If the item has changed since it was read, as far as its texts and its revision say, the error is a
// fault.Conflict.
func (s *Items) Set(ctx context.Context, item aurora.StoredItem, fields map[string]any) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	update := t.Update(s.keys[0], item[s.keys[0]])
	if len(s.keys) > 1 {
		update = update.Range(s.keys[1], item[s.keys[1]])
	}
	update = update.If("attribute_exists($)", s.keys[0])
	for name, v := range fields {
		update = update.Set(name, attributeFromJSON(v))
		if before, ok := item[name].(string); ok { // lists and objects are compared by the revision: dynalite cannot compare them
			update = update.If("$ = ?", name, before)
		}
	}
	if n, ok := item[revisionKey].(json.Number); ok || len(s.keys) > 1 {
		revision, _ := strconv.Atoi(n.String()) // 0 for a row without one
		update = update.Set(revisionKey, revision+1)
		if ok {
			update = update.If("$ = ?", revisionKey, revision)
		} else {
			update = update.If("attribute_not_exists($)", revisionKey)
		}
	}
	err = update.Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return fault.New(fault.Conflict, "The item was changed meanwhile.").Because(err)
	}
	if err != nil {
		return fmt.Errorf("update %s: %w", t.Name(), err)
	}
	return nil
}
