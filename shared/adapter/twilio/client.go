package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/retryafter"
)

const (
	requestTimeout   = 8 * time.Second
	maxResponseBytes = 1 << 20 // bytes
)

// Client calls Twilio. Use New.
type Client struct {
	credentials func(context.Context) (string, error)
	base        *url.URL // nil is Twilio's own address
	http        http.RoundTripper
}

// Options say how to reach Twilio.
type Options struct {
	// Credentials returns the JSON {"accountSid","authToken"}. It is called for every request.
	Credentials func(context.Context) (string, error)
	// BaseURL replaces https://api.twilio.com if it is not empty.
	BaseURL string
}

// New returns a client. With an invalid BaseURL every request fails.
func New(o Options) *Client {
	c := &Client{credentials: o.Credentials, http: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   3 * time.Second,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   4,
		ExpectContinueTimeout: time.Second,
	}}
	if o.BaseURL != "" {
		u, err := url.Parse(o.BaseURL)
		if err != nil || u.Host == "" {
			u = &url.URL{Scheme: "http", Host: "twilio.invalid"}
		}
		c.base = u
	}
	return c
}

// request is the transport of one request. It adds the context and the address, and notes whether a connection was made,
// the status, and how long Twilio asks to wait: not every error of the library has them.
type request struct {
	client     *Client
	ctx        context.Context
	sent       atomic.Bool
	status     int           // of Twilio's answer; 0: none came
	retryAfter time.Duration // 0: Twilio did not say
}

// RoundTrip implements http.RoundTripper.
func (q *request) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := httptrace.WithClientTrace(q.ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { q.sent.Store(true) }})
	r = r.Clone(ctx)
	if base := q.client.base; base != nil {
		r.URL.Scheme, r.URL.Host = base.Scheme, base.Host
		r.URL.Path = strings.TrimSuffix(base.Path, "/") + r.URL.Path
		r.URL.RawPath, r.Host = "", ""
	}
	response, err := q.client.http.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 && response.StatusCode < 400 { // the library would take a redirect for success
		_ = response.Body.Close()
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	q.status = response.StatusCode
	q.retryAfter, _, _ = retryafter.Parse(response.Header.Get("Retry-After"), time.Now())
	response.Body = limitedBody{io.LimitReader(response.Body, maxResponseBytes), response.Body}
	return response, nil
}

// limitedBody is a response body with a limited length.
type limitedBody struct {
	io.Reader
	io.Closer
}

// do makes one request with Twilio's library. what names the request in errors.
func (c *Client) do(ctx context.Context, what string, send func(*api.ApiService) error) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	sid, token, err := c.account(ctx)
	if err != nil {
		return err
	}
	transport := &request{client: c, ctx: ctx}
	base := &client.Client{
		Credentials: client.NewCredentials(sid, token),
		HTTPClient: &http.Client{Transport: transport, Timeout: requestTimeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	base.SetAccountSid(sid)
	if err := send(api.NewApiServiceWithClient(base)); err != nil {
		return transport.classifyError(what, err)
	}
	return nil
}

// account returns the credentials.
func (c *Client) account(ctx context.Context) (sid, token string, err error) {
	errNotSetUp := fault.New(fault.Unavailable, "The telephone provider is not set up.").WithCode("telephone_not_set_up").WithoutRetry()
	text, err := c.credentials(ctx)
	if err != nil {
		return "", "", errNotSetUp.Because(err)
	}
	var account struct{ AccountSid, AuthToken string }
	if json.Unmarshal([]byte(text), &account) != nil { // the error could quote the secret
		return "", "", errNotSetUp.Because(errors.New("the secret is not JSON of accountSid and authToken"))
	}
	if account.AccountSid == "" || account.AuthToken == "" {
		return "", "", errNotSetUp.Because(errors.New("the secret has no accountSid or no authToken"))
	}
	return account.AccountSid, account.AuthToken, nil
}
