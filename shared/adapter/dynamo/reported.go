package dynamo

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// Internal is every internal assistant that can be read, ordered by id, and the errors of those that cannot: one that
// somebody misspelt must not keep the others from their reports. err says that the table does not answer.
func (s *Assistants) Internal(ctx context.Context) (all []aurora.Assistant, wrong []error, err error) {
	return s.listByIndex(ctx, internalKey, internalValue)
}

// Scheduled is every assistant that asks for reports on its own account, as Internal has them.
func (s *Assistants) Scheduled(ctx context.Context) (all []aurora.Assistant, wrong []error, err error) {
	return s.listByIndex(ctx, scheduledKey, scheduledValue)
}

// listByIndex reads a whole partition of an index, page by page.
func (s *Assistants) listByIndex(ctx context.Context, index, value string) (all []aurora.Assistant, wrong []error, err error) {
	t, err := s.bulkTable()
	if err != nil {
		return nil, nil, err
	}
	var items []dynamo.Item
	err = t.Get(index, value).Index(index).All(ctx, &items)
	if err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return nil, nil, errUnavailable("The assistants cannot be read now.").Because(err)
	}
	for _, item := range items {
		a, err := decodeAssistant(item)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b aurora.Assistant) int { return cmp.Compare(a.ID(), b.ID()) })
	return all, wrong, nil
}
