package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/coder/websocket"

	"example.com/aurora/shared/adapter/apigateway"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

// socketSink receives the events of the function socket.
type socketSink struct {
	url    string
	events chan events.APIGatewayWebsocketProxyRequest
	relay  chan string                                               // VOICE_RELAY_URL and RELAY_API_URL of the function
	answer func(events.APIGatewayWebsocketProxyRequest) (status int) // may wait; 200 if nil
}

func newSocketSink(t *testing.T) *socketSink {
	s := &socketSink{events: make(chan events.APIGatewayWebsocketProxyRequest, 1000), relay: make(chan string, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e events.APIGatewayWebsocketProxyRequest
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Errorf("%v in %s", err, body)
		}
		s.relay <- r.Header.Get("X-Relay")
		s.events <- e
		if s.answer != nil {
			w.WriteHeader(s.answer(e))
		}
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	s.url = server.URL
	return s
}

// next returns the next event, which must be of this type.
func (s *socketSink) next(t *testing.T, kind string) events.APIGatewayWebsocketProxyRequest {
	t.Helper()
	e := receiveWithin(t, s.events, "an event of type "+kind)
	if e.RequestContext.EventType != kind {
		t.Fatalf("the event is %s %q, want %s", e.RequestContext.EventType, e.Body, kind)
	}
	return e
}

func startSockets(t *testing.T, sink *socketSink, environment ...string) *Stack {
	t.Helper()
	return startStack(t, Options{Environ: append(environment, "SOCKET_SINK_BASE_URL="+sink.url)})
}

// dial connects a client. query may be empty.
func dial(t *testing.T, s *Stack, query string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, s.Info().WebSocket+query, &websocket.DialOptions{HTTPHeader: http.Header{"X-Twilio-Signature": {"abc="}}})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func hear(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	_, b, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// closing reads until the connection ends, and returns the close frame.
func closing(t *testing.T, conn *websocket.Conn) websocket.CloseError {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			end, ok := errors.AsType[websocket.CloseError](err)
			if !ok {
				t.Errorf("the connection ended with %v, want a close frame", err)
			}
			return end
		}
	}
}

// connections returns the adapter that functions use.
func connections(s *Stack) *apigateway.Connections {
	return apigateway.New(testkit.AWSConfig("", nil), strings.Replace(s.Info().WebSocket, "ws://", "http://", 1))
}

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

