package webhook_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// memory is a ledger, a table of calls, a bucket and a queue as the adapters give them: conditional writes that say
// whether they were done (the adapters' own tests hold DynamoDB and S3 to the same).
type memory struct {
	mu      sync.Mutex
	aliases map[string]aurora.Alias
	rows    map[aurora.Place]aurora.Call
	objects map[string]object
	queue   []queued
	puts    int   // objects written
	refuse  error // by the bucket
	full    error // by the queue
}

type object struct {
	body, hash string
	written    time.Time
}

type queued struct {
	body       string
	attributes map[string]string
}

func newMemory() *memory {
	return &memory{aliases: map[string]aurora.Alias{}, rows: map[aurora.Place]aurora.Call{}, objects: map[string]object{}}
}

func (m *memory) Alias(_ context.Context, name string) (aurora.Alias, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.aliases[name]
	a.Places = slices.Clone(a.Places)
	return a, ok, nil
}

func (m *memory) Create(_ context.Context, a aurora.Alias) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.aliases[a.Name]; ok {
		return false, nil
	}
	m.aliases[a.Name] = a
	return true, nil
}

func (m *memory) Change(_ context.Context, a aurora.Alias) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.aliases[a.Name]; !ok || old.Revision != a.Revision-1 {
		return false, nil
	}
	m.aliases[a.Name] = a
	return true, nil
}

func (m *memory) Row(_ context.Context, at aurora.Place) (aurora.Call, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.rows[at]
	return c, ok, nil
}

func (m *memory) Put(_ context.Context, c aurora.Call) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.rows[c.Place]; !ok || old.Version < c.Version {
		m.rows[c.Place] = c
	}
	return nil
}

func (m *memory) Delete(_ context.Context, c aurora.Call) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.rows[c.Place]; ok && old.Version != c.Version {
		return false, nil
	}
	delete(m.rows, c.Place)
	return true, nil
}

// bucketOf and queueOf are the memory's other faces: the names of their methods collide with the ledger's.
type bucketOf struct{ *memory }

func (b bucketOf) Create(_ context.Context, key string, body []byte, hash string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return false, b.refuse
	}
	if there, ok := b.objects[key]; ok {
		return there.hash == hash, nil
	}
	b.puts++
	b.objects[key] = object{string(body), hash, noon.Add(time.Duration(b.puts) * time.Second)}
	return true, nil
}

func (b bucketOf) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.objects[key]
	if !ok {
		return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
	}
	return []byte(o.body), o.written, nil
}

func (b bucketOf) keys() []string { return slices.Sorted(maps.Keys(b.objects)) }

type queueOf struct{ *memory }

func (q queueOf) Send(_ context.Context, body string, attributes map[string]string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.full != nil {
		return q.full
	}
	q.queue = append(q.queue, queued{body, attributes})
	return nil
}

// stored is a table of assistants.
type stored struct {
	list []aurora.Assistant
	away error
}

func (s stored) ByID(_ context.Context, id string) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return a.ID() == id })
}

func (s stored) ByNumber(_ context.Context, n aurora.Phone) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return slices.Contains(a.Numbers()[:min(1, len(a.Numbers()))], n) })
}

func (s stored) find(is func(aurora.Assistant) bool) (aurora.Assistant, error) {
	if s.away != nil {
		return aurora.Assistant{}, s.away
	}
	for _, a := range s.list {
		if is(a) {
			return a, nil
		}
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.").Coded("assistant_not_found")
}

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// counts is a Count that remembers.
type counts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *counts) count(_ context.Context, metric string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[metric]++
}
