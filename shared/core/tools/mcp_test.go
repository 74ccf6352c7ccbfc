package tools

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

// fakeMCPServer is an MCP server made with the SDK. It counts and records requests.
type fakeMCPServer struct {
	*httptest.Server
	lists, calls    atomic.Int32
	mu              sync.Mutex
	authHeaders     []string // Authorization headers
	idempotencyKeys []any
	release         chan struct{} // ends what hangs
	endHanging      func()
}

func newFakeMCPServer(t *testing.T, options *mcp.StreamableHTTPOptions, toolNames ...string) *fakeMCPServer {
	t.Helper()
	r := &fakeMCPServer{release: make(chan struct{})}
	r.endHanging = sync.OnceFunc(func() { close(r.release) })
	server := mcp.NewServer(&mcp.Implementation{Name: "double", Version: "1"}, nil)
	server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
			if method == "tools/list" {
				r.lists.Add(1)
			}
			return next(ctx, method, req)
		}
	})
	for _, name := range toolNames {
		server.AddTool(&mcp.Tool{Name: name, Description: "Does " + name + ".", InputSchema: json.RawMessage(`{"type":"object","required":["day"],"properties":{"day":{"type":"integer"}}}`),
			Annotations: &mcp.ToolAnnotations{ReadOnlyHint: name == "look"}},
			func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
				n := r.calls.Add(1)
				r.mu.Lock()
				r.idempotencyKeys = append(r.idempotencyKeys, req.Params.Meta["aurora/idempotencyKey"])
				r.mu.Unlock()
				switch name {
				case "refuse":
					return &mcp.CallToolResult{IsError: true, Content: []mcp.Content{&mcp.TextContent{Text: "The day is full."}}}, nil
				case "break":
					return nil, errors.New("broken inside")
				case "structure":
					return &mcp.CallToolResult{StructuredContent: map[string]any{"free": true}}, nil
				case "picture":
					return &mcp.CallToolResult{Content: []mcp.Content{&mcp.ImageContent{Data: []byte("x"), MIMEType: "image/png"}}}, nil
				case "large":
					return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: strings.Repeat("y", 200<<10)}}}, nil
				case "echo":
					return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: req.Extra.Header.Get("Authorization")}}}, nil
				case "hang":
					<-r.release
					return nil, errors.New("too late")
				}
				return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "done " + string(req.Params.Arguments)}, &mcp.TextContent{Text: string(rune('0' + n))}}}, nil
			})
	}
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, options)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		r.authHeaders = append(r.authHeaders, req.Header.Get("Authorization"))
		r.mu.Unlock()
		handler.ServeHTTP(w, req)
	}))
	t.Cleanup(func() {
		r.endHanging()
		for s := range server.Sessions() {
			_ = s.Close()
		}
		r.CloseClientConnections()
		r.Close()
	})
	return r
}

func mcpScope(servers ...*fakeMCPServer) Scope {
	s := testScope()
	s.Assistant.Functions = aurora.List{"end_call"}
	for _, r := range servers {
		s.Assistant.MCPServers = append(s.Assistant.MCPServers, aurora.MCPServer{URL: r.URL, Secret: "mcp"})
	}
	return s
}

func newMCPKit(t *testing.T, servers ...*fakeMCPServer) (*Kit, *fakeBackends) {
	t.Helper()
	k, w := newKit(t)
	w.secrets["aurora/test/tools/mcp"] = "the-bearer-secret"
	for _, r := range servers {
		k.PrivateHosts = append(k.PrivateHosts, hostPort(r.Server))
	}
	return k, w
}

func TestMCPTools(t *testing.T) {
	for name, options := range map[string]*mcp.StreamableHTTPOptions{"with sessions": nil, "stateless": {Stateless: true}, "JSON responses": {JSONResponse: true}} {
		t.Run(name, func(t *testing.T) {
			r := newFakeMCPServer(t, options, "book", "break", "echo", "large", "look", "picture", "refuse", "structure")
			k, _ := newMCPKit(t, r)
			s := mcpScope(r)
			available := k.ForScope(t.Context(), s)
			check(t, "tools", toolNames(available), []string{"end_call", "book", "break", "echo", "large", "look", "picture", "refuse", "structure"})
			for tool, want := range map[string]string{
				"book":      "done {\"day\":1}\n",
				"break":     "Error: broken inside",
				"echo":      "Bearer [redacted]",
				"large":     strings.Repeat("y", 64<<10),
				"look":      "done {\"day\":1}\n",
				"picture":   "(something that is no text)",
				"refuse":    "Error: The day is full.",
				"structure": `{"free":true}`,
			} {
				out, err := callTool(t, findTool(t, available, tool), `{"day":1}`)
				if err != nil || !strings.HasPrefix(out.Content, want) {
					t.Errorf("%s: content %.200q, error %v; want the beginning %.200q", tool, out.Content, err, want)
				}
				if len(out.Content) > 64<<10 {
					t.Errorf("%s: content of %d bytes, want 64 KB at most", tool, len(out.Content))
				}
			}
			if err := findTool(t, available, "book").Validate(json.RawMessage(`{"day":"x"}`)); !fault.Is(err, fault.Invalid) {
				t.Errorf("error of invalid arguments = %v, want invalid", err)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, key := range r.authHeaders {
				if key != "Bearer the-bearer-secret" {
					t.Errorf("Authorization = %q, want the bearer token", key)
				}
			}
		})
	}
}

// TestMCPEffectsHappenOnce: a call with a new id is the same request (faults.md row 25). A read-only tool runs again.
func TestMCPEffectsHappenOnce(t *testing.T) {
	r := newFakeMCPServer(t, nil, "book", "look")
	k, _ := newMCPKit(t, r)
	s := mcpScope(r)
	for tool, want := range map[string]int32{"book": 1, "look": 2} {
		r.calls.Store(0)
		for _, id := range []string{"first", "again"} {
			if _, err := findTool(t, k.ForScope(t.Context(), s), tool).Run(t.Context(), agent.Invocation{ID: id, Arguments: json.RawMessage(`{"day":1}`)}); err != nil {
				t.Error(err)
			}
		}
		if r.calls.Load() != want {
			t.Errorf("%s was called %d times, want %d", tool, r.calls.Load(), want)
		}
	}
	if want := idempotencyKey(s, "book", agent.Invocation{Arguments: json.RawMessage(`{"day":1}`)}); r.idempotencyKeys[0] != want && r.idempotencyKeys[len(r.idempotencyKeys)-1] != want {
		t.Errorf("the server received the idempotency keys %v, want %s among them", r.idempotencyKeys, want)
	}
}

func TestMCPListsAreCachedFiveMinutes(t *testing.T) {
	r := newFakeMCPServer(t, nil, "book")
	k, _ := newMCPKit(t, r)
	now := testNow
	k.Now = func() time.Time { return now }
	s := mcpScope(r)
	load := func() []string { return toolNames(k.ForScope(t.Context(), s)) }
	both := []string{"end_call", "book"}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			check(t, "tools", load(), both)
		})
	}
	all.Wait()
	now = now.Add(5*time.Minute - time.Second)
	load()
	check(t, "requests within five minutes", r.lists.Load(), 1)
	now = now.Add(time.Second)
	load()
	check(t, "requests after five minutes", r.lists.Load(), 2)
	r.CloseClientConnections()
	r.Close()
	now = now.Add(6 * time.Minute)
	check(t, "tools while the server does not answer", load(), both)
	now = now.Add(time.Hour)
	check(t, "tools after an hour", load(), []string{"end_call"})
}

