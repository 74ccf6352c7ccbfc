package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/fakes3"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callindex"
)

// fakeTables are the ledger and the calls table in memory, with conditional writes like those of DynamoDB.
type fakeTables struct {
	mu      sync.Mutex
	aliases map[string]aurora.CallAlias
	rows    map[aurora.CallKey]aurora.Call
}

func (m *fakeTables) Alias(_ context.Context, name string) (aurora.CallAlias, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.aliases[name]
	return a, ok, nil
}

func (m *fakeTables) CreateAlias(_ context.Context, a aurora.CallAlias) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.aliases[a.Name]; ok {
		return false, nil
	}
	m.aliases[a.Name] = a
	return true, nil
}

func (m *fakeTables) UpdateAlias(_ context.Context, a aurora.CallAlias) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.aliases[a.Name].Revision != a.Revision-1 {
		return false, nil
	}
	m.aliases[a.Name] = a
	return true, nil
}

func (m *fakeTables) Row(_ context.Context, at aurora.CallKey) (aurora.Call, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.rows[at]
	return c, ok, nil
}

func (m *fakeTables) Put(_ context.Context, c aurora.Call) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.rows[c.CallKey]; ok != (c.Revision > 0) || ok && old.Revision != c.Revision-1 {
		return false, nil
	}
	m.rows[c.CallKey] = c
	return true, nil
}

func (m *fakeTables) Delete(_ context.Context, c aurora.Call) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rows, c.CallKey)
	return true, nil
}

// calls returns a copy of the rows.
func (m *fakeTables) calls() map[aurora.CallKey]aurora.Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.rows)
}

// testBucket is a bucket in which faultFor can answer a request in its place.
type testBucket struct {
	*s3.Bucket
	tables   *fakeTables
	faultFor func(w http.ResponseWriter, r *http.Request) bool
	data     string
}

