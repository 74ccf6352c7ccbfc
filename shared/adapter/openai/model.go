package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
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
	baseURL string
	key     func(context.Context) (string, error)
	client  *client
}

// Options configures a Model.
type Options struct {
	BaseURL string // the URL above /chat/completions; "" means OpenAI's
	// Key returns the API key, "" for a server without keys. It is called for each request, so that a new key takes effect
	// as soon as the cache of secrets expires.
	Key    func(context.Context) (string, error)
	Limits Limits
	// Count adds 1 to a metric: UpstreamQuota or UpstreamAuth. It may be nil.
	Count     func(ctx context.Context, metric string)
	Transport http.RoundTripper // nil means a new one
}

// New returns a model. It opens no connection before the first request.
func New(o Options) *Model {
	if o.BaseURL == "" {
		o.BaseURL = "https://api.openai.com/v1"
	}
	if o.Transport == nil {
		o.Transport = newTransport()
	}
	if o.Count == nil {
		o.Count = func(context.Context, string) {}
	}
	return &Model{baseURL: o.BaseURL, key: o.Key, client: &client{
		http:   &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		limits: o.Limits.withDefaults(), count: o.Count}}
}

// Stream sends one request and yields the answer piece by piece. Its errors are the faults 1 to 17 of shared/docs/faults.md.
func (m *Model) Stream(ctx context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		first := time.AfterFunc(m.client.limits.FirstByte, func() { cancel(errFirstByte) })
		defer first.Stop()
		stream, err := m.open(ctx, r)
		if err != nil {
			yield(agent.Chunk{}, err)
			return
		}
		defer func() { _ = stream.Close() }()
		var events eventDecoder
		for {
			event, err := stream.RecvRaw()
			if errors.Is(err, io.EOF) {
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
			if hasContent(&chunk) {
				first.Stop()
			}
			if !yield(chunk, err) || err != nil {
				return
			}
		}
	}
}

func (m *Model) open(ctx context.Context, r agent.ModelRequest) (*api.ChatCompletionStream, error) {
	request, err := newAPIRequest(r)
	if err != nil {
		return nil, err
	}
	key, err := m.key(ctx)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "The model cannot be used at the moment.").WithCode("upstream_auth").Because(err)
	}
	config := api.DefaultConfig(key)
	config.BaseURL, config.HTTPClient = m.baseURL, m.client
	config.EmptyMessagesLimit = maxEmptyLines
	stream, err := api.NewClientWithConfig(config).CreateChatCompletionStream(ctx, request)
	if err == nil {
		return stream, nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return nil, err
	}
	// Any other error comes from go-openai itself, which checks the parameters of some models.
	return nil, fault.New(fault.Invalid, "The model does not take these parameters.").Because(err)
}

// maxEmptyLines limits the lines without data between two chunks. Servers send comments while a model thinks, to keep the
// connection open.
const maxEmptyLines = 10_000

// hasContent reports whether a chunk has more than the role, with which every message begins.
func hasContent(c *agent.Chunk) bool {
	return c.Text != "" || c.Refusal != "" || len(c.ToolCalls) > 0 || c.FinishReason != ""
}

// convertChunk converts an event. It may have no choices: the usage comes so, and Azure's filter results.
func convertChunk(p *api.ChatCompletionStreamResponse) (agent.Chunk, error) {
	c := agent.Chunk{Model: p.Model}
	if p.Usage != nil {
		c.Usage = &agent.Usage{PromptTokens: p.Usage.PromptTokens, CompletionTokens: p.Usage.CompletionTokens, TotalTokens: p.Usage.TotalTokens}
	}
	if len(p.Choices) == 0 {
		return c, nil
	}
	choice := &p.Choices[0]
	c.Text, c.Refusal, c.FinishReason = choice.Delta.Content, choice.Delta.Refusal, string(choice.FinishReason)
	if c.FinishReason == "error" { // some routers report a failed server so
		return c, streamError(errors.New("finish_reason error"))
	}
	for _, call := range choice.Delta.ToolCalls {
		f := agent.ToolCallDelta{Index: -1, ID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments}
		if call.Index != nil {
			f.Index = *call.Index
		}
		c.ToolCalls = append(c.ToolCalls, f)
	}
	return c, nil
}

// streamError converts an error of a stream that had begun.
func streamError(err error) error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return timeoutError(err)
	}
	if _, ok := errors.AsType[*api.APIError](err); ok {
		err = errEvent // its text comes from the server and is not logged
	}
	return fault.New(fault.Upstream, "The model's answer broke off.").WithCode("upstream_error").Because(fmt.Errorf("read stream: %w", err))
}