// A server that does not answer costs a warning and two seconds at most, once in 30 seconds.
func TestMCPServerUnavailable(t *testing.T) {
	log := testkit.CaptureLog(t)
	good := newFakeMCPServer(t, nil, "book")
	var requests atomic.Int32
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		waitForEnd(r, release)
	}))
	defer hanging.Close()
	defer close(release)
	closed := httptest.NewServer(nil)
	closed.Close()
	junk := httptest.NewServer(respondWith(200, "<html>"))
	defer junk.Close()
	k, _ := newMCPKit(t, good)
	k.PrivateHosts = append(k.PrivateHosts, hostPort(hanging), hostPort(closed), hostPort(junk))
	s := mcpScope(good)
	for _, url := range []string{hanging.URL, closed.URL, junk.URL, "https://10.0.0.1/"} {
		s.Assistant.MCPServers = append([]aurora.MCPServer{{URL: url}}, s.Assistant.MCPServers...)
	}
	start := time.Now()
	check(t, "tools", toolNames(k.ForScope(t.Context(), s)), []string{"end_call", "book"})
	if took := time.Since(start); took > 2500*time.Millisecond {
		t.Errorf("it took %s, want 2 s", took)
	}
	l := &k.mcpServers.get(t.Context(), aurora.MCPServer{URL: hanging.URL}).list
	l.mu.Lock() // waits for the request
	failed := l.failedAt
	l.mu.Unlock()
	if !failed.Equal(testNow) {
		t.Errorf("time of the failure = %s, want %s", failed, testNow)
	}
	before := requests.Load()
	start = time.Now()
	k.ForScope(t.Context(), s)
	if took := time.Since(start); took > time.Second {
		t.Errorf("the second time it took %s, want no waiting", took)
	}
	check(t, "requests the second time", requests.Load()-before, 0)
	check(t, "warnings", strings.Count(log.String(), "mcp.list_failed"), 4)
}

func TestMCPNamesArePrefixedOnlyOnCollision(t *testing.T) {
	a := newFakeMCPServer(t, nil, "book", "end_call", "transfer_to_sales", "get_current_time")
	b := newFakeMCPServer(t, nil, "book", "cancel", "theirs", "a.b")
	k, _ := newMCPKit(t, a, b)
	s := mcpScope(a, b)
	s.CallerTools = []string{"theirs"}
	want := []string{"end_call", "book", "127_0_0_1_end_call", "127_0_0_1_get_current_time", "127_0_0_1_transfer_to_sales", "a_b", "127_0_0_1_book", "cancel", "127_0_0_1_theirs"}
	check(t, "tools", toolNames(k.ForScope(t.Context(), s)), want)
	out, err := callTool(t, findTool(t, k.ForScope(t.Context(), s), "127_0_0_1_book"), `{"day":1}`)
	if err != nil || b.calls.Load() != 1 || a.calls.Load() != 0 {
		t.Errorf("content %q, error %v; a was called %d times, b %d times, want only b once", out.Content, err, a.calls.Load(), b.calls.Load())
	}
}

func TestMCPToolTimeout(t *testing.T) {
	r := newFakeMCPServer(t, nil, "hang")
	k, _ := newMCPKit(t, r)
	t.Cleanup(r.endHanging) // before the session is closed
	tool := findTool(t, k.ForScope(t.Context(), mcpScope(r)), "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := tool.Run(ctx, agent.Invocation{Arguments: json.RawMessage(`{"day":1}`)})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("error = %v, want timeout", err)
	}
}

func TestSafeToolName(t *testing.T) {
	for name, want := range map[string]string{"a.b/c": "a_b_c", "größe": "gr__e", strings.Repeat("x", 100): strings.Repeat("x", 64), "": ""} {
		if got := safeToolName(name); got != want {
			t.Errorf("safeToolName(%q) = %q, want %q", name, got, want)
		}
	}
}
