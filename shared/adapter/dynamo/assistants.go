package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// The key, and the attributes that Put derives. The indexes are named after them. An attribute without a value is left
// out: an index has the items that have its key, and a key must not be an empty string.
const (
	idKey        = "assistantId"
	numberKey    = "numberE164"
	internalKey  = "internalKey"
	scheduledKey = "scheduledKey"
	textKey      = "textKey"

	internalValue  = "internal"
	scheduledValue = "scheduled"
	// retentionValue is in the place of scheduledValue for an assistant without scheduled reports whose retention is shorter than the
	// deployment's. Both need work by the clock, so one index is enough.
	retentionValue = "retention"
)

// Limits of a read while a caller on the phone waits (shared/docs/faults.md row 33).
const (
	maxReadAttempts  = 3
	maxReadBackoff   = 100 * time.Millisecond
	readTimeout      = 600 * time.Millisecond
	firstReadTimeout = 1500 * time.Millisecond // without a cached entry to fall back on: a cold start must connect first
	attemptTimeout   = 400 * time.Millisecond  // until the answer begins: a connection that died while the function was frozen never answers
	maxIDBytes       = 256                     // no assistant has a longer id, and DynamoDB rejects keys over 2 KB
)

// Assistants reads and writes the assistants table. Use NewAssistants.
type Assistants struct {
	table     lazyTable
	bulkTable lazyTable // with more retries, for reads of many items
	cache     cache
}

// NewAssistants returns the assistants of the table with this name.
func NewAssistants(config func() (aws.Config, error), table string, now func() time.Time) *Assistants {
	return &Assistants{table: openTable(config, table, withFastReads), bulkTable: openTable(config, table, withManyRetries), cache: cache{now: now}}
}

// Open opens the connection on which assistants are read.
func (s *Assistants) Open(ctx context.Context) error { return s.table.open(ctx, idKey) }

// withFastReads limits the attempts of a client while a caller on the phone waits.
func withFastReads(o *dynamodb.Options) {
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = maxReadAttempts, maxReadBackoff })
	if client, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
		o.HTTPClient = client.WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = attemptTimeout })
	}
}

// ByID returns the assistant with this id. The error is fault.NotFound if there is none, fault.Internal (config_invalid) if
// the stored configuration is invalid, and fault.Unavailable if the table does not answer and the cache has no entry.
func (s *Assistants) ByID(ctx context.Context, id string) (aurora.Assistant, error) {
	if id == "" || len(id) > maxIDBytes {
		return aurora.Assistant{}, errAssistantNotFound()
	}
	return s.cache.get(ctx, "id "+id, func(ctx context.Context) (aurora.Assistant, error) {
		return s.read(ctx, func(ctx context.Context, t dynamo.Table) (item dynamo.Item, err error) {
			return item, t.Get(idKey, id).One(ctx, &item)
		})
	})
}

// ByNumber returns the assistant whose own number this is. Its errors are those of ByID.
func (s *Assistants) ByNumber(ctx context.Context, number aurora.Phone) (aurora.Assistant, error) {
	if number == "" {
		return aurora.Assistant{}, errAssistantNotFound()
	}
	return s.cache.get(ctx, "number "+string(number), func(ctx context.Context) (aurora.Assistant, error) {
		return s.read(ctx, func(ctx context.Context, t dynamo.Table) (dynamo.Item, error) {
			for _, spelling := range number.Spellings() { // an assistant may have been stored before numbers had one spelling
				item, err := firstItem(ctx, t, numberKey, string(spelling))
				if !errors.Is(err, dynamo.ErrNotFound) {
					return item, err
				}
			}
			return nil, dynamo.ErrNotFound
		})
	})
}

// ByTextKey returns the assistant that answers the text messages to a number or to a messaging service that is not found by
// ByNumber: see aurora.Assistant.TextKey. Its errors are those of ByID.
func (s *Assistants) ByTextKey(ctx context.Context, key string) (aurora.Assistant, error) {
	if key == "" || len(key) > maxIDBytes {
		return aurora.Assistant{}, errAssistantNotFound()
	}
	return s.cache.get(ctx, "text "+key, func(ctx context.Context) (aurora.Assistant, error) {
		return s.read(ctx, func(ctx context.Context, t dynamo.Table) (dynamo.Item, error) {
			return firstItem(ctx, t, textKey, key)
		})
	})
}

// firstItem returns the first item with a value of an index. The error is dynamo.ErrNotFound if there is none.
func firstItem(ctx context.Context, t dynamo.Table, index, value string) (dynamo.Item, error) {
	items, err := itemsWith(ctx, t, index, value)
	if err != nil {
		return nil, err
	}
	if len(items) == 0 {
		return nil, dynamo.ErrNotFound
	}
	if len(items) > 1 {
		slog.ErrorContext(ctx, "several assistants have one phone number or messaging service", "event", "assistant.number_conflict", "index", index, "assistants", len(items))
	}
	return items[0], nil
}

