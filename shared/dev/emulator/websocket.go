package emulator

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// socketAPI is one WebSocket API of API Gateway, with the features that template.yaml uses.
type socketAPI struct {
	*socketPlan
	limits    socketLimits
	functions map[string]*function // by ARN
	tasks     *taskGroup
	stopping  context.Context // done when the stack stops
	log       *logFile
	println   func(line string)

	running sync.WaitGroup // handshakes and connections
	mu      sync.Mutex
	open    map[string]*connection // by id
	count   uint64                 // connections so far
	closed  bool                   // no handshake is accepted any more
}

// ServeHTTP serves the handshakes of clients, and the requests of functions to @connections.
func (a *socketAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, inStage := strings.CutPrefix(r.URL.Path, "/"+a.stage)
	id, managed := strings.CutPrefix(path, "/@connections/")
	switch {
	case inStage && managed:
		a.serveManagement(w, r, id)
	case inStage && (path == "" || path == "/"):
		a.serveHandshake(w, r)
	default:
		writeSocketError(w, http.StatusForbidden, "", map[string]string{"message": "Forbidden"})
	}
}

// writeSocketError writes an error as API Gateway does. kind is for the header by which the SDK recognises it.
func writeSocketError(w http.ResponseWriter, status int, kind string, body any) {
	w.Header().Set("Content-Type", "application/json")
	if kind != "" {
		w.Header().Set("X-Amzn-Errortype", kind)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// gatewayFrame is what API Gateway sends to a client if the function has failed.
type gatewayFrame struct {
	Message      string `json:"message"`
	ConnectionID string `json:"connectionId"`
	RequestID    string `json:"requestId"`
}

// serveHandshake asks the function of $connect, and serves the connection that it accepts until its end.
func (a *socketAPI) serveHandshake(w http.ResponseWriter, r *http.Request) {
	if !isUpgrade(r) {
		w.Header().Set("Upgrade", "websocket")
		writeSocketError(w, http.StatusUpgradeRequired, "", map[string]string{"message": "Upgrade Required"})
		return
	}
	c, ok := a.newConnection(r)
	if !ok {
		writeSocketError(w, http.StatusServiceUnavailable, "", map[string]string{"message": "Service Unavailable"})
		return
	}
	defer a.running.Done()
	e := c.newEvent("CONNECT", "$connect")
	status, answer := http.StatusOK, &proxyAnswer{}
	if a.routes["$connect"] != nil {
		if status, answer = c.call(e); status < 200 || status > 299 {
			writeSocketError(w, status, "", gatewayFrame{http.StatusText(status), c.id, e.id})
			return
		}
	}
	options := &websocket.AcceptOptions{InsecureSkipVerify: true} // the function decides about the origin
	for name, value := range answer.Headers {
		if strings.EqualFold(name, "Sec-WebSocket-Protocol") {
			options.Subprotocols = []string{value}
		}
	}
	meter := &frameMeter{limit: uint64(a.limits.frame), exceeded: func() { c.end(websocket.StatusMessageTooBig, "Frame too big") }}
	a.setOpen(c, true) // before the client knows, which may make a function send at once
	conn, err := websocket.Accept(&meteredWriter{ResponseWriter: w, meter: meter}, r, options)
	if err != nil { // the client has gone
		a.setOpen(c, false)
		c.disconnect(websocket.StatusAbnormalClosure, "Connection Closed Abnormally")
		return
	}
	conn.SetReadLimit(int64(a.limits.message))
	c.conn = conn
	c.run()
}

func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") &&
		strings.Contains(strings.ToLower(r.Header.Get("Connection")), "upgrade") && r.Header.Get("Sec-Websocket-Key") != ""
}

// newConnection returns a connection that is not open yet. ok is false if the stack is stopping.
func (a *socketAPI) newConnection(r *http.Request) (c *connection, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, false
	}
	a.count++
	a.running.Add(1)
	c = &connection{api: a, id: newConnectionID(), host: r.Host, request: r, connectedAt: time.Now(), out: make(chan outgoing, clientBuffer), done: make(chan struct{})}
	c.shuffle = newShuffler(a.limits.shuffle, a.count)
	return c, true
}

// newConnectionID returns an id in the form of API Gateway's.
func newConnectionID() string {
	var b [11]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return base64.URLEncoding.EncodeToString(b[:])
}

// find returns the open connection with this id, or nil.
func (a *socketAPI) find(id string) *connection {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[id]
}

// setOpen records whether functions can send to a connection.
func (a *socketAPI) setOpen(c *connection, open bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if open {
		a.open[c.id] = c
	} else {
		delete(a.open, c.id)
	}
}

