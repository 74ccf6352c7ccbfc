package dynamo

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// List returns all assistants, ordered by id. An assistant whose configuration is invalid is left out; the error tells
// which ones were.
func (s *Assistants) List(ctx context.Context) ([]aurora.Assistant, error) {
	t, err := s.table()
	if err != nil {
		return nil, err
	}
	var items []dynamo.Item
	if err := t.Scan().All(ctx, &items); err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return nil, errUnavailable("The assistants cannot be read now.").Because(err)
	}
	all, invalid := decodeAssistants(items)
	return all, errors.Join(invalid...)
}

// Internal returns all internal assistants, ordered by id. Those whose configuration is invalid are left out and named by
// the errors in invalid, so that one invalid assistant does not keep the others from their reports. err means that the
// table does not answer.
func (s *Assistants) Internal(ctx context.Context) (all []aurora.Assistant, invalid []error, err error) {
	return s.listByIndex(ctx, internalKey, internalValue)
}

// Scheduled returns all assistants with scheduled reports, as Internal does.
func (s *Assistants) Scheduled(ctx context.Context) (all []aurora.Assistant, invalid []error, err error) {
	return s.listByIndex(ctx, scheduledKey, scheduledValue)
}

// WithRetention returns all assistants that have a retention of their own, as Internal does.
func (s *Assistants) WithRetention(ctx context.Context) (all []aurora.Assistant, invalid []error, err error) {
	for _, value := range []string{scheduledValue, retentionValue} {
		some, unreadable, err := s.listByIndex(ctx, scheduledKey, value)
		if err != nil {
			return nil, nil, err
		}
		all, invalid = append(all, some...), append(invalid, unreadable...)
	}
	return slices.DeleteFunc(all, func(a aurora.Assistant) bool { return a.RetentionDays <= 0 }), invalid, nil
}

// listByIndex reads one partition of an index, page by page.
func (s *Assistants) listByIndex(ctx context.Context, index, value string) (all []aurora.Assistant, invalid []error, err error) {
	t, err := s.bulkTable()
	if err != nil {
		return nil, nil, err
	}
	var items []dynamo.Item
	err = t.Get(index, value).Index(index).All(ctx, &items)
	if err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return nil, nil, errUnavailable("The assistants cannot be read now.").Because(err)
	}
	all, invalid = decodeAssistants(items)
	return all, invalid, nil
}

// decodeAssistants decodes items and orders the assistants by id. invalid has an error for each item that is left out.
func decodeAssistants(items []dynamo.Item) (all []aurora.Assistant, invalid []error) {
	for _, item := range items {
		a, err := decodeAssistant(item)
		if err != nil {
			invalid = append(invalid, err)
			continue
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b aurora.Assistant) int { return cmp.Compare(a.ID(), b.ID()) })
	return all, invalid
}
