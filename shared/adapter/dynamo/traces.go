package dynamo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/trace"
)

// The keys of the traces table.
const (
	traceCallKey = "call"
	traceAtKey   = "at"
)

// tracePrefix begins the hash key of a record.
const tracePrefix = "call#"

// maxTraces limits what is read of one id of a call.
const maxTraces = 5000

// Traces stores the records of turns and messages. Use NewTraces.
type Traces struct {
	table     lazyTable
	retention time.Duration
}

// NewTraces returns the traces in a table, which are kept for a time. A reader needs none.
func NewTraces(config func() (aws.Config, error), table string, retention time.Duration) *Traces {
	return &Traces{table: openTable(config, table), retention: retention}
}

// traceItem is a record as an item.
type traceItem struct {
	Call      string `dynamo:"call,hash"`
	At        string `dynamo:"at,range"` // milliseconds since 1970 in 13 digits, kind and id
	Record    string `dynamo:"record"`   // JSON
	ExpiresAt int64  `dynamo:"expiresAt"`
}

func (s *Traces) newItem(r trace.Record) (traceItem, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return traceItem{}, fmt.Errorf("write trace: %w", err)
	}
	return traceItem{Call: tracePrefix + r.Calls[0].String(), At: fmt.Sprintf("%013d#%s#%s", r.At.UnixMilli(), r.Kind, r.ID), Record: string(b),
		ExpiresAt: r.At.Add(s.retention).Unix()}, nil
}

// maxTraceWrites limits the writes that run at the same time.
const maxTraceWrites = 5

// Write stores records under the first id of their call. It implements trace.Store. It puts them one by one: the right to write a batch
// is also the right to delete.
func (s *Traces) Write(ctx context.Context, records []trace.Record) error {
	t, err := s.table()
	if err != nil {
		return err
	}
	err = errors.Join(safego.Each(ctx, len(records), maxTraceWrites, func(i int) error {
		item, err := s.newItem(records[i])
		if err != nil {
			return err
		}
		return t.Put(item).Run(ctx)
	})...)
	if err != nil {
		return errUnavailable("The traces cannot be written now.").Because(fmt.Errorf("write traces: %w", err))
	}
	return nil
}

// Traces returns the records under one id of a call, in the order of time. What has expired is left out.
func (s *Traces) Traces(ctx context.Context, call trace.Key, now time.Time) ([]trace.Record, error) {
	t, err := s.table()
	if err != nil {
		return nil, err
	}
	var records []trace.Record
	items := t.Get(traceCallKey, tracePrefix+call.String()).Consistent(true).Limit(maxTraces).Iter()
	for {
		var item traceItem
		if !items.Next(ctx, &item) {
			break
		}
		var r trace.Record
		if item.ExpiresAt <= now.Unix() {
			continue
		}
		if err := json.Unmarshal([]byte(item.Record), &r); err != nil {
			return nil, fmt.Errorf("read trace %s %s: %w", item.Call, item.At, err)
		}
		records = append(records, r)
	}
	if err := items.Err(); err != nil {
		return nil, errUnavailable("The traces cannot be read now.").Because(fmt.Errorf("read traces: %w", err))
	}
	return records, nil
}

// EraseTraces deletes all records under one id of a call, and returns how many there were. A dry run deletes nothing.
func (s *Traces) EraseTraces(ctx context.Context, call trace.Key, dryRun bool) (int, error) {
	t, err := s.table()
	if err != nil {
		return 0, err
	}
	n := 0
	items := t.Get(traceCallKey, tracePrefix+call.String()).Project(traceCallKey, traceAtKey).Consistent(true).Iter()
	for {
		var item traceItem
		if !items.Next(ctx, &item) {
			break
		}
		n++
		if dryRun {
			continue
		}
		if err := t.Delete(traceCallKey, item.Call).Range(traceAtKey, item.At).Run(ctx); err != nil {
			return n, fmt.Errorf("delete trace: %w", err)
		}
	}
	return n, items.Err()
}

var _ trace.Store = (*Traces)(nil)
