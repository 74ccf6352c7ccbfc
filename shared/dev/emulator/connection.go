package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

const (
	clientBuffer = 64 // messages that wait for a client that does not read
	writeTimeout = time.Minute
)

// connection is the connection of one client with a WebSocket API.
type connection struct {
	api         *socketAPI
	id, host    string
	request     *http.Request // of the handshake
	connectedAt time.Time
	conn        *websocket.Conn
	shuffle     *shuffler
	out         chan outgoing
	done        chan struct{} // closed when the connection has ended

	mu     sync.Mutex
	active time.Time // when a message last came or went
	idle   *time.Timer
	ended  *outgoing // how we ended it; nil before
}

// outgoing is a message for the client, or the end of the connection.
type outgoing struct {
	data   []byte
	code   websocket.StatusCode // not 0: the end
	reason string
}

// run serves an open connection until its end.
func (c *connection) run() {
	c.mu.Lock()
	c.active = time.Now()
	c.idle = time.AfterFunc(c.api.limits.idle, func() { c.end(websocket.StatusGoingAway, "Going away") })
	c.mu.Unlock()
	lifetime := time.AfterFunc(c.api.limits.lifetime, func() { c.end(websocket.StatusGoingAway, "Going away") })
	var writing sync.WaitGroup
	writing.Add(1)
	c.api.tasks.run("writing to a client", func() { defer writing.Done(); c.write() })
	err := c.read()
	c.api.setOpen(c, false)
	lifetime.Stop()
	close(c.done)
	c.idle.Stop()
	writing.Wait()
	_ = c.conn.CloseNow() // it has ended
	c.disconnect(c.cause(err))
}

// read delivers messages until the connection ends.
func (c *connection) read() error {
	for {
		kind, body, err := c.conn.Read(context.Background())
		if err != nil {
			return err
		}
		switch {
		case c.hasEnded(): // the client's answer to the end is awaited
		case kind == websocket.MessageBinary:
			// https://docs.aws.amazon.com/apigateway/latest/developerguide/websocket-api-develop-binary-media-types.html
			c.end(websocket.StatusUnsupportedData, "Binary frames are not supported")
		case !utf8.Valid(body):
			c.end(websocket.StatusInvalidFramePayloadData, "Invalid UTF-8")
		default:
			c.touch()
			c.deliver(body)
		}
	}
}

// deliver invokes the function of a message's route. Every message is an invocation of its own, at the same time as others.
func (c *connection) deliver(body []byte) {
	e := c.newEvent("MESSAGE", c.api.routeOf(body))
	e.body = body
	wait := c.shuffle.next()
	c.api.tasks.run("a message of a client", func() {
		wait(c.api.stopping)
		if c.api.routes[e.route] == nil {
			c.sendFrame("Forbidden", e)
			return
		}
		if status, _ := c.call(e); status >= 500 {
			c.sendFrame("Internal server error", e)
		}
	})
}

// sendFrame sends a message of API Gateway's own to the client.
func (c *connection) sendFrame(message string, e *socketEvent) {
	b, _ := json.Marshal(gatewayFrame{message, c.id, e.id}) // encoding strings cannot fail
	c.send(b)
}

// routeOf returns the key of a message's route.
func (a *socketAPI) routeOf(body []byte) string {
	path, _ := selectionPath(a.expression)
	var v any
	if json.Unmarshal(body, &v) != nil {
		return "$default"
	}
	for _, name := range path {
		v = toMap(v)[name]
	}
	if key, ok := v.(string); ok && a.routes[key] != nil {
		return key
	}
	return "$default"
}

// call invokes the function of an event's route. The status is that of the function, or 5xx if it failed.
func (c *connection) call(e *socketEvent) (status int, answer *proxyAnswer) {
	route := c.api.routes[e.route]
	f, problem := c.api.functions[route.arn], ""
	if f == nil {
		c.api.logAccess(e, route.arn, http.StatusInternalServerError, "no such function")
		return http.StatusInternalServerError, nil
	}
	defer func() { c.api.logAccess(e, f.folder, status, problem) }()
	ctx, cancel := context.WithTimeout(context.Background(), min(route.timeout, c.api.limits.function))
	defer cancel()
	reply, err := f.invoke(ctx, newID(), e.trace, e.encode(c))
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		problem = "the function took longer than the route's limit"
		return http.StatusGatewayTimeout, nil
	case err != nil:
		problem = err.Error()
		return http.StatusInternalServerError, nil
	case reply.failure != nil:
		problem = reply.failure.Error()
		return http.StatusBadGateway, nil
	case reply.stream != nil:
		_ = reply.stream.body.Close()
		problem = "a WebSocket API cannot read a stream"
		return http.StatusBadGateway, nil
	}
	if answer, err = readProxyAnswer(reply.payload); err != nil {
		problem = err.Error()
		return http.StatusBadGateway, nil
	}
	return answer.StatusCode, answer // without a route response the body goes nowhere
}

