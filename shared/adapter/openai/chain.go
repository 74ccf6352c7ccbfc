package openai

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/netguard"
	"example.com/aurora/shared/core/trace"
)

const (
	failuresToOpen = 5                // failures in a row that open a model's circuit breaker
	openDuration   = 30 * time.Second // how long the breaker stays open
	maxCandidates  = 200              // models that a pool keeps; requests name them, so their number has a limit
)

// Pool makes models and keeps them, with their connections and circuit breakers, for the next turns.
type Pool struct {
	// Options are those of every model. A ModelRef's BaseURL and Secret replace the ones in here: a server that is not the
	// deployment's gets the key that its secret holds, or none.
	Options Options
	// Key returns the key in a named secret.
	Key func(ctx context.Context, secret string) (string, error)
	// FirstWordTimeout is how long a model may take to its first word before the next one of its chain is asked. 0 means no
	// limit.
	FirstWordTimeout time.Duration
	// AllowLoopback lets an assistant name a server on this machine, also by http. It is for development machines: on Lambda,
	// loopback leads to the runtime's own interface.
	AllowLoopback bool

	mu         sync.Mutex
	candidates map[aurora.ModelRef]*candidate
	guarded    http.RoundTripper // for the servers that assistants name
}

// Open opens the connection to the deployment's own model server. The request carries no key and no body, and any answer will
// do. Servers that assistants name are not contacted.
func (p *Pool) Open(ctx context.Context) error {
	p.mu.Lock()
	o := p.Options
	o.Transport = p.transportFor(aurora.ModelRef{})
	p.mu.Unlock()
	return New(o).connect(ctx)
}

// candidate is a model with its circuit breaker.
type candidate struct {
	model   *Model
	name    string
	breaker *gobreaker.TwoStepCircuitBreaker[any]
}

// Chain returns a model that asks these models in order until one says its first word. A model whose circuit breaker is open
// is left out, unless it is the only one that is left.
func (p *Pool) Chain(refs []aurora.ModelRef) agent.Model {
	c := chain{firstWordTimeout: p.FirstWordTimeout}
	for _, r := range refs {
		c.candidates = append(c.candidates, p.candidateFor(r))
	}
	return &c
}

func (p *Pool) candidateFor(r aurora.ModelRef) *candidate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.candidates[r]; ok {
		return known
	}
	o := p.Options
	if r.BaseURL != "" {
		o.BaseURL, o.Key = r.BaseURL, noKey
	}
	if r.Secret != "" {
		o.Key = func(ctx context.Context) (string, error) { return p.Key(ctx, r.Secret) }
	}
	o.Transport = p.transportFor(r)
	model := New(o)
	if r.BaseURL != "" && model.urlErr == nil && !isSecure(model.url) {
		model.urlErr = errors.New("a model server must be reached by https")
	}
	made := &candidate{model: model, name: r.Model, breaker: gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:         r.Model,
		Timeout:      openDuration,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresToOpen },
		IsSuccessful: func(err error) bool { return err == nil || fault.Is(err, fault.Invalid) },
	})}
	if p.candidates == nil || len(p.candidates) >= maxCandidates {
		p.candidates = map[aurora.ModelRef]*candidate{}
	}
	p.candidates[r] = made
	return made
}

// transportFor returns the transport of a model. All models of a process share their connections. p.mu must be held.
func (p *Pool) transportFor(r aurora.ModelRef) http.RoundTripper {
	if r.BaseURL == "" {
		if p.Options.Transport == nil {
			p.Options.Transport = newTransport()
		}
		return p.Options.Transport
	}
	if p.guarded == nil {
		control := netguard.Control
		if p.AllowLoopback {
			control = netguard.ControlAllowingLoopback
		}
		p.guarded = newGuardedTransport(control)
	}
	return p.guarded
}

func noKey(context.Context) (string, error) { return "", nil }

// isSecure reports whether what is sent to a URL cannot be read on the way: by https, or within this machine.
func isSecure(u *url.URL) bool {
	address, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || err == nil && address.IsLoopback())
}

type chain struct {
	candidates       []*candidate
	firstWordTimeout time.Duration
}

var errSlowFirstWord = errors.New("no first word in time: the next model is asked")

// Stream asks the models in order until one says its first word. If all of them fail, it returns the error of the first one,
// which is the model that was configured to answer. A rejected request is no exception: the next model may know what this
// one does not.
func (c *chain) Stream(ctx context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		var first error
		for i, candidate := range c.candidates {
			last := i == len(c.candidates)-1
			done, err := candidate.breaker.Allow()
			if err != nil && !(last && first == nil) {
				slog.WarnContext(ctx, "model skipped: its circuit breaker is open", "event", "model.skipped", "model", candidate.name, "error", err)
				trace.AskModel(ctx, candidate.name, candidate.model.host()).End("skipped", err)
				continue
			}
			if done == nil { // the breaker is open, and this is the only model left
				done = func(error) {}
			}
			call := trace.AskModel(ctx, candidate.name, candidate.model.host())
			begun, stopped, err := c.ask(ctx, candidate, r, !last, call, yield)
			if stopped {
				call.End("stopped", nil)
				done(nil)
				return
			}
			done(err)
			if err == nil {
				call.End("answered", nil)
				return
			}
			call.End("failed", err)
			if begun || ctx.Err() != nil {
				yield(agent.Chunk{}, err)
				return
			}
			if first == nil {
				first = err
			}
			slog.WarnContext(ctx, "model failed before its first word", "event", "model.failed", "model", candidate.name, "isLast", last, "error", err)
		}
		if first == nil {
			first = fault.New(fault.Unavailable, "No model can be used at the moment.").WithCode("upstream_error").WithRetryAfter(openDuration)
		}
		yield(agent.Chunk{}, first)
	}
}

// ask yields the stream of one model. begun says that it had a first word; stopped, that the consumer stopped ranging.
func (c *chain) ask(ctx context.Context, m *candidate, r agent.ModelRequest, hasNext bool, call *trace.ModelCall, yield func(agent.Chunk, error) bool) (begun, stopped bool, err error) {
	r.Model = m.name
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	inTime := func() bool { return true }
	if hasNext && c.firstWordTimeout > 0 {
		timer := time.AfterFunc(c.firstWordTimeout, func() { cancel(errSlowFirstWord) })
		defer timer.Stop()
		stopped := false
		inTime = func() bool { // false if the timer has fired
			stopped = stopped || timer.Stop()
			return stopped
		}
	}
	chunkCame := false
	for chunk, streamErr := range m.model.Stream(ctx, r) {
		if r.WaitWhileThinking && chunk.IsThinking {
			inTime()
		}
		if !begun && (hasContent(&chunk) || chunk.Ended) {
			if !inTime() { // the timer has fired in this moment
				return false, false, timeoutError(errSlowFirstWord)
			}
			begun = true
		}
		if streamErr != nil {
			return begun, false, streamErr
		}
		if !chunkCame {
			chunkCame = true
			call.FirstChunk()
		}
		if !yield(chunk, nil) {
			return begun, true, nil
		}
	}
	if !begun { // the stream ended without a word and without a finish reason
		err = streamError(errors.New("the stream ended before it began"))
	}
	return begun, false, err
}