func newTestBucket(t *testing.T) *testBucket {
	t.Helper()
	s := &testBucket{data: t.TempDir(), tables: &fakeTables{aliases: map[string]aurora.CallAlias{}, rows: map[aurora.CallKey]aurora.Call{}}}
	store := fakes3.Serve(t, "calls")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.faultFor == nil || !s.faultFor(w, r) {
			store.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	s.Bucket = s3.New(testkit.AWSConfig(server.URL, nil), "calls")
	return s
}

func (s *testBucket) put(t *testing.T, key, body string) {
	t.Helper()
	if _, err := s.Create(t.Context(), key, []byte(body), key); err != nil {
		t.Fatal(err)
	}
}

// run reindexes as the command does, and returns its output.
func (s *testBucket) run(t *testing.T) (string, error) {
	t.Helper()
	var out bytes.Buffer
	now := func() time.Time { return time.Date(2026, 11, 18, 15, 0, 0, 0, time.UTC) }
	r := &reindexRun{out: &out, bucket: "calls", keys: s, progressFile: filepath.Join(s.data, "reindex-test.json"), worker: &callindex.Worker{
		Reader: s, Assistants: testkit.NewAssistants(), Index: &callindex.Index{Aliases: s.tables, Rows: s.tables, Now: now, Retention: time.Hour}}}
	err := r.run(t.Context())
	return out.String(), err
}

func reportKey(i int) string { return fmt.Sprintf("eoc/riley/2026/11/18/c%04d.json", i) }

// Fault 58: there are more reports than one list request returns. One is deleted meanwhile, one is incomplete, one breaks off
// on the wire, and the first run is stopped half way.
func TestFault58Reindex(t *testing.T) {
	const n = 1100
	s := newTestBucket(t)
	for i := range n {
		s.put(t, reportKey(i), fmt.Sprintf(`{"message":{"type":"end-of-call-report","call":{"id":"c%04d","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","transcript":"User: Hi"}}`, i))
	}
	s.put(t, "eoc/riley/2026/11/18/z.json", `{"message":{"type":"end-of-call-report","call":{"id":"c0001","assi`)
	s.put(t, "eoc/riley/2026/11/18/c0003~beef0001.json", `{"message":{"type":"end-of-call-report","timestamp":1795014286705,"call":{"id":"c0003","assistantId":"riley"},"endedAt":"2026-11-18T15:04:42Z","cost":2}}`)
	s.put(t, "analysis/riley/2026/11/18/c0007.json", `{"summary":"Said hello.","outcome":"resolved","topics":["greeting"]}`)
	var denied atomic.Value // the end of the path that S3 denies access to; "" is none
	denied.Store("")
	s.faultFor = func(w http.ResponseWriter, r *http.Request) bool {
		path := denied.Load().(string)
		switch {
		case path != "" && strings.HasSuffix(r.URL.Path, path):
			w.WriteHeader(http.StatusForbidden)
		case strings.HasSuffix(r.URL.Path, "/eoc/riley/2026/11/18/c0042.json"):
			w.WriteHeader(http.StatusNotFound) // deleted since it was listed
		case strings.HasSuffix(r.URL.Path, "/eoc/riley/2026/11/18/c0099.json"):
			w.Header().Set("Content-Length", "200")
			_, _ = w.Write([]byte(`{"message":`))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		default:
			return false
		}
		return true
	}

	t.Run("fault 58: a store failure ends the run", func(t *testing.T) {
		denied.Store("/c0700.json")
		out, err := s.run(t)
		if err == nil || !strings.Contains(err.Error(), "run it again to resume there") || strings.Contains(out, "reports read") {
			t.Fatalf("the error is %v, want one that says how to resume; the output is\n%s", err, out)
		}
		if rows := len(s.tables.calls()); rows < 600 || rows > 720 {
			t.Errorf("%d rows exist after a failure at the 700th report", rows)
		}
	})
	t.Run("fault 58: the next run resumes and counts all", func(t *testing.T) {
		denied.Store("/c0007.json") // this report is done, and must not be read again
		out, err := s.run(t)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"resuming after eoc/riley/2026/11/18/c0", "unreadable: eoc/riley/2026/11/18/c0099.json\nunreadable: eoc/riley/2026/11/18/z.json\n",
			fmt.Sprintf("%d reports read, %d rows, 1 gone, 2 unreadable", n-2+1, n-2)} {
			if !strings.Contains(out, want) {
				t.Errorf("the output has no %q:\n%s", want, out)
			}
		}
		if rows := len(s.tables.calls()); rows != n-2 {
			t.Errorf("%d rows, want %d", rows, n-2)
		}
		row := func(id string) aurora.Call {
			return s.tables.calls()[aurora.CallKey{AssistantID: "riley", Day: "2026-11-18", CallID: id}]
		}
		if c := row("c0007"); c.Summary != "Said hello." || c.Outcome != aurora.OutcomeResolved {
			t.Errorf("the stored analysis was not used: %+v", c)
		}
		if c := row("c0003"); c.Cost == nil || *c.Cost != 2 {
			t.Errorf("the row is not that of the newest report: %+v", c)
		}
		if left, err := os.ReadDir(s.data); err != nil || len(left) != 0 {
			t.Errorf("the data folder still has %v (%v), want no progress file", left, err)
		}
	})
	t.Run("fault 58: another run changes nothing", func(t *testing.T) {
		denied.Store("")
		before := fmt.Sprint(s.tables.calls())
		if out, err := s.run(t); err != nil || !strings.Contains(out, "1 gone, 2 unreadable") || fmt.Sprint(s.tables.calls()) != before {
			t.Errorf("the run changed rows or counted something else (%v):\n%s", err, out)
		}
	})
}

func TestReindexingAnEmptyBucket(t *testing.T) {
	s := newTestBucket(t)
	if out, err := s.run(t); err != nil || !strings.Contains(out, "0 reports read, 0 rows, 0 gone, 0 unreadable") {
		t.Errorf("the run failed or counted something (%v):\n%s", err, out)
	}
	progress := filepath.Join(s.data, "reindex-test.json")
	if err := os.WriteFile(progress, []byte(`{"bucket":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.run(t); err == nil || !strings.Contains(err.Error(), "remove it to start from the beginning") {
		t.Errorf("the error for a broken progress file is %v", err)
	}
	if err := os.WriteFile(progress, []byte(`{"bucket":"another","after":"eoc/zzz"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.put(t, reportKey(1), `{"message":{"type":"end-of-call-report","call":{"id":"c1","assistantId":"riley"}}}`)
	if out, err := s.run(t); err != nil || !strings.Contains(out, "1 reports read, 1 rows") {
		t.Errorf("the progress of another bucket was used (%v):\n%s", err, out)
	}
}
