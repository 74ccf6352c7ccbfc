package tools

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/netguard"
)

// resolver resolves every name to the address that answer returns for the nth question. It needs no network.
func resolver(answer func(n int32) netip.Addr) *net.Resolver {
	var questions atomic.Int32
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer func() { _ = theirs.Close() }()
			length := make([]byte, 2)
			if _, err := io.ReadFull(theirs, length); err != nil {
				return
			}
			q := make([]byte, binary.BigEndian.Uint16(length))
			if _, err := io.ReadFull(theirs, q); err != nil {
				return
			}
			end := 12
			for q[end] != 0 {
				end += int(q[end]) + 1
			}
			end += 5
			a := answer(questions.Add(1))
			reply := append([]byte{}, q[:end]...)
			copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
			if kind := binary.BigEndian.Uint16(q[end-4:]); kind == 1 && a.Is4() || kind == 28 && a.Is6() {
				reply[7] = 1
				reply = append(reply, 0xc0, 12, 0, byte(kind), 0, 1, 0, 0, 0, 0, 0, byte(a.BitLen()/8))
				reply = append(reply, a.AsSlice()...)
			}
			_, _ = theirs.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
		}()
		return ours, nil
	}}
}

// TestSSRF tries addresses that must not be reached, in many spellings (security.md D1, D4 to D6 and D8). All names resolve
// to an internal address, so that the dialer must stop a spelling that parseURL accepts.
func TestSSRF(t *testing.T) {
	forms := []string{
		"https://169.254.169.254/latest/meta-data/", "http://169.254.169.254/", "https://169.254.170.2/v2/credentials", "https://[fd00:ec2::254]/",
		"https://metadata.google.internal/", "https://100.100.100.200/", "https://127.0.0.1/", "https://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
		"https://169.254.100.1/", "https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://127.1/", "https://127.0.1/", "https://0/", "https://0.0.0.0/",
		"https://2130706433/", "https://017700000001/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://0177.0.0.1/", "https://127.0.0.1./",
		"https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:a9fe:a9fe]/", "https://[::127.0.0.1]/", "https://[64:ff9b::7f00:1]/",
		"https://[64:ff9b:1::7f00:1]/", "https://[2002:7f00:1::]/", "https://[2001::1]/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/", "https://[ff02::1]/", "https://[2001:db8::1]/",
		"https://10.0.0.1/", "https://172.16.0.1/", "https://172.31.255.255/", "https://192.168.1.1/", "https://100.64.0.1/", "https://192.0.0.8/", "https://198.18.0.1/",
		"https://192.0.2.1/", "https://198.51.100.1/", "https://203.0.113.1/", "https://224.0.0.1/", "https://240.0.0.1/", "https://255.255.255.255/",
		"https://127.0.0.1.nip.io/", "https://tools.example.com/", "https://①②⑦.⓪.⓪.①/", "https://tools.example.com:80/", "https://tools.example.com:22/", "http://tools.example.com/",
		"https://user:pw@127.0.0.1/", "https://tools.example.com@127.0.0.1/", "https://tools.example.com\\@127.0.0.1/", "https://127.0.0.1#@tools.example.com/",
		"file:///etc/passwd", "gopher://127.0.0.1:25/", "ftp://tools.example.com/", "//127.0.0.1/", "https:127.0.0.1", "https:///", "https://", "", " https://127.0.0.1/", "https://127.0.0.1\t/",
		"https://%31%32%37.0.0.1/", "https://127.0.0.1%00.example.com/", "https://tools.example.com\r\nHost: x/", "unix:///var/run/docker.sock", "data:text/plain,x",
	}
	if len(forms) < 40 {
		t.Fatalf("%d spellings, want at least 40", len(forms))
	}
	for _, loopback := range []string{"127.0.0.1", "::1", "169.254.169.254", "64:ff9b::a00:1"} {
		k, _ := newKit(t)
		k.guard = newGuardWithResolver(nil, resolver(func(int32) netip.Addr { return netip.MustParseAddr(loopback) }))
		for _, form := range forms {
			to, err := k.guard.parseURL(form)
			if err == nil {
				_, err = k.callHTTP(t.Context(), to, aurora.HTTPTool{Name: "x", URL: form}, testScope(), agent.Invocation{Arguments: []byte(`{}`)})
				if !errors.Is(err, netguard.ErrBlockedAddress) && !strings.Contains(err.Error(), "no such host") {
					t.Errorf("%s (names resolve to %s): error = %v, want the guard's", form, loopback, err)
				}
			}
			if err == nil {
				t.Errorf("%s was reached", form)
			}
		}
	}
}

