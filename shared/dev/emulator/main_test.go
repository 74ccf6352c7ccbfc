package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"example.com/aurora/shared/dev/testkit"
)

// builtPrograms is the folder into which TestMain builds testdata/functions.
var builtPrograms string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if data := os.Getenv("AURORA_LOCAL_TEST_DATA"); data != "" {
		return runChildStack(data)
	}
	dir, err := os.MkdirTemp("", "aurora-local-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	builtPrograms = dir
	t, err := readTemplate("testdata/template.yaml")
	if err == nil {
		var p *plan
		if p, err = newPlan(t); err == nil {
			err = build(context.Background(), "testdata", dir, os.Environ(), p.functions)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "goroutines outlive the tests:", err)
		return 1
	}
	return code
}

// waitTimeout is how long a test waits for an event before it fails.
const waitTimeout = 60 * time.Second

// startStack starts a stack of testdata, and checks at the test's end that no process is left.
func startStack(t *testing.T, o Options) *Stack {
	t.Helper()
	o.Root, o.Bin, o.clientsFolder = "testdata", builtPrograms, filepath.Join("..", "compat")
	if o.Data == "" {
		o.Data = t.TempDir()
	}
	if o.Out == nil {
		out := &testkit.Buffer{}
		o.Out = out
		t.Cleanup(func() {
			if t.Failed() {
				t.Log(out.String())
			}
		})
	}
	o.Environ = append(o.Environ, "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	s, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopStack(t, s) })
	return s
}

// stopStack stops a stack. It may be called more than once.
func stopStack(t *testing.T, s *Stack) {
	t.Helper()
	pids := runningPIDs(s)
	if err := s.Close(); err != nil {
		t.Errorf("stop the stack: %v", err)
	}
	for _, pid := range pids {
		if err := syscall.Kill(-pid, 0); err == nil {
			t.Errorf("process group %d still runs", pid)
		}
	}
}

func runningPIDs(s *Stack) []int {
	var pids []int
	for _, f := range s.functions {
		f.mu.Lock()
		processes := slices.Collect(maps.Keys(f.all))
		f.mu.Unlock()
		for _, p := range processes {
			p.mu.Lock()
			if p.child != nil {
				pids = append(pids, p.child.cmd.Process.Pid)
			}
			p.mu.Unlock()
		}
	}
	return pids
}

// sendRequest sends a request and reads the whole response. header has names and values in turn.
func sendRequest(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return response, string(b) + " !" + err.Error()
	}
	return response, string(b)
}

// jsonAt returns the value at a path in a JSON text.
func jsonAt(t *testing.T, text string, path ...string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("not JSON: %v in %.300s", err, text)
	}
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("%s is missing in %v", p, v)
		}
		v = m[p]
	}
	return v
}

// gate is a server that holds its requests until the test lets them through.
type gate struct {
	url     string
	arrived chan struct{}
	open    chan struct{}
}

func newGate(t *testing.T) *gate {
	g := &gate{arrived: make(chan struct{}, 1000), open: make(chan struct{}, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.arrived <- struct{}{}
		select {
		case <-g.open:
			_, _ = io.WriteString(w, "through")
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	g.url = server.URL
	return g
}

func receiveWithin[T any](t *testing.T, c <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(waitTimeout):
		t.Fatalf("gave up waiting for %s", what)
	}
	panic("unreachable")
}

// newSink starts a server that receives the events of the worker function. answer returns the worker's response to an event;
// a nil answer is an empty response.
func newSink(t *testing.T, answer func(event string) string) (url string, got chan string) {
	got = make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		reply := `{"batchItemFailures":[]}`
		if answer != nil {
			reply = answer(string(b))
		}
		if reply == "fail" {
			w.WriteHeader(http.StatusTeapot)
		} else {
			_, _ = io.WriteString(w, reply)
		}
		got <- string(b)
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server.URL, got
}
