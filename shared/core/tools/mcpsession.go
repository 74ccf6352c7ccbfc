package tools

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/safego"
)

const (
	maxCachedServers = 500
	// maxStreamResumptions is how often the SDK asks for the rest of an answer without getting any of it. A server may close its
	// stream at once and deliver the answer on the next GET, after the time that its retry field names
	// (https://modelcontextprotocol.io/seps/1699-support-sse-polling-via-server-side-disconnect).
	maxStreamResumptions = 3
)

// mcpServerCache holds what this process knows of MCP servers. It is safe for concurrent use.
type mcpServerCache struct {
	mu      sync.Mutex
	servers map[aurora.MCPServer]*mcpServer
}

// mcpServer is what this process knows of one server: its tools and the session with it.
type mcpServer struct {
	list toolList

	connecting chan struct{} // holds an element while connection and version are used, which may include connecting
	connection *mcpConnection
	version    string // of the protocol, as agreed last
}

// get returns what is known of a server, which may be nothing yet.
func (s *mcpServerCache) get(ctx context.Context, server aurora.MCPServer) *mcpServer {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.servers[server]
	if known == nil {
		if s.servers == nil || len(s.servers) >= maxCachedServers {
			for _, old := range s.servers {
				safego.Go(ctx, func() { old.forget(context.WithoutCancel(ctx)) }, nil)
			}
			s.servers = map[aurora.MCPServer]*mcpServer{}
		}
		known = &mcpServer{connecting: make(chan struct{}, 1)}
		s.servers[server] = known
	}
	return known
}

// forget ends the session with a server.
func (s *mcpServer) forget(ctx context.Context) {
	s.connecting <- struct{}{}
	defer func() { <-s.connecting }()
	if s.connection != nil {
		s.connection.discard(ctx)
		s.connection = nil
	}
}

// mcpConnection is a session with a server, which concurrent calls share. secret must be removed from every text of the
// server.
type mcpConnection struct {
	*mcp.ClientSession
	secret string

	mu        sync.Mutex
	users     int
	discarded bool
}

// use reports whether the connection can be used with a secret, and counts the user if so.
func (c *mcpConnection) use(secret string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.discarded || c.secret != secret {
		return false
	}
	c.users++
	return true
}

// release is called after use.
func (c *mcpConnection) release(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	c.closeIfUnused(ctx)
}

// discard prevents further use. The session is closed after its last user.
func (c *mcpConnection) discard(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.discarded {
		c.discarded = true
		c.closeIfUnused(ctx)
	}
}

// closeIfUnused does not wait for the server, which may be slow.
func (c *mcpConnection) closeIfUnused(ctx context.Context) {
	if c.discarded && c.users == 0 {
		safego.Go(ctx, func() { _ = c.Close() }, nil)
	}
}

// connectError is a failure before anything was asked of a server.
type connectError struct{ cause error }

func (e *connectError) Error() string { return e.cause.Error() }

func (e *connectError) Unwrap() error { return e.cause }

// withMCP calls do with the session of a server, which it opens first if there is none. If the server no longer knows the
// session, it opens another one and calls do again. It does so after other failures too if repeatable says that do changes nothing.
func (k *Kit) withMCP(ctx context.Context, server aurora.MCPServer, repeatable bool, do func(context.Context, *mcpConnection) error) error {
	for attempt := 1; ; attempt++ {
		c, err := k.connectMCP(ctx, server)
		if err != nil {
			return &connectError{err}
		}
		sent := &sentRequest{}
		err = do(context.WithValue(ctx, sentRequestKey{}, sent), c)
		isAnswer := serverError(err) != nil
		if err != nil && !isAnswer && ctx.Err() == nil {
			c.discard(ctx)
		}
		c.release(ctx)
		if err == nil || isAnswer || attempt == 2 || ctx.Err() != nil || !repeatable && sent.mayHaveRun() {
			return err
		}
	}
}

