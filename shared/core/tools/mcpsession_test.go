package tools

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// plainMCPServer is an MCP server of protocol version 2025-06-18 that is written by hand, so that its oddities can be set. It
// counts requests by method.
type plainMCPServer struct {
	*httptest.Server
	mu       sync.Mutex
	requests map[string]int
	versions map[string]bool // of the protocol, in requests after the first session began
	sessions int
	forget   func(w http.ResponseWriter) // answers requests of all sessions so far, if it is set
	known    string                      // the session that is not forgotten
	call     func(w http.ResponseWriter, id json.RawMessage)
	resume   func(w http.ResponseWriter, r *http.Request)
}

func newPlainMCPServer(t *testing.T) (*plainMCPServer, *Kit, Scope) {
	t.Helper()
	s := &plainMCPServer{requests: map[string]int{}, versions: map[string]bool{}, call: answerCall}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	k, _ := newKit(t)
	k.PrivateHosts = []string{hostPort(s.Server)}
	scope := testScope()
	scope.Assistant.Functions, scope.Assistant.MCPServers = nil, []aurora.MCPServer{{URL: s.URL}}
	return s, k, scope
}

func writeRPC(w http.ResponseWriter, id json.RawMessage, result string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, id, result)
}

const callResult = `{"content":[{"type":"text","text":"booked"}]}`

func answerCall(w http.ResponseWriter, id json.RawMessage) { writeRPC(w, id, callResult) }

func (s *plainMCPServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var request struct {
		Method string
		ID     json.RawMessage
	}
	_ = json.Unmarshal(body, &request) // a GET has none
	if r.Method != http.MethodPost {
		request.Method = r.Method
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests[request.Method]++
	session := r.Header.Get("Mcp-Session-Id")
	if session != "" {
		s.versions[r.Header.Get("Mcp-Protocol-Version")] = true
	}
	if s.forget != nil && session != "" && session != s.known {
		s.forget(w)
		return
	}
	switch request.Method {
	case "initialize":
		s.sessions++
		s.known = fmt.Sprintf("session-%d", s.sessions)
		w.Header().Set("Mcp-Session-Id", s.known)
		writeRPC(w, request.ID, `{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"plain","version":"1"}}`)
	case "tools/list":
		writeRPC(w, request.ID, `{"tools":[{"name":"book","inputSchema":{"type":"object"}}]}`)
	case "tools/call":
		s.call(w, request.ID)
	case http.MethodGet:
		s.resume(w, r)
	case "notifications/initialized", http.MethodDelete:
		w.WriteHeader(http.StatusAccepted)
	default:
		http.Error(w, "not known", http.StatusNotFound)
	}
}

// count returns the requests so far, without those before a session.
func (s *plainMCPServer) count() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := maps.Clone(s.requests)
	delete(counts, "server/discover")
	return counts
}

func TestMCPCallIsOneRequest(t *testing.T) {
	s, k, scope := newPlainMCPServer(t)
	book := findTool(t, k.ForScope(t.Context(), scope), "book")
	var all sync.WaitGroup
	for i := range 5 {
		all.Go(func() {
			out, err := callTool(t, book, fmt.Sprintf(`{"day":%d}`, i))
			if err != nil || out.Content != "booked" {
				t.Errorf("content %q, error %v, want booked", out.Content, err)
			}
		})
	}
	all.Wait()
	check(t, "requests", s.count(), map[string]int{"initialize": 1, "notifications/initialized": 1, "tools/list": 1, "tools/call": 5})
	check(t, "versions of the protocol", s.versions, map[string]bool{"2025-06-18": true})
}

// A server that restarted knows none of its sessions. The call is made again in a new one, because it was not run.
func TestMCPSessionGone(t *testing.T) {
	const rpcError = `{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}`
	for name, forget := range map[string]func(w http.ResponseWriter){
		"404": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
		"404 with a JSON-RPC error": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(404)
			_, _ = io.WriteString(w, rpcError)
		},
		"400 about the session": func(w http.ResponseWriter) { http.Error(w, "Bad Request: No valid session ID provided", 400) },
	} {
		t.Run(name, func(t *testing.T) {
			s, k, scope := newPlainMCPServer(t)
			book := findTool(t, k.ForScope(t.Context(), scope), "book")
			s.forget, s.known = forget, ""
			for day := range 3 {
				out, err := callTool(t, book, fmt.Sprintf(`{"day":%d}`, day))
				if err != nil || out.Content != "booked" {
					t.Errorf("content %q, error %v, want booked", out.Content, err)
				}
			}
			counts := s.count()
			check(t, "sessions", counts["initialize"], 2)
			check(t, "calls, with the one of the lost session", counts["tools/call"], 4)
			check(t, "ends of the lost session", counts[http.MethodDelete], 0)
		})
	}
}

