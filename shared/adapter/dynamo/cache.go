package dynamo

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
)

// Limits of the cache.
const (
	freshTTL        = 30 * time.Second // used without a read
	staleTTL        = 5 * time.Minute  // used if the table does not answer
	negativeTTL     = 5 * time.Second  // "no such assistant" and "invalid configuration"
	maxCacheEntries = 1000             // then the cache is emptied: somebody is trying ids
)

// cache holds assistants by the key of their look-up.
type cache struct {
	now     func() time.Time
	mu      sync.Mutex
	entries map[string]cacheEntry
	flight  singleflight.Group
}

type cacheEntry struct {
	assistant aurora.Assistant
	err       error // NotFound or Internal: there is no usable assistant
	readAt    time.Time
}

// get returns a fresh entry, else what read returns, else a stale entry.
func (c *cache) get(ctx context.Context, key string, read func(context.Context) (aurora.Assistant, error)) (aurora.Assistant, error) {
	known, ok := c.lookup(key)
	began := c.now()
	if age := began.Sub(known.readAt); ok && (age < negativeTTL || known.err == nil && age < freshTTL) {
		trace.ReadAssistant(ctx, "cache", 0)
		return known.assistant, known.err
	}
	if err := ctx.Err(); err != nil {
		return aurora.Assistant{}, errUnavailable("The assistants cannot be read now.").Because(err)
	}
	usable := ok && known.err == nil && c.now().Sub(known.readAt) <= staleTTL
	v, err, _ := c.flight.Do(key, func() (any, error) {
		// The first caller reads for all that wait, so the read must not end when that caller disconnects.
		timeout := readTimeout
		if !usable {
			timeout = firstReadTimeout
		}
		shared, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		a, err := read(shared)
		if err == nil || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Internal) {
			c.store(key, cacheEntry{a, err, c.now()})
		}
		return a, err
	})
	if fault.Is(err, fault.Unavailable) && usable {
		trace.ReadAssistant(ctx, "stale", c.now().Sub(began))
		return known.assistant, nil
	}
	trace.ReadAssistant(ctx, "table", c.now().Sub(began))
	a, _ := v.(aurora.Assistant)
	return a, err
}

func (c *cache) lookup(key string) (cacheEntry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	return e, ok
}

func (c *cache) store(key string, e cacheEntry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) >= maxCacheEntries {
		clear(c.entries)
	}
	if c.entries == nil {
		c.entries = make(map[string]cacheEntry)
	}
	c.entries[key] = e
}
