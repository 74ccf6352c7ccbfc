package tools

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
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

// fakeMCPServer is an MCP server made with the SDK, which counts.
type fakeMCPServer struct {
	*httptest.Server
	lists, calls    atomic.Int32
	mu              sync.Mutex
	authHeaders     []string // Authorization headers
	idempotencyKeys []any
	release         chan struct{} // ends what hangs
}

func newFakeMCPServer(t *testing.T, options *mcp.StreamableHTTPOptions, toolNames ...string) *fakeMCPServer {
	t.Helper()
	r := &fakeMCPServer{release: make(chan struct{})}
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
		close(r.release)
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
	for name, options := range map[string]*mcp.StreamableHTTPOptions{"with sessions": nil, "stateless": {Stateless: true}, "answers as JSON": {JSONResponse: true}} {
		t.Run(name, func(t *testing.T) {
			r := newFakeMCPServer(t, options, "book", "break", "echo", "large", "look", "picture", "refuse", "structure")
			k, _ := newMCPKit(t, r)
			s := mcpScope(r)
			offered := k.ForScope(t.Context(), s)
			if want := []string{"end_call", "book", "break", "echo", "large", "look", "picture", "refuse", "structure"}; !reflect.DeepEqual(toolNames(offered), want) {
				t.Fatalf("offered %v", toolNames(offered))
			}
			for tool, c := range map[string]struct{ content, fails string }{
				"book":      {content: "done {\"day\":1}\n"},
				"break":     {content: "Error: broken inside"},
				"echo":      {content: "Bearer [redacted]"},
				"large":     {content: strings.Repeat("y", 64<<10)},
				"look":      {content: "done {\"day\":1}\n"},
				"picture":   {content: "(something that is no text)"},
				"refuse":    {content: "Error: The day is full."},
				"structure": {content: `{"free":true}`},
			} {
				out, err := callTool(t, findTool(t, offered, tool), `{"day":1}`)
				if err != nil || !strings.HasPrefix(out.Content, c.content) || len(out.Content) > 64<<10 {
					t.Errorf("%s: %.200q %v", tool, out.Content, err)
				}
			}
			if err := findTool(t, offered, "book").Validate(json.RawMessage(`{"day":"x"}`)); !fault.Is(err, fault.Invalid) {
				t.Errorf("%v", err)
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, key := range r.authHeaders {
				if key != "Bearer the-bearer-secret" {
					t.Errorf("asked with %q", key)
				}
			}
		})
	}
}

// Row 25 for what an MCP server does: a new id is no new wish. What only looks is done again.
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
			t.Errorf("%s was called %d times", tool, r.calls.Load())
		}
	}
	if want := idempotencyKey(s, "book", agent.Invocation{Arguments: json.RawMessage(`{"day":1}`)}); r.idempotencyKeys[0] != want && r.idempotencyKeys[len(r.idempotencyKeys)-1] != want {
		t.Errorf("the server was given %v", r.idempotencyKeys)
	}
}

func TestMCPListsAreCachedFiveMinutes(t *testing.T) {
	r := newFakeMCPServer(t, nil, "book")
	k, _ := newMCPKit(t, r)
	now := testNow
	k.Now = func() time.Time { return now }
	s := mcpScope(r)
	ask := func() []string { return toolNames(k.ForScope(t.Context(), s)) }
	both := []string{"end_call", "book"}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if got := ask(); !reflect.DeepEqual(got, both) {
				t.Errorf("offered %v", got)
			}
		})
	}
	all.Wait()
	now = now.Add(5*time.Minute - time.Second)
	ask()
	if r.lists.Load() != 1 {
		t.Errorf("asked %d times", r.lists.Load())
	}
	now = now.Add(time.Second)
	ask()
	if r.lists.Load() != 2 {
		t.Errorf("asked %d times after five minutes", r.lists.Load())
	}
	r.CloseClientConnections()
	r.Close()
	now = now.Add(6 * time.Minute)
	if got := ask(); !reflect.DeepEqual(got, both) {
		t.Errorf("while the server is away %v", got)
	}
	now = now.Add(time.Hour)
	if got := ask(); !reflect.DeepEqual(got, []string{"end_call"}) {
		t.Errorf("after an hour %v", got)
	}
}

// A server that is away costs a warning, and at most two seconds, once in half a minute.
func TestMCPServerUnavailable(t *testing.T) {
	log := testkit.CaptureLog(t)
	good := newFakeMCPServer(t, nil, "book")
	var asked atomic.Int32
	release := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
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
	began := time.Now()
	if got := toolNames(k.ForScope(t.Context(), s)); !reflect.DeepEqual(got, []string{"end_call", "book"}) {
		t.Errorf("offered %v", got)
	}
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	l := k.toolLists.list(aurora.MCPServer{URL: hanging.URL})
	l.mu.Lock() // the one that asks has given up
	failed := l.failedAt
	l.mu.Unlock()
	if !failed.Equal(testNow) {
		t.Errorf("the failure is not remembered: %s", failed)
	}
	before := asked.Load()
	began = time.Now()
	k.ForScope(t.Context(), s)
	if took := time.Since(began); took > time.Second || asked.Load() != before {
		t.Errorf("the second time it took %s, and asked %d times", took, asked.Load()-before)
	}
	if strings.Count(log.String(), "does not say what it offers") != 4 {
		t.Errorf("log: %s", log.String())
	}
}

func TestMCPNamesArePrefixedOnlyOnCollision(t *testing.T) {
	a := newFakeMCPServer(t, nil, "book", "end_call", "transfer_to_sales", "get_current_time")
	b := newFakeMCPServer(t, nil, "book", "cancel", "theirs", "a.b")
	k, _ := newMCPKit(t, a, b)
	s := mcpScope(a, b)
	s.CallerTools = []string{"theirs"}
	got := toolNames(k.ForScope(t.Context(), s))
	want := []string{"end_call", "book", "127_0_0_1_end_call", "127_0_0_1_get_current_time", "127_0_0_1_transfer_to_sales", "a_b", "127_0_0_1_book", "cancel", "127_0_0_1_theirs"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("offered %v\n   want %v", got, want)
	}
	out, err := callTool(t, findTool(t, k.ForScope(t.Context(), s), "127_0_0_1_book"), `{"day":1}`)
	if err != nil || b.calls.Load() != 1 || a.calls.Load() != 0 {
		t.Errorf("%q %v: a %d, b %d", out.Content, err, a.calls.Load(), b.calls.Load())
	}
}

func TestMCPToolTimeout(t *testing.T) {
	r := newFakeMCPServer(t, nil, "hang")
	k, _ := newMCPKit(t, r)
	tool := findTool(t, k.ForScope(t.Context(), mcpScope(r)), "hang")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := tool.Run(ctx, agent.Invocation{Arguments: json.RawMessage(`{"day":1}`)})
	if !fault.Is(err, fault.Timeout) {
		t.Errorf("%v", err)
	}
}

func TestSafeToolName(t *testing.T) {
	for name, want := range map[string]string{"a.b/c": "a_b_c", "größe": "gr__e", strings.Repeat("x", 100): strings.Repeat("x", 64), "": ""} {
		if got := safeToolName(name); got != want {
			t.Errorf("%q: %q", name, got)
		}
	}
}
