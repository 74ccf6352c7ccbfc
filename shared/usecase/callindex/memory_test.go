package callindex_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callindex"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var noon = time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)

// memory is an in-memory ledger, calls table and bucket. Its conditional writes report whether they were done, as the
// adapters' do: the adapters' own tests check that DynamoDB and S3 behave so.
type memory struct {
	mu      sync.Mutex
	aliases map[string]aurora.CallAlias
	rows    map[aurora.CallKey]aurora.Call
	objects map[string]storedObject
	writes  int   // objects written
	err     error // returned instead of writing an object
}

type storedObject struct {
	body, hash string
	written    time.Time
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

func (m *memory) Row(_ context.Context, key aurora.CallKey) (aurora.Call, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.rows[key]
	return c, ok, nil
}

func (m *memory) Put(_ context.Context, c aurora.Call) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old, ok := m.rows[c.CallKey]
	if ok != (c.Revision > 0) || ok && old.Revision != c.Revision-1 {
		return false, nil
	}
	m.rows[c.CallKey] = c
	return true, nil
}

func (m *memory) Delete(_ context.Context, c aurora.Call) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.rows[c.CallKey]; ok && (old.Version != c.Version || old.Revision != c.Revision) {
		return false, nil
	}
	delete(m.rows, c.CallKey)
	return true, nil
}

func (m *memory) Create(_ context.Context, key string, body []byte, hash string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return false, m.err
	}
	if old, ok := m.objects[key]; ok {
		return old.hash == hash, nil
	}
	m.writes++
	m.objects[key] = storedObject{string(body), hash, noon.Add(time.Duration(m.writes) * time.Second)}
	return true, nil
}

func (m *memory) Read(_ context.Context, key string) ([]byte, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[key]
	if !ok {
		return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
	}
	return []byte(o.body), o.written, nil
}

// reportKeys returns the keys of the stored reports, in order.
func (m *memory) reportKeys() []string { return slices.Sorted(maps.Keys(m.objects)) }

// fixture is a worker over a memory.
type fixture struct {
	*memory
	worker *callindex.Worker

	mu      sync.Mutex
	metrics map[string]int
}

func newFixture() *fixture {
	f := &fixture{memory: newMemory(), metrics: map[string]int{}}
	f.worker = &callindex.Worker{Reader: f.memory, Writer: f.memory, Assistants: testkit.NewAssistants(aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley", AssistantPhoneNumber: "+15551230100"}}), Index: newIndex(f.memory, f.memory),
		Count: func(_ context.Context, metric string) { f.mu.Lock(); defer f.mu.Unlock(); f.metrics[metric]++ }}
	return f
}

func newIndex(aliases callindex.AliasStore, rows callindex.RowStore) *callindex.Index {
	return &callindex.Index{Aliases: aliases, Rows: rows, Now: func() time.Time { return noon }, Retention: 400 * 24 * time.Hour}
}

// store puts the report with these fields into the bucket, as the webhook does, and returns its key.
func (f *fixture) store(t *testing.T, fields string) string {
	t.Helper()
	body := []byte(`{"message":{"type":"end-of-call-report",` + fields + `}}`)
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		t.Fatal(err)
	}
	id := m.Identity()
	hash := fmt.Sprintf("%064d", len(f.objects))
	key := aurora.EndOfCallKey(id.AssistantID, id.CallID(), id.Day(), hash)
	if created, err := f.Create(t.Context(), key, body, hash); err != nil || !created {
		key = aurora.ConflictKey(key, hash[len(hash)-8:])
		if _, err := f.Create(t.Context(), key, body, hash); err != nil {
			t.Fatal(err)
		}
	}
	return key
}

// deliver delivers the notification of one object.
func (f *fixture) deliver(t *testing.T, key string) {
	t.Helper()
	if err := f.worker.ObjectCreated(t.Context(), key); err != nil {
		t.Fatalf("deliver the notification of %s: %v", key, err)
	}
}

// deliverAll delivers the notification of every object twice.
func (f *fixture) deliverAll(t *testing.T) {
	t.Helper()
	for range 2 {
		for _, key := range f.reportKeys() {
			f.deliver(t, key)
		}
	}
}

// row returns the only row.
func (f *fixture) row(t *testing.T) aurora.Call {
	t.Helper()
	if len(f.rows) != 1 {
		t.Fatalf("there are %d rows, want 1: %+v", len(f.rows), f.rows)
	}
	for _, c := range f.rows {
		return c
	}
	return aurora.Call{}
}
