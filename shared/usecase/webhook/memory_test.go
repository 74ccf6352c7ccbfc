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
	mu        sync.Mutex
	aliases   map[string]aurora.CallAlias
	rows      map[aurora.CallKey]aurora.Call
	objects   map[string]storedObject
	queue     []queuedMessage
	puts      int   // objects written
	bucketErr error // by the bucket
	queueErr  error // by the queue
}

type storedObject struct {
	body, hash string
	written    time.Time
}

type queuedMessage struct {
	body       string
	attributes map[string]string
}

func newMemory() *memory {
	return &memory{aliases: map[string]aurora.CallAlias{}, rows: map[aurora.CallKey]aurora.Call{}, objects: map[string]storedObject{}}
}

func (m *memory) Alias(_ context.Context, name string) (aurora.CallAlias, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.aliases[name]
	a.RowKeys = slices.Clone(a.RowKeys)
	return a, ok, nil
}

func (m *memory) CreateAlias(_ context.Context, a aurora.CallAlias) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.aliases[a.Name]; ok {
		return false, nil
	}
	m.aliases[a.Name] = a
	return true, nil
}

func (m *memory) UpdateAlias(_ context.Context, a aurora.CallAlias) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.aliases[a.Name]; !ok || old.Revision != a.Revision-1 {
		return false, nil
	}
	m.aliases[a.Name] = a
	return true, nil
}

func (m *memory) Row(_ context.Context, at aurora.CallKey) (aurora.Call, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.rows[at]
	return c, ok, nil
}

func (m *memory) Put(_ context.Context, c aurora.Call) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.rows[c.CallKey]; !ok || old.Version < c.Version {
		m.rows[c.CallKey] = c
	}
	return nil
}

func (m *memory) Delete(_ context.Context, c aurora.Call) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.rows[c.CallKey]; ok && old.Version != c.Version {
		return false, nil
	}
	delete(m.rows, c.CallKey)
	return true, nil
}

// memoryBucket and memoryQueue are the memory's other faces: the names of their methods collide with the ledger's.
type memoryBucket struct{ *memory }

func (b memoryBucket) Create(_ context.Context, key string, body []byte, hash string) (bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bucketErr != nil {
		return false, b.bucketErr
	}
	if there, ok := b.objects[key]; ok {
		return there.hash == hash, nil
	}
	b.puts++
	b.objects[key] = storedObject{string(body), hash, noon.Add(time.Duration(b.puts) * time.Second)}
	return true, nil
}

func (b memoryBucket) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.objects[key]
	if !ok {
		return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
	}
	return []byte(o.body), o.written, nil
}

func (b memoryBucket) keys() []string { return slices.Sorted(maps.Keys(b.objects)) }

type memoryQueue struct{ *memory }

func (q memoryQueue) Send(_ context.Context, body string, attributes map[string]string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.queueErr != nil {
		return q.queueErr
	}
	q.queue = append(q.queue, queuedMessage{body, attributes})
	return nil
}

// fakeAssistants is a table of assistants.
type fakeAssistants struct {
	list []aurora.Assistant
	err  error
}

func (s fakeAssistants) ByID(_ context.Context, id string) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return a.ID() == id })
}

func (s fakeAssistants) ByNumber(_ context.Context, n aurora.Phone) (aurora.Assistant, error) {
	return s.find(func(a aurora.Assistant) bool { return slices.Contains(a.Numbers()[:min(1, len(a.Numbers()))], n) })
}

func (s fakeAssistants) find(is func(aurora.Assistant) bool) (aurora.Assistant, error) {
	if s.err != nil {
		return aurora.Assistant{}, s.err
	}
	for _, a := range s.list {
		if is(a) {
			return a, nil
		}
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")
}

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// metricCounts is a Count that remembers.
type metricCounts struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *metricCounts) count(_ context.Context, metric string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[string]int{}
	}
	c.n[metric]++
}
