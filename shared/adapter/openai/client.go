package openai

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/netguard"
)

// maxTries is the number of tries for faults that may pass, such as a 503.
const maxTries = 3

// exchange is the HTTP client that go-openai gets for one request. It sends the body that encodeRequest made in place of
// go-openai's own, and returns an open stream or a fault.
type exchange struct {
	*client
	url    *url.URL
	body   []byte
	limit  time.Duration // of all tries together
	answer *eventBody    // nil before the answer has begun
}

// Do sends the request.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	req.URL, req.ContentLength = x.url, int64(len(x.body))
	req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(x.body)), nil }
	if x.url.Query().Has("api-version") { // Azure's classic address takes its keys in this header only
		req.Header.Set("Api-Key", strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer "))
	}
	resp, err := x.send(req, x.limit)
	if err == nil {
		x.answer, _ = resp.Body.(*eventBody)
	}
	return resp, err
}

// client sends requests to a model server.
type client struct {
	http   *http.Client
	limits Limits
	count  func(context.Context, string)
}

// newTransport returns the transport for the deployment's model provider. It keeps connections open for the next turn, and
// closes idle ones after 90 seconds, before load balancers between us and the server drop them without notice.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           newDialer().DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   5 * time.Second,
		IdleConnTimeout:       90 * time.Second,
		MaxIdleConnsPerHost:   4,
		DisableCompression:    true, // a compressed stream arrives in blocks, not word by word
		ExpectContinueTimeout: time.Second,
	}
}

func newDialer() *net.Dialer {
	return &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}
}

// newGuardedTransport returns the transport for the servers that assistants name. control checks each address that is dialled.
// There is no proxy: it would resolve the names itself.
func newGuardedTransport(control func(network, address string, c syscall.RawConn) error) *http.Transport {
	t, d := newTransport(), newDialer()
	d.Control = control
	t.Proxy, t.DialContext = nil, d.DialContext
	return t
}

var errFirstByte = errors.New("no first word in time")

// send sends the request, and tries again after faults that may pass. The time for the first word covers all tries; when it is
// over, Model.Stream ends the context with errFirstByte.
func (c *client) send(req *http.Request, limit time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context()) // the body ends it, with the reason
	end := time.Now().Add(limit)
	waits := newBackOff(c.limits.Backoff)
	var failed *failure
	for try := range maxTries {
		body, err := req.GetBody()
		if err != nil {
			cancel(nil)
			return nil, upstreamError(err)
		}
		req.Body = body
		resp, f := c.tryOnce(req.WithContext(ctx), cancel)
		if f == nil {
			return resp, nil
		}
		failed = f
		wait := f.wait
		if wait == 0 {
			wait = waits.NextBackOff()
		}
		if try+1 >= f.tries || time.Until(end) <= wait || !sleepContext(ctx, wait) {
			break
		}
	}
	cancel(nil)
	c.reportFailure(req.Context(), failed.fault)
	return nil, failed.fault
}

// failure is a failed try.
type failure struct {
	fault *fault.Error
	tries int           // tries that this fault justifies in all
	wait  time.Duration // before the next try, if the server said how long
}

// tryOnce sends the request once. The answer is an open stream whose first event with content has come: a server may answer
// 200 and report an error in its first events.
func (c *client) tryOnce(req *http.Request, cancel context.CancelCauseFunc) (*http.Response, *failure) {
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, transportFailure(req.Context(), err)
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		b, _ := io.ReadAll(io.LimitReader(resp.Body, 16<<10))
		return nil, statusFailure(resp, b)
	}
	stream := newEventBody(decompress(resp), cancel, c.limits.Idle)
	err = stream.waitForContent()
	if err == nil {
		resp.Body = stream
		return resp, nil
	}
	_ = resp.Body.Close()
	switch ended := errors.Is(err, io.EOF); {
	case stream.failed != nil:
		return nil, stream.failed
	case errors.Is(err, errNoSSE), ended && stream.out == nil:
		return nil, &failure{tries: 2, fault: upstreamError(fmt.Errorf("%w; content type %q", errNoSSE, mediaType(resp.Header)))}
	case ended:
		return nil, &failure{fault: streamError(errors.New("the stream ended before its first word"))}
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return nil, &failure{fault: f}
	}
	return nil, transportFailure(req.Context(), err)
}

// mediaType returns the media type of an answer, for the log. It is "" for anything else than a media type.
func mediaType(h http.Header) string {
	name, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return safeIdentifier(strings.ReplaceAll(name, "/", "."))
}

// decompress returns the body of an answer. Some servers compress although the request does not ask for it.
func decompress(resp *http.Response) io.ReadCloser {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return resp.Body
	}
	return &gzipBody{source: resp.Body}
}

// gzipBody decompresses a body. It reads nothing before the first Read.
type gzipBody struct {
	source io.ReadCloser
	reader *gzip.Reader
}

func (b *gzipBody) Read(p []byte) (int, error) {
	if b.reader == nil {
		r, err := gzip.NewReader(b.source)
		if err != nil {
			return 0, err
		}
		b.reader = r
	}
	return b.reader.Read(p)
}

func (b *gzipBody) Close() error { return b.source.Close() }

// transportFailure classifies an error that came before any answer. A certificate that is not trusted, or an address that is
// blocked, will be so in the next try too.
func transportFailure(ctx context.Context, err error) *failure {
	if errors.Is(context.Cause(ctx), errFirstByte) {
		return &failure{fault: timeoutError(errFirstByte)}
	}
	if ctx.Err() != nil {
		return &failure{fault: timeoutError(ctx.Err())}
	}
	f := upstreamError(fmt.Errorf("ask the model: %w", withoutURL(err)))
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var verify *tls.CertificateVerificationError
	if errors.Is(err, netguard.ErrBlockedAddress) || errors.As(err, &unknown) || errors.As(err, &invalid) || errors.As(err, &host) || errors.As(err, &record) || errors.As(err, &verify) {
		return &failure{fault: f}
	}
	return &failure{fault: f, tries: 2}
}

func timeoutError(cause error) *fault.Error {
	return fault.New(fault.Timeout, "The model did not answer in time.").WithCode("upstream_timeout").Because(cause)
}

func upstreamError(cause error) *fault.Error {
	return fault.New(fault.Upstream, "The model could not be reached or failed.").WithCode("upstream_error").Because(cause)
}

// reportFailure logs a failed request, and counts the faults that an operator must act on.
func (c *client) reportFailure(ctx context.Context, f *fault.Error) {
	switch f.Code {
	case "upstream_quota":
		c.count(ctx, "UpstreamQuota")
	case "upstream_auth":
		c.count(ctx, "UpstreamAuth")
	}
	slog.WarnContext(ctx, "model request failed", "event", "model.request_failed", "code", f.Code, "error", f)
}

// newBackOff returns the waits between tries: base, then doubled each time up to ten times base, each changed at random by
// up to a half.
func newBackOff(base time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = base, 10*base, 2
	b.Reset()
	return b
}

func sleepContext(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// withoutURL removes the URL that net/http puts before an error. Its query may hold credentials.
func withoutURL(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || !strings.Contains(err.Error(), "://") {
			return err
		}
		err = inner
	}
}