// send puts a message for the client into its buffer, and returns false if that is full.
func (c *connection) send(data []byte) bool {
	select {
	case c.out <- outgoing{data: data}:
		c.touch()
		return true
	default:
		return false
	}
}

// end closes the connection after the messages that wait for the client. Only the first call counts.
func (c *connection) end(code websocket.StatusCode, reason string) {
	last := outgoing{code: code, reason: reason}
	c.mu.Lock()
	first := c.ended == nil
	if first {
		c.ended = &last
	}
	c.mu.Unlock()
	if !first {
		return
	}
	select {
	case c.out <- last:
	default: // the client does not read
		c.api.tasks.run("ending a connection", func() { _ = c.conn.CloseNow() })
	}
}

func (c *connection) hasEnded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended != nil
}

// write writes messages to the client, one after the other, until the connection ends.
func (c *connection) write() {
	for {
		select {
		case o := <-c.out:
			if o.code != 0 {
				_ = c.conn.Close(o.code, o.reason) // the client may be gone
				return
			}
			if c.writeMessage(o.data) != nil {
				_ = c.conn.CloseNow() // read returns
				return
			}
		case <-c.done:
			return
		}
	}
}

// writeMessage writes a message, in several frames if it is larger than a frame may be.
func (c *connection) writeMessage(data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), writeTimeout)
	defer cancel()
	if len(data) <= c.api.limits.frame {
		return c.conn.Write(ctx, websocket.MessageText, data)
	}
	w, err := c.conn.Writer(ctx, websocket.MessageText)
	if err != nil {
		return err
	}
	for len(data) > 0 {
		n := min(len(data), c.api.limits.frame)
		if _, err := w.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return w.Close()
}

// touch begins the idle time again.
func (c *connection) touch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active = time.Now()
	if c.idle != nil {
		c.idle.Reset(c.api.limits.idle)
	}
}

func (c *connection) lastActive() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active
}

// cause returns how the connection ended, as API Gateway reports it.
func (c *connection) cause(err error) (websocket.StatusCode, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	closed, byClient := errors.AsType[websocket.CloseError](err)
	switch {
	case c.ended != nil:
		return c.ended.code, c.ended.reason
	case errors.Is(err, websocket.ErrMessageTooBig):
		return websocket.StatusMessageTooBig, "Message too big"
	case byClient && closed.Code == websocket.StatusNoStatusRcvd:
		return closed.Code, "Client-side close frame status not set"
	case byClient:
		return closed.Code, closed.Reason
	}
	return websocket.StatusAbnormalClosure, "Connection Closed Abnormally"
}

// disconnect invokes the function of $disconnect, once, whatever becomes of it.
func (c *connection) disconnect(code websocket.StatusCode, reason string) {
	if c.api.routes["$disconnect"] == nil {
		return
	}
	e := c.newEvent("DISCONNECT", "$disconnect")
	e.code, e.reason = code, reason
	c.call(e)
}

// shuffler delays the deliveries of one connection, so that they come in another order than they were sent. API Gateway does
// not promise an order.
type shuffler struct {
	random *rand.Rand // nil: no shuffling
	held   chan struct{}
}

// newShuffler returns the shuffler of one connection. The same seed and number give the same decisions.
func newShuffler(seed, number uint64) *shuffler {
	if seed == 0 {
		return &shuffler{}
	}
	return &shuffler{random: rand.New(rand.NewPCG(seed, number))}
}

const (
	longestDelay = 60 * time.Millisecond
	longestHold  = 100 * time.Millisecond
)

// next returns the wait of the next message: none, a delay, or until the message after it was delivered.
func (s *shuffler) next() (wait func(context.Context)) {
	if s.random == nil {
		return func(context.Context) {}
	}
	before := s.held
	s.held = nil
	delay := time.Duration(s.random.Int64N(int64(longestDelay))) + time.Millisecond
	pass := func() {
		if before != nil {
			close(before)
		}
	}
	switch s.random.IntN(4) {
	case 0:
		return func(ctx context.Context) { sleepContext(ctx, delay); pass() }
	case 1:
		held := make(chan struct{})
		s.held = held
		return func(ctx context.Context) {
			pass()
			select {
			case <-held:
				sleepContext(ctx, delay/4) // the other one is on its way
			case <-time.After(longestHold):
			case <-ctx.Done():
			}
		}
	}
	return func(context.Context) { pass() }
}
