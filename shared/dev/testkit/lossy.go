package testkit

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// LossyTransport loses every nth request to DynamoDB before it is sent, and the reply to every nth write; n is Every, and 0 loses
// nothing.
type LossyTransport struct {
	Every atomic.Int64
	n     atomic.Int64
}

// RoundTrip sends a request, or loses it or its reply.
func (l *LossyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	n, every := l.n.Add(1), l.Every.Load()
	if every > 0 && n%every == 1 {
		return nil, io.ErrUnexpectedEOF
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && every > 0 && n%every == 0 && !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetItem") {
		_ = response.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return response, err
}