func TestSocketLife(t *testing.T) {
	sink := newSocketSink(t)
	s := startSockets(t, sink)
	conn := dial(t, s, "?a=1&a=2&b=%20")
	connect := sink.next(t, "CONNECT")
	c := connect.RequestContext
	if c.RouteKey != "$connect" || c.Stage != "test" || c.ConnectionID == "" || c.DomainName == "" || c.APIID != "socketapi" || c.ConnectedAt == 0 || c.Identity.SourceIP != "127.0.0.1" ||
		connect.Headers["X-Twilio-Signature"] != "abc=" || connect.Headers["Upgrade"] != "" || connect.QueryStringParameters["a"] != "2" || !slices.Equal(connect.MultiValueQueryStringParameters["a"], []string{"1", "2"}) {
		t.Errorf("the event of the handshake is %+v", connect)
	}
	local := strings.Replace(s.Info().WebSocket, "ws://", "http://", 1)
	if got, want := receiveWithin(t, sink.relay, "the settings"), "wss://socketapi.execute-api.us-east-1.amazonaws.com/test "+local; got != want {
		t.Errorf("the function's addresses are %s, want %s", got, want)
	}

	say(t, conn, `{"type":"setup"}`)
	message := sink.next(t, "MESSAGE")
	if m := message.RequestContext; m.RouteKey != "$default" || m.ConnectionID != c.ConnectionID || m.MessageID == nil || m.RequestTimeEpoch < c.ConnectedAt || m.ConnectedAt != c.ConnectedAt ||
		message.Body != `{"type":"setup"}` || len(message.Headers) != 0 || message.IsBase64Encoded {
		t.Errorf("the event of the message is %+v", message)
	}
	say(t, conn, `{"type":"named"}`)
	if e := sink.next(t, "MESSAGE"); e.RequestContext.RouteKey != "named" {
		t.Errorf("the route is %s, want named", e.RequestContext.RouteKey)
	}
	say(t, conn, "no JSON")
	if e := sink.next(t, "MESSAGE"); e.RequestContext.RouteKey != "$default" {
		t.Errorf("the route is %s, want $default", e.RequestContext.RouteKey)
	}

	big := strings.Repeat("0123456789abcdef", 8<<10) // 128 KB, several frames
	for _, text := range []string{`{"token":"one"}`, "two", big} {
		if err := connections(s).Send(t.Context(), c.ConnectionID, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got := hear(t, conn); got != text { // the function's own body would come in between
			t.Errorf("the client got %.40s, want %.40s", got, text)
		}
	}
	if err := conn.Close(websocket.StatusCode(4001), "the call has ended"); err != nil {
		t.Fatal(err)
	}
	end := sink.next(t, "DISCONNECT").RequestContext
	if end.RouteKey != "$disconnect" || end.ConnectionID != c.ConnectionID || end.DisconnectStatusCode != 4001 || *end.DisconnectReason != "the call has ended" {
		t.Errorf("the event of the end is %+v", end)
	}
	if err := connections(s).Send(t.Context(), c.ConnectionID, []byte("late")); codeOf(err) != apigateway.CodeGone {
		t.Errorf("sending after the end: %v, want gone", err)
	}
}

func TestSocketRefused(t *testing.T) {
	sink := newSocketSink(t)
	s := startSockets(t, sink)
	for name, c := range map[string]struct {
		path   string
		header []string
		status int
	}{
		"the function refuses": {"?do=refuse", upgrade, 403},
		"the function fails":   {"?do=fail", upgrade, 502},
		"no upgrade":           {"", nil, 426},
		"another path":         {"/elsewhere", upgrade, 403},
	} {
		t.Run(name, func(t *testing.T) {
			response, body := sendRequest(t, "GET", strings.Replace(s.Info().WebSocket, "ws://", "http://", 1)+c.path, "", c.header...)
			if response.StatusCode != c.status || strings.Contains(body, "not shown") {
				t.Errorf("answered %d %s, want %d", response.StatusCode, body, c.status)
			}
		})
	}
	t.Run("sending while the handshake runs", func(t *testing.T) {
		refused := make(chan string, 1)
		sink.answer = func(e events.APIGatewayWebsocketProxyRequest) int {
			if e.RequestContext.EventType == "CONNECT" {
				refused <- codeOf(connections(s).Send(context.Background(), e.RequestContext.ConnectionID, []byte("early")))
			}
			return 200
		}
		dial(t, s, "")
		if got := receiveWithin(t, refused, "the answer to the early message"); got != apigateway.CodeGone {
			t.Errorf("the code is %q, want gone", got)
		}
	})
	t.Run("no signature", func(t *testing.T) {
		response, _ := sendRequest(t, "POST", strings.Replace(s.Info().WebSocket, "ws://", "http://", 1)+"/@connections/x", "hello")
		if response.StatusCode != 403 {
			t.Errorf("answered %d, want 403", response.StatusCode)
		}
	})
}

var upgrade = []string{"Connection", "Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}

// When the function fails, API Gateway sends a frame of its own, which Twilio does not know.
func TestSocketErrorFrame(t *testing.T) {
	sink := newSocketSink(t)
	s := startSockets(t, sink, "LOCAL_WS_TIMEOUT=1s")
	for _, do := range []string{"fail", "exit", "panic", "hang", "malformed", "slow"} {
		t.Run(do, func(t *testing.T) {
			conn := dial(t, s, "")
			id := receiveWithin(t, sink.events, "the handshake").RequestContext.ConnectionID
			say(t, conn, `{"do":"`+do+`"}`)
			e := sink.next(t, "MESSAGE")
			var frame gatewayFrame
			if got := hear(t, conn); json.Unmarshal([]byte(got), &frame) != nil || frame != (gatewayFrame{"Internal server error", id, e.RequestContext.RequestID}) {
				t.Errorf("the client got %s, want the gateway's error", got)
			}
			say(t, conn, `{}`) // the connection goes on
			sink.next(t, "MESSAGE")
			_ = conn.Close(websocket.StatusNormalClosure, "")
			sink.next(t, "DISCONNECT")
		})
	}
}

// Each message is an invocation of its own: the second one does not wait for the first.
func TestSocketMessagesAreConcurrent(t *testing.T) {
	sink, first := newSocketSink(t), make(chan struct{})
	sink.answer = func(e events.APIGatewayWebsocketProxyRequest) int {
		if e.Body == "first" {
			<-first
		}
		return 200
	}
	s := startSockets(t, sink)
	defer close(first)
	conn := dial(t, s, "")
	sink.next(t, "CONNECT")
	say(t, conn, "first")
	sink.next(t, "MESSAGE")
	say(t, conn, "second")
	if e := sink.next(t, "MESSAGE"); e.Body != "second" {
		t.Errorf("the message is %s, want the second one while the first is handled", e.Body)
	}
}

func TestSocketLimits(t *testing.T) {
	sink := newSocketSink(t)
	s := startSockets(t, sink, "LOCAL_WS_MESSAGE_BYTES=1000", "LOCAL_WS_FRAME_BYTES=500", "LOCAL_WS_IDLE=1s", "LOCAL_WS_LIFETIME=4s")
	cases := map[string]struct {
		send func(*websocket.Conn) error
		code websocket.StatusCode
	}{
		"a frame that is too large": {func(c *websocket.Conn) error { return c.Write(t.Context(), websocket.MessageText, make([]byte, 501)) }, websocket.StatusMessageTooBig},
		"a message that is too large, in small frames": {func(c *websocket.Conn) error {
			w, err := c.Writer(t.Context(), websocket.MessageText)
			for range 3 {
				if err == nil {
					_, err = w.Write(make([]byte, 400))
				}
			}
			if err == nil {
				err = w.Close()
			}
			return err
		}, websocket.StatusMessageTooBig},
		"a binary message": {func(c *websocket.Conn) error { return c.Write(t.Context(), websocket.MessageBinary, []byte("x")) }, websocket.StatusUnsupportedData},
		"invalid UTF-8":    {func(c *websocket.Conn) error { return c.Write(t.Context(), websocket.MessageText, []byte{0xff}) }, websocket.StatusInvalidFramePayloadData},
		"idle":             {func(*websocket.Conn) error { return nil }, websocket.StatusGoingAway},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, s, "")
			sink.next(t, "CONNECT")
			if err := c.send(conn); err != nil {
				t.Fatal(err)
			}
			if end := closing(t, conn); end.Code != c.code {
				t.Errorf("closed with %v, want %v", end, c.code)
			}
			if e := sink.next(t, "DISCONNECT"); e.RequestContext.DisconnectStatusCode != int64(c.code) {
				t.Errorf("the event has the status %d, want %d", e.RequestContext.DisconnectStatusCode, c.code)
			}
		})
	}
	t.Run("a message that fits", func(t *testing.T) {
		conn := dial(t, s, "")
		sink.next(t, "CONNECT")
		w, err := conn.Writer(t.Context(), websocket.MessageText)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := w.Write([]byte(strings.Repeat("x", 500))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if e := sink.next(t, "MESSAGE"); len(e.Body) != 1000 {
			t.Errorf("%d bytes arrived, want 1000", len(e.Body))
		}
		_ = conn.Close(websocket.StatusNormalClosure, "")
		sink.next(t, "DISCONNECT")
	})
	t.Run("two hours, with messages all the time", func(t *testing.T) {
		conn := dial(t, s, "")
		id := sink.next(t, "CONNECT").RequestContext.ConnectionID
		began, end := time.Now(), make(chan websocket.CloseError, 1)
		go func() { end <- closing(t, conn) }()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = connections(s).Send(t.Context(), id, []byte("still here"))
				continue
			case e := <-end:
				if e.Code != websocket.StatusGoingAway || time.Since(began) < 2*time.Second {
					t.Errorf("closed with %v after %s, want 1001 after the lifetime", e, time.Since(began))
				}
			}
			break
		}
		sink.next(t, "DISCONNECT")
	})
	t.Run("a large message of a function", func(t *testing.T) {
		dial(t, s, "")
		id := sink.next(t, "CONNECT").RequestContext.ConnectionID
		if err := connections(s).Send(t.Context(), id, make([]byte, 1001)); !fault.Is(err, fault.TooLarge) {
			t.Errorf("%v, want TooLarge", err)
		}
		sink.next(t, "DISCONNECT") // idle
	})
}

