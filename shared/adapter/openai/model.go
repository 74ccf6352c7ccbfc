package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"

	api "github.com/sashabaranov/go-openai"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

// Limits holds the time limits of a model. A zero field means its default.
type Limits struct {
	FirstByte time.Duration // from the request to the first word, all tries included; default 10 s
	Idle      time.Duration // between two pieces of a stream; default 15 s
	Backoff   time.Duration // the first wait between two tries; default 200 ms
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&l.FirstByte, 10*time.Second)
	set(&l.Idle, 15*time.Second)
	set(&l.Backoff, 200*time.Millisecond)
	return l
}

// Model calls one model server. It is safe for concurrent use.
type Model struct {
	url      *url.URL // of the chat completions
	urlErr   error    // why there is none
	isOpenAI bool     // the server is OpenAI itself
	key      func(context.Context) (string, error)
	client   *client
}

// host returns the name of the model's server; "" if its address cannot be read.
func (m *Model) host() string {
	if m.urlErr != nil {
		return ""
	}
	return m.url.Hostname()
}

// Options configures a Model.
type Options struct {
	// BaseURL is the URL above /chat/completions; "" means OpenAI's. A query stays at the end, as Azure needs it.
	BaseURL string
	// Key returns the API key, "" for a server without keys. It is called for each request, so that a new key takes effect
	// as soon as the cache of secrets expires.
	Key    func(context.Context) (string, error)
	Limits Limits
	// Count adds 1 to a metric: UpstreamQuota or UpstreamAuth. It may be nil.
	Count     func(ctx context.Context, metric string)
	Transport http.RoundTripper // nil means a new one
}

// openAIHost is the host of OpenAI's own API.
const openAIHost = "api.openai.com"

// isOpenAIHost reports whether a host is OpenAI's own, also in one region, such as eu.api.openai.com.
func isOpenAIHost(host string) bool {
	return host == openAIHost || strings.HasSuffix(host, "."+openAIHost)
}

// New returns a model. It opens no connection before the first request.
func New(o Options) *Model {
	if o.BaseURL == "" {
		o.BaseURL = "https://" + openAIHost + "/v1"
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Count == nil {
		o.Count = func(context.Context, string) {}
	}
	m := &Model{key: o.Key, client: &client{
		http:   &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		limits: o.Limits.withDefaults(), count: o.Count}}
	base, err := url.Parse(o.BaseURL)
	if err != nil {
		m.urlErr = errors.New("the base URL cannot be read") // the cause would quote it, with what its query holds
		return m
	}
	m.url, m.isOpenAI = base.JoinPath("chat/completions"), isOpenAIHost(base.Hostname())
	return m
}

// connect opens a connection to the model's server.
func (m *Model) connect(ctx context.Context) error {
	if m.urlErr != nil {
		return m.urlErr
	}
	root := url.URL{Scheme: m.url.Scheme, Host: m.url.Host, Path: "/"} // the path and the query may be a caller's credentials
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, root.String(), nil)
	if err != nil {
		return errors.New("the address of the model server cannot be read")
	}
	resp, err := m.client.http.Do(r)
	if err != nil {
		return fmt.Errorf("connect to the model server: %w", err)
	}
	return resp.Body.Close()
}

// Stream sends one request and yields the answer piece by piece. Its errors are the faults 1 to 17 of shared/docs/faults.md.
func (m *Model) Stream(ctx context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		limit := r.FirstTokenTimeout
		if limit == 0 {
			limit = m.client.limits.FirstByte
		}
		first := time.AfterFunc(limit, func() { cancel(errFirstByte) })
		defer first.Stop()
		stream, x, err := m.open(ctx, r, limit)
		if err != nil {
			yield(agent.Chunk{}, err)
			return
		}
		defer func() { _ = stream.Close() }()
		var events eventDecoder
		for {
			event, err := stream.RecvRaw()
			if errors.Is(err, io.EOF) {
				if x.answer != nil && x.answer.done {
					yield(agent.Chunk{Ended: true}, nil)
				}
				return
			}
			if err != nil && errors.Is(context.Cause(ctx), errFirstByte) {
				err = timeoutError(errFirstByte)
			}
			if err != nil {
				yield(agent.Chunk{}, streamError(err))
				return
			}
			chunk, err := events.decode(event)
			if hasContent(&chunk) || r.WaitWhileThinking && chunk.IsThinking {
				first.Stop()
			}
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

// open sends the request. limit is how long all tries together may take.
func (m *Model) open(ctx context.Context, r agent.ModelRequest, limit time.Duration) (*api.ChatCompletionStream, *exchange, error) {
	if m.urlErr != nil {
		return nil, nil, upstreamError(m.urlErr)
	}
	body, err := encodeRequest(r, m.isOpenAI)
	if err != nil {
		return nil, nil, err
	}
	key, err := m.key(ctx)
	if err != nil {
		return nil, nil, fault.New(fault.Unavailable, "The model cannot be used at the moment.").WithCode("upstream_auth").Because(err)
	}
	x := &exchange{client: m.client, url: m.url, body: body, limit: limit}
	config := api.DefaultConfig(key)
	config.HTTPClient = x
	stream, err := api.NewClientWithConfig(config).CreateChatCompletionStream(ctx, api.ChatCompletionRequest{Model: r.Model})
	if err == nil {
		return stream, x, nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return nil, nil, err
	}
	// Any other error comes from go-openai itself, which knows that OpenAI has retired some models.
	return nil, nil, fault.New(fault.Invalid, "The model does not take these parameters.").Because(err)
}

// hasContent reports whether a chunk has more than the role, with which every message begins.
func hasContent(c *agent.Chunk) bool {
	return c.Text != "" || c.Refusal != "" || len(c.ToolCalls) > 0 || c.FinishReason != ""
}

// isAlive reports whether a chunk shows that the model is at work on the answer.
func isAlive(c *agent.Chunk) bool { return hasContent(c) || c.IsThinking }

// streamError converts an error of a stream that had begun.
func streamError(err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return timeoutError(err)
	}
	return fault.New(fault.Upstream, "The model's answer broke off.").WithCode("upstream_error").Because(fmt.Errorf("read stream: %w", err))
}
