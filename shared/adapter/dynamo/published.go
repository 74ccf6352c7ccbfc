package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guregu/dynamo/v2"

	"example.com/aurora/shared/core/aurora"
)

// The attributes that say which version an assistant's item is. Their names begin with an underscore, so that
// aurora.StoredContent leaves them out of the document.
const (
	versionKey     = "_version"
	hashKey        = "_hash"
	publishIDKey   = "_publishId"
	publishedByKey = "_by"
	publishedAtKey = "_publishedAt" // RFC 3339, UTC
)

// Live returns the published document of an assistant, read consistently and not from the cache.
func (s *Assistants) Live(ctx context.Context, id string) (p aurora.PublishedAssistant, ok bool, err error) {
	if id == "" || len(id) > maxIDBytes {
		return p, false, nil
	}
	t, err := s.table()
	if err != nil {
		return p, false, err
	}
	var item dynamo.Item
	err = t.Get(idKey, id).Consistent(true).One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) {
		return p, false, nil
	}
	if err != nil {
		return p, false, errUnavailable("The assistants cannot be read now.").Because(fmt.Errorf("read published assistant: %w", err))
	}
	p, err = publishedOf(item)
	return p, err == nil, err
}

// publishedOf reads an item.
func publishedOf(item dynamo.Item) (p aurora.PublishedAssistant, err error) {
	if p.Content, err = aurora.StoredContent(itemToJSON(item)); err != nil {
		return p, fmt.Errorf("read published assistant: %w", err)
	}
	p.ID, _ = parseString(item[idKey])
	p.Hash = aurora.HashDocument(p.Content)
	p.Stamp, p.At = stampOf(item)
	p.PublishID, _ = parseString(item[publishIDKey])
	p.By, _ = parseString(item[publishedByKey])
	if hash, _ := parseString(item[hashKey]); hash == p.Hash {
		p.Version = p.Stamp
	}
	return p, nil
}

// stampOf returns the number of the version that an item says it is, and when it was published.
func stampOf(item dynamo.Item) (version int, at time.Time) {
	if n, ok := parseNumber(item[versionKey]); ok {
		version = int(*n)
	}
	at, _ = parseTime(item[publishedAtKey])
	return version, at
}

// Publish stores a document over the one with the stamp before, and reports whether it did. exists says whether there must be
// one. A document with the stamp 0 has none.
func (s *Assistants) Publish(ctx context.Context, p aurora.PublishedAssistant, before int, exists bool) (done bool, err error) {
	_, item, err := encodeAssistant(p.Content)
	if err != nil {
		return false, err
	}
	t, err := s.table()
	if err != nil {
		return false, err
	}
	for name, v := range map[string]any{versionKey: p.Stamp, hashKey: p.Hash, publishIDKey: p.PublishID, publishedByKey: p.By,
		publishedAtKey: p.At.UTC().Format(time.RFC3339Nano)} {
		if item[name], err = dynamo.Marshal(v); err != nil {
			return false, err
		}
	}
	put := t.Put(item)
	switch {
	case !exists:
		put = put.If("attribute_not_exists($)", idKey)
	case before == 0:
		put = put.If("attribute_exists($) AND attribute_not_exists($)", idKey, versionKey)
	default:
		put = put.If("$ = ?", versionKey, before)
	}
	return wroteAssistant(put.Run(ctx))
}

// Remove deletes the document with this stamp, and reports whether it did.
func (s *Assistants) Remove(ctx context.Context, id string, stamp int) (done bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	remove := t.Delete(idKey, id)
	if stamp == 0 {
		remove = remove.If("attribute_exists($) AND attribute_not_exists($)", idKey, versionKey)
	} else {
		remove = remove.If("$ = ?", versionKey, stamp)
	}
	return wroteAssistant(remove.Run(ctx))
}

func wroteAssistant(err error) (done bool, _ error) {
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, errUnavailable("The assistant could not be written.").Because(fmt.Errorf("write assistant: %w", err))
	}
	return true, nil
}

// AllLive returns all published documents, ordered by id.
func (s *Assistants) AllLive(ctx context.Context) ([]aurora.PublishedAssistant, error) {
	t, err := s.bulkTable()
	if err != nil {
		return nil, err
	}
	var items []dynamo.Item
	if err := t.Scan().Consistent(true).All(ctx, &items); err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return nil, errUnavailable("The assistants cannot be read now.").Because(err)
	}
	all := make([]aurora.PublishedAssistant, 0, len(items))
	for _, item := range items {
		p, err := publishedOf(item)
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b aurora.PublishedAssistant) int { return cmp.Compare(a.ID, b.ID) })
	return all, nil
}

// WithNumber returns the ids of the assistants that have a number. The index lags behind the table.
func (s *Assistants) WithNumber(ctx context.Context, number aurora.Phone) (ids []string, err error) {
	t, err := s.table()
	if err != nil {
		return nil, err
	}
	for _, spelling := range number.Spellings() {
		items, err := itemsWith(ctx, t, numberKey, string(spelling))
		if err != nil {
			return nil, errUnavailable("The assistants cannot be read now.").Because(err)
		}
		for _, item := range items {
			if id, ok := parseString(item[idKey]); ok && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

// numberPrefix is the prefix of the keys of numbers that belong to an assistant. Such an item never expires.
const numberPrefix = "number#"

// numberItem is an aurora.NumberClaim as an item.
type numberItem struct {
	Key         string `dynamo:"key,hash"`
	AssistantID string `dynamo:"assistantId"`
	Token       string `dynamo:"owner"`
	Until       int64  `dynamo:"until"` // milliseconds since 1970; 0 once it is finished
}

// NumberClaim returns the claim of a number, read consistently.
func (s *Ledger) NumberClaim(ctx context.Context, number aurora.Phone) (c aurora.NumberClaim, ok bool, err error) {
	t, err := s.table()
	if err != nil {
		return c, false, err
	}
	var item numberItem
	err = t.Get("key", numberPrefix+string(number)).Consistent(true).One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) {
		return c, false, nil
	}
	if err != nil {
		return c, false, errUnavailable("The ledger cannot be read now.").Because(fmt.Errorf("read number claim: %w", err))
	}
	return aurora.NumberClaim{Number: number, AssistantID: item.AssistantID, Token: item.Token, Until: timeFromMillis(item.Until)}, true, nil
}

// PutNumberClaim stores a claim over the one with the token before, and reports whether it did. "" means that there is none.
func (s *Ledger) PutNumberClaim(ctx context.Context, c aurora.NumberClaim, before string) (done bool, err error) {
	t, err := s.table()
	if err != nil {
		return false, err
	}
	put := t.Put(numberItem{Key: numberPrefix + string(c.Number), AssistantID: c.AssistantID, Token: c.Token, Until: millis(c.Until)})
	if before == "" {
		put = put.If("attribute_not_exists($)", "key")
	} else {
		put = put.If("$ = ?", ownerKey, before)
	}
	err = put.Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, nil
	}
	if err != nil {
		return false, errUnavailable("The ledger cannot be written now.").Because(fmt.Errorf("claim number: %w", err))
	}
	return true, nil
}

// DeleteNumberClaim deletes the claim with the token, if it is still there.
func (s *Ledger) DeleteNumberClaim(ctx context.Context, number aurora.Phone, token string) error {
	return s.ReleaseKey(ctx, numberPrefix+string(number), token)
}