func TestSocketOfAClientThatDoesNotRead(t *testing.T) {
	sink := newSocketSink(t)
	s := startSockets(t, sink)
	dial(t, s, "")
	id := sink.next(t, "CONNECT").RequestContext.ConnectionID
	part := make([]byte, 100<<10)
	for range 1000 {
		if code := codeOf(connections(s).Send(t.Context(), id, part)); code == apigateway.CodeBusy {
			return
		} else if code != "" {
			t.Fatalf("the code is %s, want connection_busy once the buffer is full", code)
		}
	}
	t.Error("100 MB were accepted for a client that does not read")
}

func TestSocketClosedByTheFunction(t *testing.T) {
	sink := newSocketSink(t)
	s := startSockets(t, sink)
	conn := dial(t, s, "")
	id := sink.next(t, "CONNECT").RequestContext.ConnectionID
	for _, text := range []string{"last", "words"} {
		if err := connections(s).Send(t.Context(), id, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := connections(s).Close(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := hear(t, conn) + " " + hear(t, conn); got != "last words" {
		t.Errorf("the client got %s, want what was sent before the end", got)
	}
	if end := closing(t, conn); end.Code != websocket.StatusNormalClosure {
		t.Errorf("closed with %v, want 1000", end)
	}
	if e := sink.next(t, "DISCONNECT"); e.RequestContext.DisconnectStatusCode != 1000 {
		t.Errorf("the event has the status %d, want 1000", e.RequestContext.DisconnectStatusCode)
	}
}

// TestSocketStop stops a stack with an open connection: the connection may end by itself, and is closed after a while.
func TestSocketStop(t *testing.T) {
	for name, hangUp := range map[string]bool{"the client ends in time": true, "the client stays": false} {
		t.Run(name, func(t *testing.T) {
			sink := newSocketSink(t)
			s := startStack(t, Options{Environ: []string{"SOCKET_SINK_BASE_URL=" + sink.url}, stopTimeout: 2 * time.Second})
			conn := dial(t, s, "")
			id, client := sink.next(t, "CONNECT").RequestContext.ConnectionID, connections(s)
			stopped := make(chan struct{})
			go func() { stopStack(t, s); close(stopped) }()
			say(t, conn, "still talking")
			sink.next(t, "MESSAGE")
			if err := client.Send(t.Context(), id, []byte("still answering")); err != nil {
				t.Errorf("a function cannot send while the connection is open: %v", err)
			}
			hear(t, conn)
			want := websocket.StatusGoingAway
			if hangUp {
				want = websocket.StatusNormalClosure
				_ = conn.Close(want, "")
			} else if end := closing(t, conn); end.Code != want {
				t.Errorf("closed with %v, want 1001", end)
			}
			if e := sink.next(t, "DISCONNECT"); e.RequestContext.DisconnectStatusCode != int64(want) {
				t.Errorf("the event has the status %d, want %d", e.RequestContext.DisconnectStatusCode, want)
			}
			receiveWithin(t, stopped, "the end of the stack")
		})
	}
}

// TestSocketShuffle checks that messages overtake each other, that none is lost, and that a seed always decides alike.
func TestSocketShuffle(t *testing.T) {
	sink := newSocketSink(t)
	s := startSockets(t, sink, "LOCAL_WS_SHUFFLE=7")
	conn := dial(t, s, "")
	sink.next(t, "CONNECT")
	const sent = "abcdefghijklmnopqrstuvwxyz"
	for _, letter := range sent {
		say(t, conn, string(letter))
	}
	var arrived []string
	for range sent {
		arrived = append(arrived, sink.next(t, "MESSAGE").Body)
	}
	got := strings.Join(arrived, "")
	slices.Sort(arrived)
	if got == sent || strings.Join(arrived, "") != sent {
		t.Errorf("arrived as %s, want all letters in another order", got)
	}
	decisions := func(seed, number uint64) (made []int) {
		for s := newShuffler(seed, number); len(made) < 20; {
			s.next()
			made = append(made, btoi(s.held != nil))
		}
		return made
	}
	if !slices.Equal(decisions(7, 1), decisions(7, 1)) || slices.Equal(decisions(7, 1), decisions(8, 1)) || slices.Equal(decisions(7, 1), decisions(7, 2)) {
		t.Error("the decisions must depend on the seed and on the number of the connection, and on nothing else")
	}
}

func TestSocketSettings(t *testing.T) {
	for name, setting := range map[string]string{"above the limit": "LOCAL_WS_MESSAGE_BYTES=200000", "no number": "LOCAL_WS_FRAME_BYTES=many", "no time": "LOCAL_WS_IDLE=10",
		"above the time": "LOCAL_WS_TIMEOUT=30s", "no seed": "LOCAL_WS_SHUFFLE=yes"} {
		if _, err := socketLimitsFrom([]string{setting}); err == nil || !strings.Contains(err.Error(), strings.Split(setting, "=")[0]) {
			t.Errorf("%s: %v, want an error that names the variable", name, err)
		}
	}
}

func TestRouteSelection(t *testing.T) {
	routes := map[string]*socketRoute{"prompt": {}, "$default": {}}
	for expression, body := range map[string]string{"$request.body.type": `{"type":"prompt"}`, "${request.body.type}": `{"type":"prompt"}`, "$request.body.{a.b}": `{"a":{"b":"prompt"}}`} {
		a := &socketAPI{socketPlan: &socketPlan{expression: expression, routes: routes}}
		if got := a.routeOf([]byte(body)); got != "prompt" {
			t.Errorf("%s of %s gives %s, want prompt", expression, body, got)
		}
		for _, other := range []string{`{"type":5}`, `[1]`, `{"type":"unknown","a":"x"}`, `{"type":"$connect"}`, "text"} {
			if got := a.routeOf([]byte(other)); got != "$default" {
				t.Errorf("%s of %s gives %s, want $default", expression, other, got)
			}
		}
	}
	if _, ok := selectionPath("$request.header.type"); ok {
		t.Error("an expression over headers is accepted, which a WebSocket API does not have")
	}
}