// itemsWith returns all items with a value of an index, ordered by id.
func itemsWith(ctx context.Context, t dynamo.Table, index, value string) (items []dynamo.Item, err error) {
	err = t.Get(index, value).Index(index).All(ctx, &items)
	if errors.Is(err, dynamo.ErrNotFound) {
		err = nil
	}
	slices.SortFunc(items, func(a, b dynamo.Item) int {
		return cmp.Compare(fmt.Sprint(attributeToJSON(a[idKey])), fmt.Sprint(attributeToJSON(b[idKey])))
	})
	return items, err
}

// read finds one item and decodes it.
func (s *Assistants) read(ctx context.Context, find func(context.Context, dynamo.Table) (dynamo.Item, error)) (aurora.Assistant, error) {
	t, err := s.table()
	var item dynamo.Item
	if err == nil {
		item, err = find(ctx, t)
	}
	switch {
	case errors.Is(err, dynamo.ErrNotFound):
		return aurora.Assistant{}, errAssistantNotFound()
	case err != nil:
		return aurora.Assistant{}, errUnavailable("The assistants cannot be read now.").Because(fmt.Errorf("read assistant: %w", err))
	}
	return decodeAssistant(item)
}

func errAssistantNotFound() *fault.Error {
	return fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")
}

// errUnavailable returns the error for a table that does not answer.
func errUnavailable(message string) *fault.Error {
	return fault.New(fault.Unavailable, message).WithCode("store_unavailable").WithRetryAfter(time.Second)
}

// versionHashBytes is how much of the hash names a document that is no version.
const versionHashBytes = 4

func decodeAssistant(item dynamo.Item) (aurora.Assistant, error) {
	p, err := publishedOf(item)
	if err == nil {
		var a aurora.Assistant
		if a, err = aurora.ParseAssistant(p.Content); err == nil {
			a.Version = p.Hash[:2*versionHashBytes]
			if p.Version > 0 {
				a.Version, a.PublishedAt = strconv.Itoa(p.Version), p.At
			}
			return a, nil
		}
	}
	return aurora.Assistant{}, fault.New(fault.Internal, "This assistant's stored configuration is not valid.").
		WithCode("config_invalid").Because(fmt.Errorf("item %.80q: %w", fmt.Sprint(attributeToJSON(item[idKey])), err))
}

// Put stores an assistant from its JSON document, with all fields of the document and without a version. It replaces the
// assistant with the same id. Commands of operators publish versions instead (package versions). The error is fault.Invalid if
// the document is not an assistant, and fault.Conflict if another assistant has its number.
func (s *Assistants) Put(ctx context.Context, document []byte) (aurora.Assistant, error) {
	a, item, err := encodeAssistant(document)
	if err != nil {
		return a, err
	}
	if number, ok := aurora.ParsePhone(string(a.AssistantPhoneNumber)); ok {
		others, err := s.WithNumber(ctx, number)
		if err != nil {
			return a, err
		}
		for _, id := range others {
			if id != a.ID() {
				return a, fault.Newf(fault.Conflict, "assistantPhoneNumber already belongs to the assistant %s.", id).
					WithCode("number_taken").WithParam("assistantPhoneNumber")
			}
		}
	}
	t, err := s.table()
	if err != nil {
		return a, err
	}
	_, err = wroteAssistant(t.Put(item).Run(ctx))
	return a, err
}

// encodeAssistant makes an item of a document and derives the keys of the indexes.
func encodeAssistant(document []byte) (aurora.Assistant, dynamo.Item, error) {
	a, err := aurora.ParseAssistant(document)
	if err != nil {
		return a, nil, fault.New(fault.Invalid, "This is not the configuration of an assistant.").WithCode("config_invalid").Because(err)
	}
	fields, err := decodeObject(document)
	if err != nil {
		return a, nil, fault.New(fault.Invalid, "This is not the configuration of an assistant.").WithCode("config_invalid").Because(err)
	}
	for name := range fields {
		if strings.HasPrefix(name, "_") {
			delete(fields, name) // what says which version a document is comes from the publication alone
		}
	}
	for _, derived := range []string{numberKey, internalKey, scheduledKey, textKey} {
		delete(fields, derived)
	}
	fields[idKey] = a.ID()
	if number, ok := aurora.ParsePhone(string(a.AssistantPhoneNumber)); ok {
		fields[numberKey] = string(number)
	}
	if a.Internal {
		fields[internalKey] = internalValue // one partition: there are few, and they are read together
	}
	if a.Report.Scheduled {
		fields[scheduledKey] = scheduledValue
	} else if a.RetentionDays > 0 {
		fields[scheduledKey] = retentionValue
	}
	if key := a.TextKey(); key != "" {
		fields[textKey] = key
	}
	item := dynamo.Item{}
	for name, v := range fields {
		item[name] = attributeFromJSON(v)
	}
	return a, item, nil
}
