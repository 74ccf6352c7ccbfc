package completions

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// Pace is how long a caller on the phone hears nothing.
type Pace struct {
	FirstWord time.Duration // until a filler, where the model says nothing
	Tool      time.Duration // until a filler, where a tool takes long
	Silence   time.Duration // until the fallback message, where no word has come
}

// DefaultPace is that of the fault table.
var DefaultPace = Pace{FirstWord: 1500 * time.Millisecond, Tool: 700 * time.Millisecond, Silence: 8 * time.Second}

const (
	defaultFiller   = "One moment, please. "
	defaultFallback = "I'm sorry, I'm having trouble right now. Could you say that again?"
)

var (
	errSilence = fault.New(fault.Timeout, "The model did not answer in time.").Coded("upstream_timeout")
	errNothing = fault.New(fault.Upstream, "The model said nothing.").Coded("empty_answer")
)

// Voice serves /voice: speech without markup, the first word as soon as it can be had, and never silence. Only a body
// that is no JSON is refused; whatever else goes wrong ends in the assistant's fallback message.
func (e *Endpoint) Voice(w http.ResponseWriter, r *http.Request) error {
	in, err := decodeLenient(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	a := answer{id: e.NewID(), created: e.Now().Unix(), bare: in.bare, usage: in.usage, session: in.HasSession()}
	v := voice{answer: &a, pace: e.Pace, cancel: cancel, out: gathered{}}
	if v.pace == (Pace{}) {
		v.pace = DefaultPace
	}
	if in.stream {
		web.SSE(w)
		v.out = &chunker{answer: &a, w: w}
	}
	in.Lenient, in.Channel = true, chat.Voice
	turn, err := e.Service.Turn(ctx, in.Request)
	if err != nil {
		slog.ErrorContext(ctx, "the turn could not begin", "error", err)
		turn = chat.Failed(in.Request, err)
	}
	a.turn = turn
	result, failed := v.speak(ctx)
	session := turn.Finish(ctx, result, failed)
	if c, streams := v.out.(*chunker); streams {
		return a.close(c, result, session)
	}
	result.Said = v.said.String()
	return web.JSON(w, http.StatusOK, a.object(result, messageOf(result), session))
}

// voice is a turn that is spoken.
type voice struct {
	*answer
	pace   Pace
	cancel context.CancelFunc
	out    sink

	speech Speech
	filled bool // one filler a turn
	said   strings.Builder
}

// sink takes what is to be spoken, as it comes.
type sink interface {
	text(e agent.Event) error
}

// gathered is an answer that is sent in one piece, once all of it was said.
type gathered struct{}

func (gathered) text(agent.Event) error { return nil }

// item is one event of the turn, on its way from the goroutine that asks the model.
type item struct {
	event agent.Event
	err   error
}

// speak says the turn as it comes. It always returns a result; the failure, if there is one, has been apologised for.
func (v *voice) speak(ctx context.Context) (*agent.Result, error) {
	done := make(chan struct{})
	defer close(done)
	events := v.pump(ctx, done)
	first, silence := time.NewTimer(v.pace.FirstWord), time.NewTimer(v.pace.Silence)
	defer first.Stop()
	defer silence.Stop()
	tool := time.NewTimer(time.Hour)
	tool.Stop()
	defer tool.Stop()
	filler := v.turn.Filler(defaultFiller)
	for {
		select {
		case it, open := <-events:
			if !open {
				return v.apologise(nil, fault.New(fault.Internal, "The turn did not end."))
			}
			switch {
			case it.event.End != nil:
				return v.finish(it.event.End, it.err)
			case it.err != nil:
				return v.apologise(nil, it.err)
			case len(it.event.Calling) > 0:
				first.Stop()
				for _, t := range it.event.Calling {
					if t.Filler != "" {
						filler = t.Filler
					}
				}
				tool.Reset(v.pace.Tool)
				continue
			}
			first.Stop()
			silence.Stop()
			tool.Stop()
			if err := v.say(v.speech.Write(it.event.Text), it.event.Model); err != nil {
				return v.gone(err)
			}
		case <-first.C:
			if err := v.fill(filler); err != nil {
				return v.gone(err)
			}
		case <-tool.C:
			if err := v.fill(filler); err != nil {
				return v.gone(err)
			}
		case <-silence.C:
			v.cancel()
			return v.apologise(drain(events), errSilence)
		case <-ctx.Done():
			return v.apologise(drain(events), ctx.Err())
		}
	}
}

// pump ranges over the turn beside the caller, so that silence can be timed, until the turn ends or done is closed.
func (v *voice) pump(ctx context.Context, done <-chan struct{}) <-chan item {
	events := make(chan item)
	lambdaapp.Go(ctx, func() {
		defer close(events)
		for e, err := range v.turn.Events {
			select {
			case events <- item{e, err}:
			case <-done:
				return
			}
		}
	}, func(err error) { slog.ErrorContext(ctx, "the turn panicked", "error", err) })
	return events
}

// drain waits for a cancelled turn's end, which comes at once, and returns how far it came.
func drain(events <-chan item) *agent.Result {
	for it := range events {
		if it.event.End != nil {
			return it.event.End
		}
	}
	return nil
}

// finish says the last words, and apologises where there were none or the model failed.
func (v *voice) finish(result *agent.Result, failed error) (*agent.Result, error) {
	if err := v.say(v.speech.Close(), result.Model); err != nil {
		return v.gone(err)
	}
	switch {
	case failed != nil:
		return v.apologise(result, failed)
	case v.said.Len() == 0 && result.Action == nil && len(result.Calls) == 0:
		reason := result.FinishReason
		result, err := v.apologise(result, errNothing)
		if reason == agent.ContentFilter {
			result.FinishReason = reason
		}
		return result, err
	case result.Trouble != nil:
		return result, result.Trouble
	}
	return result, nil
}

// apologise says the fallback message and makes it part of the conversation.
func (v *voice) apologise(result *agent.Result, failed error) (*agent.Result, error) {
	slog.Warn("fallback message spoken", "error", failed)
	if result == nil {
		result = v.turn.Nothing()
	}
	_ = v.say(v.speech.Close(), result.Model)
	message := v.turn.Fallback(defaultFallback)
	if err := v.say(v.apart(message), result.Model); err != nil {
		return v.gone(err)
	}
	result.Messages = append(result.Messages, agent.Message{Role: agent.Assistant, Content: message, Sender: result.Agent})
	result.FinishReason, result.Calls = agent.Stop, nil
	return result, failed
}

// gone ends a turn whose listener is gone.
func (v *voice) gone(err error) (*agent.Result, error) {
	v.cancel()
	return v.turn.Nothing(), err
}

// fill says a filler, once a turn and only before the model's own first words or while a tool runs.
func (v *voice) fill(phrase string) error {
	if v.filled || phrase == "" {
		return nil
	}
	v.filled = true
	return v.say(v.apart(phrase), v.turn.Model)
}

// apart keeps a sentence of ours from running into the words before it.
func (v *voice) apart(sentence string) string {
	if said := v.said.String(); said != "" && !strings.HasSuffix(said, " ") {
		return " " + sentence
	}
	return sentence
}

func (v *voice) say(text, model string) error {
	if text == "" {
		return nil
	}
	v.said.WriteString(text)
	return v.out.text(agent.Event{Text: text, Model: model})
}
