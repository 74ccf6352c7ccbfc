package tools

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/netguard"
)

// guard connects to public addresses only (package netguard), and by https on port 443, or to hosts in TOOL_PRIVATE_HOSTS.
type guard struct {
	private   []string // host:port that may be reached whatever its address is, also by http
	transport *http.Transport
}

// maxHeaderBytes is the size limit of a server's response headers.
const maxHeaderBytes = 32 << 10

func newGuard(private []string) *guard { return newGuardWithResolver(private, nil) }

// newGuardWithResolver is newGuard with a resolver; nil means the default one.
func newGuardWithResolver(private []string, resolver *net.Resolver) *guard {
	g := &guard{}
	for _, p := range private {
		if p = strings.ToLower(strings.TrimSpace(p)); p != "" {
			g.private = append(g.private, p)
		}
	}
	unguarded := &net.Dialer{Timeout: 3 * time.Second, Resolver: resolver}
	guarded := &net.Dialer{Timeout: 3 * time.Second, Resolver: resolver, Control: netguard.Control}
	g.transport = &http.Transport{
		Proxy: nil, // a proxy from the environment would see the secrets and resolve the names itself
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if g.isPrivateHost(address) {
				return unguarded.DialContext(ctx, network, address)
			}
			if _, port, err := net.SplitHostPort(address); err != nil || port != "443" {
				return nil, netguard.ErrBlockedAddress
			}
			return guarded.DialContext(ctx, network, address)
		},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    3 * time.Second,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    2,
		DisableCompression:     true, // a small response must not unpack into a large one
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	return g
}

// isPrivateHost reports whether host:port is one of the private ones.
func (g *guard) isPrivateHost(address string) bool {
	return slices.Contains(g.private, strings.ToLower(address))
}

// parseURL reads the address of a server: https on port 443, or one of the private hosts. The error is for the operator.
func (g *guard) parseURL(text string) (*url.URL, error) {
	for _, r := range text {
		if r <= ' ' || r == 0x7f || r == '\\' {
			return nil, errors.New("the address holds a space, a control character or a backslash")
		}
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" || u.Hostname() == "" {
		return nil, errors.New("the address must be a plain one such as https://tools.example.com/book, without user or fragment")
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	if (u.Scheme == "http" || u.Scheme == "https") && g.isPrivateHost(net.JoinHostPort(u.Hostname(), port)) {
		return u, nil
	}
	if u.Scheme != "https" || port != "443" {
		return nil, errors.New("the address must be https on port 443")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !netguard.IsPublic(a) {
		return nil, fmt.Errorf("the address is not on the internet: %w", netguard.ErrBlockedAddress)
	}
	return u, nil
}

// client returns an HTTP client for one server. The secret is sent to this server's scheme, host and port only.
func (g *guard) client(server *url.URL, secret string) *http.Client {
	return &http.Client{
		Transport:     boundTransport{server: server, secret: secret, next: g.transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// boundTransport sends requests to one server only and adds its secret.
type boundTransport struct {
	server *url.URL
	secret string
	next   http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b boundTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != b.server.Scheme || !strings.EqualFold(r.URL.Host, b.server.Host) {
		return nil, netguard.ErrBlockedAddress
	}
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", "Aurora")
	if b.secret != "" {
		r.Header.Set("Authorization", "Bearer "+b.secret)
	}
	return b.next.RoundTrip(r)
}
