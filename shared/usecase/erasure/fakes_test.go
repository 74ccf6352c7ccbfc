package erasure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
)

var errKilled = errors.New("the process ended")

// memory is all stores in memory. The changes after the first left ones fail, as if the process had ended.
type memory struct {
	mu       sync.Mutex
	objects  map[aurora.ObjectVersion]string
	next     int
	tables   map[string]map[string]aurora.StoredItem
	messages map[string][]aurora.QueuedMessage
	made     []aurora.ReportJob
	traces   map[trace.Key]int // records by the id of their call
	left     int               // changes that still succeed
	now      time.Time
}

func newMemory() *memory {
	return &memory{objects: map[aurora.ObjectVersion]string{}, tables: map[string]map[string]aurora.StoredItem{"assistants": {}, "calls": {}, "ledger": {}},
		messages: map[string][]aurora.QueuedMessage{}, traces: map[trace.Key]int{}, left: 1 << 30, now: time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)}
}

func (m *memory) service() *Service {
	return &Service{Bucket: m, Writer: m, Assistants: memoryTable{m, "assistants"}, Calls: memoryTable{m, "calls"}, Ledger: memoryTable{m, "ledger"},
		Queues: []NamedQueue{{"raw", memoryQueue{m, "raw"}}}, Packing: plainPacking{}, Tombstones: m, Traces: m, Reports: m, Now: func() time.Time { return m.now }}
}

func (m *memory) EraseTraces(_ context.Context, call trace.Key, dryRun bool) (int, error) {
	n := m.traces[call]
	if n == 0 || dryRun {
		return n, nil
	}
	if err := m.change(); err != nil {
		return 0, err
	}
	delete(m.traces, call)
	return n, nil
}

// change counts a change, and fails if the process has ended.
func (m *memory) change() error {
	if m.left--; m.left < 0 {
		return errKilled
	}
	return nil
}

// put writes an object; the version before it becomes a noncurrent one.
func (m *memory) put(key, body string) {
	for v, text := range m.objects {
		if v.Key == key && v.Current {
			delete(m.objects, v)
			v.Current = false
			m.objects[v] = text
		}
	}
	m.next++
	m.objects[aurora.ObjectVersion{Key: key, ID: fmt.Sprint(m.next), Current: true}] = body
}

func (m *memory) Versions(_ context.Context, prefix string) iter.Seq2[aurora.ObjectVersion, error] {
	m.mu.Lock()
	all := slices.SortedFunc(maps.Keys(m.objects), func(a, b aurora.ObjectVersion) int { return strings.Compare(a.Key+a.ID, b.Key+b.ID) })
	m.mu.Unlock()
	return func(yield func(aurora.ObjectVersion, error) bool) {
		for _, v := range all {
			if strings.HasPrefix(v.Key, prefix) && !yield(v, nil) {
				return
			}
		}
	}
}

func (m *memory) ReadVersion(_ context.Context, v aurora.ObjectVersion) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	body, ok := m.objects[v]
	if !ok {
		return nil, fault.New(fault.NotFound, "There is no such object.")
	}
	return []byte(body), nil
}

func (m *memory) Replace(_ context.Context, v aurora.ObjectVersion, body []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.change(); err != nil {
		return err
	}
	if _, ok := m.objects[v]; !ok {
		return fault.New(fault.Conflict, "The object was changed meanwhile.")
	}
	m.put(v.Key, string(body))
	return nil
}

func (m *memory) RemoveVersion(_ context.Context, v aurora.ObjectVersion) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.change(); err != nil {
		return err
	}
	delete(m.objects, v)
	v.Current = false // replaced meanwhile
	delete(m.objects, v)
	return nil
}

func (m *memory) MarkErased(_ context.Context, calls []string, finished bool) error {
	for _, call := range calls {
		if err := m.change(); err != nil {
			return err
		}
		m.tables["ledger"][erasedPrefix+call] = aurora.StoredItem{"key": erasedPrefix + call, "finished": finished}
	}
	return nil
}

