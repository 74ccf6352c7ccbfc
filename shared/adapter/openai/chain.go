package openai

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
)

const (
	failuresToOpen = 5                // failures in a row after which a model is passed over
	openDuration   = 30 * time.Second // after which it is tried again
)

// Ref names a model, the server that has it, and the key for it.
type Ref struct {
	Model   string
	BaseURL string // "" is the pool's
	Secret  string // the name of the key's secret; "" is the pool's
}

// Pool makes models and keeps them, with their connections and their circuit breakers.
type Pool struct {
	// Options are those of every model; a Ref's address and key take the place of theirs.
	Options Options
	// Key returns the key in a named secret.
	Key func(ctx context.Context, secret string) (string, error)
	// Patience is how long a model may leave its first word open before the next one of its chain is asked; 0 waits.
	FirstWordTimeout time.Duration

	mu         sync.Mutex
	candidates map[Ref]*candidate
}

// candidate is a model with its breaker.
type candidate struct {
	model   *Model
	name    string
	breaker *gobreaker.TwoStepCircuitBreaker[any]
}

// Chain returns models that are asked in order until one says its first word. One alone is asked whatever it did before.
func (p *Pool) Chain(refs []Ref) agent.Model {
	c := chain{firstWordTimeout: p.FirstWordTimeout}
	for _, r := range refs {
		c.candidates = append(c.candidates, p.candidateFor(r))
	}
	return &c
}

func (p *Pool) candidateFor(r Ref) *candidate {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.candidates[r]; ok {
		return l
	}
	o := p.Options
	if r.BaseURL != "" {
		o.BaseURL = r.BaseURL
	}
	if r.Secret != "" {
		o.Key = func(ctx context.Context) (string, error) { return p.Key(ctx, r.Secret) }
	}
	if o.Transport == nil { // one set of connections for all of a process's models
		o.Transport = newTransport()
		p.Options.Transport = o.Transport
	}
	l := &candidate{model: New(o), name: r.Model, breaker: gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
		Name:         r.Model,
		Timeout:      openDuration,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= failuresToOpen },
		IsSuccessful: func(err error) bool { return err == nil || fault.Is(err, fault.Invalid) },
	})}
	if p.candidates == nil {
		p.candidates = map[Ref]*candidate{}
	}
	p.candidates[r] = l
	return l
}

type chain struct {
	candidates       []*candidate
	firstWordTimeout time.Duration
}

var errSlowFirstWord = errors.New("the next model is asked instead")

// Stream asks the models in order. What fails before its first word is passed over; the first one's error is returned
// when all of them do, because it is the one that was meant.
func (c *chain) Stream(ctx context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		var first error
		for i, l := range c.candidates {
			last := i == len(c.candidates)-1
			done, err := l.breaker.Allow()
			if err != nil && !(last && first == nil) {
				slog.WarnContext(ctx, "model passed over", "model", l.name, "error", err)
				continue
			}
			if done == nil { // broken, and still the only one left
				done = func(error) {}
			}
			begun, gone, err := c.ask(ctx, l, r, !last, yield)
			if gone {
				done(nil)
				return
			}
			done(err)
			if err == nil {
				return
			}
			if begun || fault.Is(err, fault.Invalid) || ctx.Err() != nil {
				yield(agent.Chunk{}, err)
				return
			}
			if first == nil {
				first = err
			}
			slog.WarnContext(ctx, "model failed before its first word", "model", l.name, "next", !last, "error", err)
		}
		if first == nil {
			first = fault.New(fault.Unavailable, "No model can be used at the moment.").WithCode("upstream_error").WithRetryAfter(openDuration)
		}
		yield(agent.Chunk{}, first)
	}
}

// ask passes one model's stream on. begun says that something was said; gone, that nobody listens.
func (c *chain) ask(ctx context.Context, l *candidate, r agent.ModelRequest, next bool, yield func(agent.Chunk, error) bool) (begun, gone bool, err error) {
	r.Model = l.name
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	inTime := func() bool { return true }
	if next && c.firstWordTimeout > 0 {
		timer := time.AfterFunc(c.firstWordTimeout, func() { cancel(errSlowFirstWord) })
		defer timer.Stop()
		inTime = timer.Stop
	}
	for chunk, serr := range l.model.Stream(ctx, r) {
		if !begun && hasContent(&chunk) {
			if !inTime() { // it passed just now
				return false, false, timeoutError(errSlowFirstWord)
			}
			begun = true
		}
		if serr != nil {
			return begun, false, serr
		}
		if !yield(chunk, nil) {
			return begun, true, nil
		}
	}
	if !begun { // an end without a word or a reason
		err = streamError(errors.New("the stream ended before it began"))
	}
	return begun, false, err
}
