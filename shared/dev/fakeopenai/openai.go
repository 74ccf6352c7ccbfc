package fakeopenai

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	wire "github.com/sashabaranov/go-openai"
)

// maxRequestBytes bounds a request's body in bytes.
const maxRequestBytes = 32 << 20

// Request is one request for a completion, as it was received.
type Request struct {
	Number int // from 0
	At     time.Time
	Path   string
	Header http.Header
	Raw    []byte // the body, byte for byte
	Body   wire.ChatCompletionRequest
}

// Last returns the text of the last message with a role, or "".
func (r Request) Last(role string) string {
	for i := len(r.Body.Messages) - 1; i >= 0; i-- {
		if r.Body.Messages[i].Role == role {
			return messageText(r.Body.Messages[i])
		}
	}
	return ""
}

// Script decides the answer to the n-th request, counted from 0. It must be safe for concurrent use.
type Script func(n int, r Request) Answer

// Options configure a server. The zero value is the default model.
type Options struct {
	Script Script           // the default model if nil
	Delay  time.Duration    // before each word of the default model; 20 ms if 0
	Now    func() time.Time // time.Now if nil
}

// Server is a model server.
type Server struct {
	script Script
	now    func() time.Time
	closed chan struct{}
	once   sync.Once

	mu        sync.Mutex
	requests  []Request
	recording bool
}

// New returns a server. With a script it stores every request for Requests; without one it stores none.
func New(o Options) *Server {
	if o.Delay == 0 {
		o.Delay = 20 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{script: o.Script, now: o.Now, closed: make(chan struct{}), recording: o.Script != nil}
	if s.script == nil {
		s.script = defaultScript(o.Delay)
	}
	return s
}

// Close ends every answer in progress.
func (s *Server) Close() { s.once.Do(func() { close(s.closed) }) }

// Requests returns the requests so far, in order.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// T is the part of *testing.T that Serve needs.
type T interface{ Cleanup(func()) }

// Double is a scripted server with an address.
type Double struct {
	*Server
	URL string // for OPENAI_BASE_URL: it ends in /v1
}

// Serve starts a scripted server on a free port of 127.0.0.1. It ends with the test.
func Serve(t T, script Script) *Double {
	s := New(Options{Script: script})
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return &Double{Server: s, URL: server.URL + "/v1"}
}

// ServeHTTP serves POST …/chat/completions, GET …/models and GET …/models/{id}.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/chat/completions"):
		s.complete(w, r)
	case r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/models"):
		writeBody(w, http.StatusOK, mustJSON(map[string]any{"object": "list", "data": []any{modelObject("stand-in")}}))
	case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/models/"):
		writeBody(w, http.StatusOK, mustJSON(modelObject(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])))
	default:
		writeBody(w, http.StatusNotFound, errorBody("Unknown request URL: "+r.Method+" "+r.URL.Path+".", "unknown_url"))
	}
}

func modelObject(model string) map[string]any {
	return map[string]any{"id": model, "object": "model", "created": 1763800000, "owned_by": "aurora-stand-in"}
}

func errorBody(message, code string) string {
	return mustJSON(map[string]any{"error": map[string]any{"message": message, "type": "invalid_request_error", "param": nil, "code": code}})
}

func writeBody(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes))
	if err != nil {
		writeBody(w, http.StatusBadRequest, errorBody("The body could not be read.", "bad_request"))
		return
	}
	request := Request{At: s.now(), Path: r.URL.Path, Header: r.Header.Clone(), Raw: raw}
	if err := json.Unmarshal(raw, &request.Body); err != nil {
		writeBody(w, http.StatusBadRequest, errorBody("We could not parse the JSON body of your request: "+err.Error(), "bad_request"))
		return
	}
	s.mu.Lock()
	request.Number = len(s.requests)
	if s.recording {
		s.requests = append(s.requests, request)
	}
	s.mu.Unlock()
	s.play(w, r, request, s.script(request.Number, request))
}

func (s *Server) play(w http.ResponseWriter, r *http.Request, request Request, a Answer) {
	if a.hang {
		s.hang(r.Context())
		return
	}
	if a.endAfter == 0 && a.ending == endReset && !a.midLine {
		reset(w)
		return
	}
	id, created := fmt.Sprintf("chatcmpl-standin-%d", request.Number), s.now().Unix()
	stream := request.Body.Stream && !a.singleBody
	pieces, first, last := a.verbatim, 0, len(a.verbatim)
	switch {
	case stream:
		pieces, first, last = a.pieces(request, id, created)
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	case a.verbatim == nil:
		pieces = []string{a.body(request, id, created)}
		w.Header().Set("Content-Type", "application/json")
	}
	w.Header().Set("X-Request-Id", "req-standin-"+id)
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	s.sendPieces(w, r, a, pieces, first, last, stream)
}

// sendPieces writes the pieces one by one, and then the configured end.
func (s *Server) sendPieces(w http.ResponseWriter, r *http.Request, a Answer, pieces []string, first, last int, stream bool) {
	flush := http.NewResponseController(w).Flush
	if stream || a.onHeaders != nil {
		_ = flush()
	}
	if a.onHeaders != nil {
		a.onHeaders()
	}
	for i, piece := range pieces {
		content := i - first // pieces of content sent so far
		if a.endAfter >= 0 && content >= min(a.endAfter, last-first) {
			s.playEnding(w, r, a, piece)
			return
		}
		if content >= 0 && i < last && !s.pause(r.Context(), a.gate, a.each) {
			return
		}
		if _, err := io.WriteString(w, piece); err != nil {
			return // the client disconnected
		}
		if stream {
			_ = flush()
		}
	}
	if a.endAfter >= 0 {
		s.playEnding(w, r, a, "")
	}
}

func (s *Server) playEnding(w http.ResponseWriter, r *http.Request, a Answer, next string) {
	if a.midLine {
		_, _ = io.WriteString(w, next[:len(next)/2])
	}
	_ = http.NewResponseController(w).Flush()
	switch a.ending {
	case endReset:
		reset(w)
	case endHang:
		s.hang(r.Context())
	}
}

// pause waits for the gate and then for the delay. It reports whether to continue.
func (s *Server) pause(ctx context.Context, gate <-chan struct{}, d time.Duration) bool {
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return false
		case <-s.closed:
			return false
		}
	}
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-s.closed:
	}
	return false
}

// hang waits until the client disconnects or the server is closed.
func (s *Server) hang(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.closed:
	}
}

// reset ends the connection with a TCP RST, as a crashed or overloaded peer does.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func messageText(m wire.ChatCompletionMessage) string {
	if m.Content != "" {
		return m.Content
	}
	var parts []string
	for _, p := range m.MultiContent {
		parts = append(parts, p.Text)
	}
	return strings.Join(parts, " ")
}