// A server may close the stream of a call and deliver the result on a GET that names the last event (SEP-1699).
func TestMCPStreamIsResumed(t *testing.T) {
	s, k, scope := newPlainMCPServer(t)
	var callID json.RawMessage
	var closed time.Time
	const retry = 60 * time.Millisecond
	s.call = func(w http.ResponseWriter, id json.RawMessage) {
		callID, closed = id, time.Now()
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "id: first\nretry: %d\ndata:\n\n", retry.Milliseconds())
	}
	s.resume = func(w http.ResponseWriter, r *http.Request) {
		check(t, "Last-Event-ID", r.Header.Get("Last-Event-ID"), "first")
		if waited := time.Since(closed); waited < retry {
			t.Errorf("the client came back after %s, want %s at least", waited, retry)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprintf(w, "id: second\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n\n", callID, callResult)
	}
	out, err := callTool(t, findTool(t, k.ForScope(t.Context(), scope), "book"), `{}`)
	if err != nil || out.Content != "booked" {
		t.Errorf("content %q, error %v, want booked", out.Content, err)
	}
	check(t, "requests", s.count(), map[string]int{"initialize": 1, "notifications/initialized": 1, "tools/list": 1, "tools/call": 1, "GET": 1})
}

// A call that the server may have run is not made again. The next one begins in a new session where the old one is broken.
func TestMCPCallIsNotRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		call   func(w http.ResponseWriter, id json.RawMessage)
		resume func(w http.ResponseWriter, r *http.Request)
	}{
		"stream without an answer": {call: func(w http.ResponseWriter, _ json.RawMessage) { w.Header().Set("Content-Type", "text/event-stream") }},
		"no JSON": {call: func(w http.ResponseWriter, _ json.RawMessage) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "<html>")
		}},
		"503": {call: func(w http.ResponseWriter, _ json.RawMessage) { w.WriteHeader(503) }},
		"403": {call: func(w http.ResponseWriter, _ json.RawMessage) { w.WriteHeader(403) }},
		"session lost on the way": {
			call: func(w http.ResponseWriter, _ json.RawMessage) {
				w.Header().Set("Content-Type", "text/event-stream")
				_, _ = io.WriteString(w, "id: first\nretry: 1\ndata:\n\n")
			},
			resume: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, k, scope := newPlainMCPServer(t)
			s.call, s.resume = c.call, c.resume
			book := findTool(t, k.ForScope(t.Context(), scope), "book")
			if _, err := callTool(t, book, `{"day":1}`); !fault.Is(err, fault.Timeout) {
				t.Errorf("error = %v, want one that says that the result is not known", err)
			}
			check(t, "calls", s.count()["tools/call"], 1)
			s.mu.Lock()
			s.call = answerCall
			s.mu.Unlock()
			out, err := callTool(t, book, `{"day":2}`)
			if err != nil || out.Content != "booked" {
				t.Errorf("the next call: content %q, error %v, want booked", out.Content, err)
			}
		})
	}
}

// A server that cannot be reached any more has done nothing.
func TestMCPServerGoesAway(t *testing.T) {
	s, k, scope := newPlainMCPServer(t)
	book := findTool(t, k.ForScope(t.Context(), scope), "book")
	k.guard.transport.CloseIdleConnections()
	s.Close()
	if _, err := callTool(t, book, `{}`); !fault.Is(err, fault.Upstream) {
		t.Errorf("error = %v, want one that says that the server could not be reached", err)
	}
}

// A session belongs to the secret that it was opened with.
func TestMCPSessionOfAnotherSecret(t *testing.T) {
	r := newFakeMCPServer(t, nil, "book", "echo")
	k, w := newMCPKit(t, r)
	now := testNow
	k.Now = func() time.Time { return now }
	available := k.ForScope(t.Context(), mcpScope(r))
	if _, err := callTool(t, findTool(t, available, "book"), `{"day":1}`); err != nil {
		t.Fatal(err)
	}
	w.secrets["aurora/test/tools/mcp"] = "the-next-secret"
	if _, err := callTool(t, findTool(t, available, "book"), `{"day":2}`); err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	check(t, "the last Authorization", r.authHeaders[len(r.authHeaders)-1], "Bearer the-next-secret")
}
