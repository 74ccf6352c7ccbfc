package openai_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/fakeopenai"
)

// modelServer is a model server that records what it is asked and how many connections are made to it.
func modelServer(t *testing.T, secure bool) (server *httptest.Server, asked func() []*http.Request, connections *atomic.Int32) {
	t.Helper()
	model := fakeopenai.New(fakeopenai.Options{})
	t.Cleanup(model.Close)
	var mu sync.Mutex
	var all []*http.Request
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		all = append(all, r.Clone(context.Background()))
		mu.Unlock()
		model.ServeHTTP(w, r)
	}))
	connections = &atomic.Int32{}
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connections.Add(1)
		}
	}
	if server.EnableHTTP2 = secure; secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, func() []*http.Request { mu.Lock(); defer mu.Unlock(); return all }, connections
}

// The connection is made once and used by the first turn. The request that makes it has no key.
func TestOpenConnectsBeforeTheFirstTurn(t *testing.T) {
	for name, secure := range map[string]bool{"HTTP/1.1": false, "HTTP/2 over TLS": true} {
		t.Run(name, func(t *testing.T) {
			server, asked, connections := modelServer(t, secure)
			own, _, ownConnections := modelServer(t, false)
			p := &openai.Pool{AllowLoopback: true, Options: openai.Options{BaseURL: server.URL + "/v1?key=of-the-query", Transport: server.Client().Transport,
				Key: func(context.Context) (string, error) { return "sk-secret", nil }}}
			p.Chain([]aurora.ModelRef{{Model: "own", BaseURL: own.URL}})
			if err := p.Open(t.Context()); err != nil {
				t.Fatal(err)
			}
			requests := asked()
			if len(requests) != 1 || requests[0].Method != http.MethodHead || requests[0].URL.String() != "/" || requests[0].Header.Get("Authorization") != "" {
				t.Fatalf("Open asked %v, want one HEAD of the root without a key", requests)
			}
			if text, code := askChain(t, p.Chain([]aurora.ModelRef{{Model: "one"}})); text == "" || code != "" {
				t.Errorf("the turn gives %q, %s", text, code)
			}
			if connections.Load() != 1 {
				t.Errorf("%d connections, want the turn on the one that Open made", connections.Load())
			}
			if ownConnections.Load() != 0 {
				t.Error("an assistant's own server was contacted")
			}
		})
	}
}

func TestOpenFails(t *testing.T) {
	server, _, _ := modelServer(t, false)
	address := server.URL
	server.Close()
	for name, base := range map[string]string{"a server that is away": address, "an address that cannot be read": "http://sk-secret\x7f@example.com"} {
		if err := (&openai.Pool{Options: openai.Options{BaseURL: base}}).Open(t.Context()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
