package fakerelay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// flush waits until all messages were sent, if the connection takes them.
func (s *session) flush() {
	limited, cancel := context.WithTimeout(s.ctx, flushTimeout)
	defer cancel()
	p := s.phone
	for {
		p.mu.Lock()
		sent, changed := s.conn == nil || len(s.outbox) == 0 && !s.writing, p.changed
		p.mu.Unlock()
		if sent {
			return
		}
		select {
		case <-changed:
		case <-limited.Done():
			return
		}
	}
}

// dial opens the WebSocket.
func (s *session) dial(ctx context.Context) (*websocket.Conn, error) {
	address := s.o.Relay.Attribute("url", "")
	target := s.o.Address
	if target == "" {
		target = address
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	u.RawQuery, u.Fragment = "", ""
	if local, err := url.Parse(target); err == nil && s.o.Address != "" && len(query) > 0 {
		local.RawQuery = query.Encode()
		target = local.String()
	}
	header := http.Header{"User-Agent": {"Twilio.TmeWs/1.0"}, "X-Twilio-Signature": {s.o.Sign(u.String(), query)}}
	dialing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, response, err := websocket.Dial(dialing, target, &websocket.DialOptions{HTTPHeader: header, HTTPClient: s.o.Client})
	if err != nil {
		if response != nil {
			return nil, fmt.Errorf("the handshake was answered with status %d", response.StatusCode)
		}
		return nil, err
	}
	conn.SetReadLimit(maxMessage)
	return conn, nil
}

// reconnect opens a lost connection again, and reports whether the session goes on.
func (s *session) reconnect(ctx context.Context, running *sync.WaitGroup) bool {
	p := s.phone
	if s.o.Relay.Attribute("applicationReconnect", "false") != "true" {
		return false
	}
	for range reconnectTries {
		if !p.Pause(ctx, reconnectDelay) {
			return false
		}
		conn, err := s.dial(ctx)
		if err != nil {
			continue
		}
		p.mu.Lock()
		p.reconnects++
		s.conn = conn
		waiting := s.outbox
		s.outbox = []any{s.setup()}
		if s.o.ReplayPrompt && s.lastSaid != nil && p.options.Now().Sub(s.lastSaidAt) < replayWithin {
			s.outbox = append(s.outbox, s.lastSaid)
		}
		s.outbox = append(s.outbox, waiting...)
		p.emit("reconnected", "", "")
		p.notify()
		p.mu.Unlock()
		running.Go(func() { s.read(conn) })
		return true
	}
	return false
}

// write sends the messages in order.
func (s *session) write() {
	p := s.phone
	for {
		var conn *websocket.Conn
		var message any
		if s.awaitIn(func() bool {
			if s.conn == nil || len(s.outbox) == 0 {
				return false
			}
			conn, message, s.outbox, s.writing = s.conn, s.outbox[0], slices.Clone(s.outbox[1:]), true
			return true
		}) != nil {
			return
		}
		data, err := json.Marshal(message)
		if err != nil {
			panic(err) // every message is made of texts and numbers
		}
		err = conn.Write(s.ctx, websocket.MessageText, data)
		p.mu.Lock()
		s.writing = false
		if err != nil {
			s.outbox = append([]any{message}, s.outbox...)
			if s.conn == conn {
				s.conn = nil // the reader reports the loss
			}
		}
		p.notify()
		p.mu.Unlock()
	}
}

// awaitIn waits until a condition holds, or the session ends.
func (s *session) awaitIn(holds func() bool) error {
	p := s.phone
	for {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		p.mu.Lock()
		done, changed := holds(), p.changed
		p.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
	}
}

// read reads the messages of a connection until it is lost or the session ends.
func (s *session) read(conn *websocket.Conn) {
	p := s.phone
	for {
		kind, data, err := conn.Read(s.ctx)
		if err != nil {
			p.mu.Lock()
			over := s.ended || s.end != nil
			if s.conn == conn || s.conn == nil {
				s.conn = nil
				if !over {
					select {
					case s.lost <- reason(err):
					default:
					}
				}
			}
			p.notify()
			p.mu.Unlock()
			_ = conn.CloseNow()
			return
		}
		if kind != websocket.MessageText {
			data = []byte("a binary message")
		}
		p.mu.Lock()
		s.receive(data)
		p.notify()
		p.mu.Unlock()
	}
}

// reason shortens the error of a lost connection.
func reason(err error) error {
	if code := websocket.CloseStatus(err); code != -1 {
		return fmt.Errorf("closed with status %d", code)
	}
	return errors.New("the connection was lost")
}