// MakeReports writes a report that lists the rows that are there.
func (m *memory) MakeReports(_ context.Context, jobs []aurora.ReportJob) []error {
	errs := make([]error, len(jobs))
	for i, job := range jobs {
		if errs[i] = m.change(); errs[i] == nil {
			m.made = append(m.made, job)
			m.putReport(job)
		}
	}
	return errs
}

func (m *memory) putReport(job aurora.ReportJob) {
	lines := "Call,Number\r\n"
	for _, key := range slices.Sorted(maps.Keys(m.tables["calls"])) {
		row := m.tables["calls"][key]
		if rowKey(row).AssistantID != job.AssistantID {
			continue
		}
		lines += row.Text("callId") + "," + row.Text("customer") + "\r\n"
	}
	prefix := aurora.ReportsPrefix + job.AssistantID + "/weekly/2026-11-20T0000/"
	b, _ := json.Marshal(aurora.Report{AssistantID: job.AssistantID, Period: job.Period, Until: job.Until})
	m.put(prefix+aurora.ReportCSVName, lines)
	m.put(prefix+aurora.ReportJSONName, string(b))
}

// memoryTable is one table of a memory.
type memoryTable struct {
	*memory
	name string
}

func itemKey(item aurora.StoredItem) string {
	return item.Text("assistantId") + item.Text("assistantDay") + "/" + item.Text("callId") + item.Text("key")
}

func (t memoryTable) add(item aurora.StoredItem) { t.tables[t.name][itemKey(item)] = item }

func (t memoryTable) All(context.Context) iter.Seq2[aurora.StoredItem, error] {
	all := slices.Sorted(maps.Keys(t.tables[t.name]))
	return func(yield func(aurora.StoredItem, error) bool) {
		for _, key := range all {
			if !yield(t.tables[t.name][key], nil) {
				return
			}
		}
	}
}

func (t memoryTable) Remove(_ context.Context, item aurora.StoredItem) error {
	if err := t.change(); err != nil {
		return err
	}
	delete(t.tables[t.name], itemKey(item))
	return nil
}

func (t memoryTable) Set(_ context.Context, item aurora.StoredItem, fields map[string]any) error {
	if err := t.change(); err != nil {
		return err
	}
	changed := maps.Clone(item)
	maps.Copy(changed, fields)
	t.tables[t.name][itemKey(item)] = changed
	return nil
}

// memoryQueue is one queue of a memory.
type memoryQueue struct {
	*memory
	name string
}

func (q memoryQueue) Sweep(ctx context.Context, visit func(context.Context, aurora.QueuedMessage) (aurora.MessageVerdict, error)) (string, error) {
	var left []aurora.QueuedMessage
	for i, message := range q.messages[q.name] {
		verdict, err := visit(ctx, message)
		if err == nil && verdict.Remove {
			err = q.change()
		}
		if err != nil {
			q.messages[q.name] = append(left, q.messages[q.name][i:]...)
			return "0", err
		}
		switch {
		case !verdict.Remove:
			left = append(left, message)
		case verdict.Replace != "":
			left = append(left, aurora.QueuedMessage{Body: verdict.Replace})
		}
	}
	q.messages[q.name] = left
	return "0", nil
}

// plainPacking takes every message for a report that is not packed.
type plainPacking struct{}

func (plainPacking) Unpack(m aurora.QueuedMessage) ([]byte, bool, error) {
	return []byte(m.Body), true, nil
}
func (plainPacking) Pack(report []byte) string { return string(report) }

// dump returns everything that is stored, each once, but what is remembered of erased calls.
func (m *memory) dump(t *testing.T) string {
	t.Helper()
	var lines []string
	for v, body := range m.objects {
		lines = append(lines, v.Key+" "+body)
	}
	for name, table := range m.tables {
		for _, item := range table {
			b, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(item.Text("key"), erasedPrefix) {
				lines = append(lines, name+" "+string(b))
			}
		}
	}
	for name, messages := range m.messages {
		for _, message := range messages {
			lines = append(lines, name+" "+message.Body)
		}
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}