// sdkErrors are what the SDK itself returns in the form of a server's error.
var sdkErrors = map[int64]string{-32003: "client is closing", -32004: "server is closing", -32005: "rejected by transport"}

// serverError returns the error that a server answered with, or nil.
func serverError(err error) *jsonrpc.Error {
	rpcErr, ok := errors.AsType[*jsonrpc.Error](err)
	if !ok || sdkErrors[rpcErr.Code] == rpcErr.Message {
		return nil
	}
	return rpcErr
}

// connectMCP returns the session with a server. The caller must release it.
func (k *Kit) connectMCP(ctx context.Context, server aurora.MCPServer) (*mcpConnection, error) {
	address, err := k.guard.parseURL(server.URL)
	if err != nil {
		return nil, err
	}
	secret, err := k.secret(ctx, server.Secret)
	if err != nil {
		return nil, err
	}
	known := k.mcpServers.get(ctx, server)
	select {
	case known.connecting <- struct{}{}:
		defer func() { <-known.connecting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if known.connection != nil {
		if known.connection.use(secret) {
			return known.connection, nil
		}
		known.connection.discard(ctx)
		known.connection = nil
	}
	httpClient := k.guard.client(address, secret)
	httpClient.Transport = mcpTransport{httpClient.Transport}
	client := mcp.NewClient(&mcp.Implementation{Name: "aurora", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: address.String(), HTTPClient: httpClient, MaxRetries: maxStreamResumptions, DisableStandaloneSSE: true, MaxEventSize: maxMCPResponseBytes,
	}, &mcp.ClientSessionOptions{ProtocolVersion: known.version})
	if err != nil {
		return nil, err
	}
	if agreed := session.InitializeResult(); agreed != nil {
		known.version = agreed.ProtocolVersion
	}
	known.connection = &mcpConnection{ClientSession: session, secret: secret, users: 1}
	return known.connection, nil
}

// sentRequest says what became of the requests of one call of withMCP.
type sentRequest struct{ sent, sessionGone atomic.Bool }

type sentRequestKey struct{}

// mayHaveRun reports whether the server may have done what was asked.
func (s *sentRequest) mayHaveRun() bool { return s.sent.Load() && !s.sessionGone.Load() }

// mcpTransport limits the size of a response, rejects compressed ones, and notes whether a server still knows the session.
type mcpTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t mcpTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	request, _ := r.Context().Value(sentRequestKey{}).(*sentRequest)
	if request != nil && r.Method == http.MethodPost {
		request.sent.Store(true)
	}
	response, err := t.next.RoundTrip(r)
	if err != nil {
		if dial, ok := errors.AsType[*net.OpError](err); ok && dial.Op == "dial" && request != nil {
			request.sent.Store(false)
		}
		return nil, err
	}
	if e := response.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		_ = response.Body.Close()
		return nil, errors.New("the response is compressed, which was not requested")
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxMCPResponseBytes), response.Body}
	if r.Header.Get("Mcp-Session-Id") == "" || !isSessionGone(response) {
		return response, nil
	}
	if request != nil && r.Method == http.MethodPost {
		request.sessionGone.Store(true)
	}
	// The SDK recognises a lost session by the status, and only if there is no JSON-RPC error in the body.
	_ = response.Body.Close()
	response.StatusCode, response.Body = http.StatusNotFound, http.NoBody
	return response, nil
}

// isSessionGone reports whether a server no longer knows the session of a request. The specification asks for 404; servers
// made after the examples of the TypeScript SDK answer 400 with an error about the session.
func isSessionGone(response *http.Response) bool {
	switch response.StatusCode {
	case http.StatusNotFound:
		return true
	case http.StatusBadRequest:
		body, err := io.ReadAll(response.Body)
		response.Body = struct {
			io.Reader
			io.Closer
		}{bytes.NewReader(body), response.Body}
		return err == nil && bytes.Contains(bytes.ToLower(body), []byte("session"))
	}
	return false
}