// TestDNSRebinding: a name has a public address first, and another one when the connection is made.
func TestDNSRebinding(t *testing.T) {
	k, _ := newKit(t)
	names := resolver(func(n int32) netip.Addr {
		if n <= 2 { // A and AAAA of the first lookup
			return netip.MustParseAddr("93.184.215.14")
		}
		return netip.MustParseAddr("127.0.0.1")
	})
	k.guard = newGuardWithResolver(nil, names)
	addresses, err := names.LookupHost(t.Context(), "tools.example.com")
	if err != nil || len(addresses) != 1 || addresses[0] != "93.184.215.14" {
		t.Fatalf("first lookup = %v, %v; want 93.184.215.14", addresses, err)
	}
	to, err := k.guard.parseURL("https://tools.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.callHTTP(t.Context(), to, aurora.HTTPTool{Name: "x"}, testScope(), agent.Invocation{Arguments: []byte(`{}`)})
	if !errors.Is(err, netguard.ErrBlockedAddress) || !fault.Is(err, fault.Forbidden) {
		t.Errorf("error = %v, want forbidden by the guard", err)
	}
}

// A redirect is not followed, even to a host that is allowed (security.md D2).
func TestRedirectsAreNotFollowed(t *testing.T) {
	k, w := newKit(t)
	var reached atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, status))
		k.PrivateHosts = []string{hostPort(server), hostPort(elsewhere)}
		k.guard = newGuard(k.PrivateHosts)
		w.secrets["aurora/test/tools/s"] = "bearer-secret"
		_, err := callTool(t, newHTTPTool(t, k, aurora.HTTPTool{Name: "x", URL: server.URL, Secret: "s"}), `{}`)
		if !fault.Is(err, fault.Upstream) {
			t.Errorf("status %d: error = %v, want upstream", status, err)
		}
		server.Close()
		k.guard.transport.CloseIdleConnections()
	}
	if reached.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

// A proxy from the environment would see the secrets and choose the address (security.md D3).
func TestProxyEnvironmentIsIgnored(t *testing.T) {
	var reached atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	k, _ := newKit(t)
	k.guard = newGuardWithResolver(nil, resolver(func(int32) netip.Addr { return netip.MustParseAddr("10.0.0.1") }))
	if k.guard.transport.Proxy != nil {
		t.Error("the transport has a proxy")
	}
	_, err := callTool(t, newHTTPTool(t, k, aurora.HTTPTool{Name: "x", URL: "https://tools.example.com/"}), `{}`)
	if !errors.Is(err, netguard.ErrBlockedAddress) || reached.Load() != 0 {
		t.Errorf("error = %v, want the guard's; the proxy was reached %d times", err, reached.Load())
	}
}

// Another port of a private host is not allowed.
func TestPrivateHostsAreExact(t *testing.T) {
	g := newGuard([]string{"127.0.0.1:9999", " LOCALHOST:8080 ", ""})
	for form, ok := range map[string]bool{"http://127.0.0.1:9999/x": true, "http://localhost:8080": true, "https://127.0.0.1:9999/": true,
		"http://127.0.0.1:9998/": false, "http://127.0.0.2:9999/": false, "http://127.0.0.1/": false, "ftp://127.0.0.1:9999/": false} {
		if _, err := g.parseURL(form); (err == nil) != ok {
			t.Errorf("%s: error = %v, want accepted: %v", form, err, ok)
		}
	}
	if _, err := g.transport.DialContext(t.Context(), "tcp", "127.0.0.1:9998"); !errors.Is(err, netguard.ErrBlockedAddress) {
		t.Errorf("dial of another port: error = %v, want the guard's", err)
	}
}

// The secret is sent to the server that it belongs to only (security.md D9).
func TestSecretIsBoundToItsServer(t *testing.T) {
	g := newGuard([]string{"127.0.0.1:1", "127.0.0.1:2"})
	to, err := g.parseURL("http://127.0.0.1:1/")
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"http://127.0.0.1:2/", "https://127.0.0.1:1/", "http://localhost:1/"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, other, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := g.client(to, "secret").Do(r)
		if response != nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, netguard.ErrBlockedAddress) || r.Header.Get("Authorization") != "" {
			t.Errorf("%s: error = %v, want the guard's, and no Authorization header", other, err)
		}
	}
}

func hostPort(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }

// newHTTPTool returns the agent's tool for an HTTP tool. Each call is new, since the scope has no call id.
func newHTTPTool(t *testing.T, k *Kit, h aurora.HTTPTool) agent.Tool {
	t.Helper()
	s := testScope()
	s.CallID = ""
	s.Assistant.Tools = []aurora.HTTPTool{h}
	return findTool(t, k.ForScope(t.Context(), s), h.Name)
}