// serveManagement serves @connections, with which functions send to clients.
func (a *socketAPI) serveManagement(w http.ResponseWriter, r *http.Request, id string) {
	w.Header().Set("X-Amzn-Requestid", newID())
	// The signature itself is not checked: that would be a test of the SDK.
	if authorization := r.Header.Get("Authorization"); !strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 ") || !strings.Contains(authorization, "/execute-api/aws4_request") {
		writeSocketError(w, http.StatusForbidden, "MissingAuthenticationTokenException", map[string]string{"message": "Missing Authentication Token"})
		return
	}
	data, err := readBody(r, a.limits.message)
	c := a.find(id)
	switch {
	case errors.Is(err, errTooLarge):
		writeSocketError(w, http.StatusRequestEntityTooLarge, "PayloadTooLargeException", map[string]string{"message": "Payload Too Large"})
	case err != nil:
		writeSocketError(w, http.StatusBadRequest, "BadRequestException", map[string]string{"message": "Bad Request"})
	case c == nil:
		writeSocketError(w, http.StatusGone, "GoneException", map[string]string{"message": "Gone"})
	case r.Method == http.MethodPost:
		if !c.send(data) {
			writeSocketError(w, http.StatusTooManyRequests, "LimitExceededException", map[string]string{"message": "Limit Exceeded"})
		}
	case r.Method == http.MethodDelete:
		c.end(websocket.StatusNormalClosure, "Connection Closed Normally")
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodGet:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"connectedAt": c.connectedAt.UTC().Format(time.RFC3339Nano), "lastActiveAt": c.lastActive().UTC().Format(time.RFC3339Nano),
			"identity": c.identity()}) // the client may be gone
	default:
		writeSocketError(w, http.StatusForbidden, "", map[string]string{"message": "Forbidden"})
	}
}

// shutDown accepts no more connections, and waits for the end of the open ones. When ctx ends it closes them.
func (a *socketAPI) shutDown(ctx context.Context) {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	ended := make(chan struct{})
	a.tasks.run("waiting for the connections of "+a.logical, func() { a.running.Wait(); close(ended) })
	select {
	case <-ended:
		return
	case <-ctx.Done():
	}
	a.mu.Lock()
	for _, c := range a.open {
		c.end(websocket.StatusGoingAway, "Going away")
	}
	a.mu.Unlock()
	<-ended
}

// logAccess logs one line for each event, and prints those that failed.
func (a *socketAPI) logAccess(e *socketEvent, function string, status int, problem string) {
	ms := time.Since(e.at).Milliseconds()
	line, _ := json.Marshal(map[string]any{"level": "INFO", "time": e.at.UTC().Format(time.RFC3339Nano), "requestId": e.id, "connectionId": e.connection,
		"event": e.kind, "path": e.route, "function": function, "status": status, "error": problem, "ms": ms}) // encoding scalars cannot fail
	_, _ = fmt.Fprintf(a.log, "%s\n", line)
	if status >= 500 {
		a.println(fmt.Sprintf("WebSocket API: %s %d after %d ms, %s, %s, request %s", e.route, status, ms, function, problem, e.id))
	}
}

// frameMeter is a client's connection that reports a frame above a limit. The library shows messages, not frames.
type frameMeter struct {
	net.Conn
	in       io.Reader
	limit    uint64
	exceeded func()

	header []byte // the part of a frame's header that was read
	left   uint64 // of the frame's payload
}

// Read reads, and looks at the headers of frames.
func (m *frameMeter) Read(p []byte) (int, error) {
	n, err := m.in.Read(p)
	for b := p[:n]; len(b) > 0; {
		if m.left > 0 {
			skip := min(m.left, uint64(len(b)))
			m.left -= skip
			b = b[skip:]
			continue
		}
		m.header, b = append(m.header, b[0]), b[1:]
		if length, complete := frameLength(m.header); complete {
			m.header, m.left = m.header[:0], length
			if length > m.limit {
				m.exceeded()
			}
		}
	}
	return n, err
}

// frameLength reads the length of a frame's payload from its header (https://datatracker.ietf.org/doc/html/rfc6455#section-5.2).
func frameLength(header []byte) (length uint64, complete bool) {
	if len(header) < 2 {
		return 0, false
	}
	length = uint64(header[1] & 0x7f)
	extended := map[uint64]int{126: 2, 127: 8}[length]
	mask := 0
	if header[1]&0x80 != 0 {
		mask = 4
	}
	if len(header) < 2+extended+mask {
		return 0, false
	}
	switch extended {
	case 2:
		length = uint64(binary.BigEndian.Uint16(header[2:]))
	case 8:
		length = binary.BigEndian.Uint64(header[2:])
	}
	return length, true
}

// meteredWriter is a response whose connection gets a meter when it becomes a WebSocket.
type meteredWriter struct {
	http.ResponseWriter
	meter *frameMeter
}

// Hijack takes over the connection.
func (w *meteredWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, _ := buffer.Reader.Peek(buffer.Reader.Buffered()) // what has arrived already
	w.meter.Conn, w.meter.in = conn, io.MultiReader(bytes.NewReader(bytes.Clone(early)), conn)
	return w.meter, bufio.NewReadWriter(bufio.NewReader(w.meter), buffer.Writer), nil
}
