package completions

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/transport/speech"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// VoiceTiming is how long a caller on the phone hears nothing.
type VoiceTiming struct {
	FillerAfter     time.Duration // until a filler, where the model says nothing
	ToolFillerAfter time.Duration // until a filler, where a tool takes long
	FallbackAfter   time.Duration // until the fallback message, where no word has come
}

// DefaultVoiceTiming is that of the fault table.
var DefaultVoiceTiming = VoiceTiming{FillerAfter: 1500 * time.Millisecond, ToolFillerAfter: 700 * time.Millisecond, FallbackAfter: 8 * time.Second}

const (
	defaultFiller   = "One moment, please. "
	defaultFallback = "I'm sorry, I'm having trouble right now. Could you say that again?"
)

var (
	errModelSilent = fault.New(fault.Timeout, "The model did not answer in time.").WithCode("upstream_timeout")
	errEmptyAnswer = fault.New(fault.Upstream, "The model said nothing.").WithCode("empty_answer")
)

// ServeVoice serves /voice: speech without markup, the first word as soon as it can be had, and never silence. Only a body
// that is no JSON is refused; whatever else goes wrong ends in the assistant's fallback message.
func (e *Handler) ServeVoice(w http.ResponseWriter, r *http.Request) error {
	in, err := decodeLenient(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	a := response{id: e.NewID(), created: e.Now().Unix(), bareSession: in.bareSession, includeUsage: in.includeUsage, includeSession: in.HasSession()}
	v := voiceTurn{response: &a, timing: e.VoiceTiming, cancel: cancel, out: discardSink{}}
	if v.timing == (VoiceTiming{}) {
		v.timing = DefaultVoiceTiming
	}
	if in.stream {
		web.StartSSE(w)
		v.out = &chunkWriter{response: &a, w: w}
	}
	in.Lenient, in.Channel = true, chat.Voice
	turn, err := e.Service.Turn(ctx, in.Request)
	if err != nil {
		slog.ErrorContext(ctx, "the turn could not begin", "error", err)
		turn = chat.NewFailedTurn(in.Request, err)
	}
	a.turn = turn
	result, failed := v.speak(ctx)
	session := turn.Finish(ctx, result, failed)
	if c, streams := v.out.(*chunkWriter); streams {
		return a.closeStream(c, result, session)
	}
	result.Text = v.spoken.String()
	return web.WriteJSON(w, http.StatusOK, a.newCompletion(result, newMessage(result), session))
}

// voiceTurn is a turn that is spoken.
type voiceTurn struct {
	*response
	timing VoiceTiming
	cancel context.CancelFunc
	out    textSink

	speech       speech.Filter
	fillerSpoken bool // one filler a turn
	spoken       strings.Builder
}

// textSink takes what is to be spoken, as it comes.
type textSink interface {
	writeText(e agent.Event) error
}

// discardSink is an answer that is sent in one piece, once all of it was said.
type discardSink struct{}

func (discardSink) writeText(agent.Event) error { return nil }

// turnEvent is one event of the turn, on its way from the goroutine that asks the model.
type turnEvent struct {
	event agent.Event
	err   error
}

// speak says the turn as it comes. It always returns a result; the failure, if there is one, has been apologised for.
func (v *voiceTurn) speak(ctx context.Context) (*agent.TurnResult, error) {
	done := make(chan struct{})
	defer close(done)
	events := v.forwardEvents(ctx, done)
	first, silence := time.NewTimer(v.timing.FillerAfter), time.NewTimer(v.timing.FallbackAfter)
	defer first.Stop()
	defer silence.Stop()
	tool := time.NewTimer(time.Hour)
	tool.Stop()
	defer tool.Stop()
	filler := v.turn.FillerPhrase(defaultFiller)
	for {
		select {
		case it, open := <-events:
			if !open {
				return v.speakFallback(nil, fault.New(fault.Internal, "The turn did not end."))
			}
			switch {
			case it.event.End != nil:
				return v.finish(it.event.End, it.err)
			case it.err != nil:
				return v.speakFallback(nil, it.err)
			case len(it.event.ToolsStarted) > 0:
				first.Stop()
				for _, t := range it.event.ToolsStarted {
					if t.Filler != "" {
						filler = t.Filler
					}
				}
				tool.Reset(v.timing.ToolFillerAfter)
				continue
			}
			first.Stop()
			silence.Stop()
			tool.Stop()
			if err := v.speakText(v.speech.Write(it.event.Text), it.event.Model); err != nil {
				return v.abandon(err)
			}
		case <-first.C:
			if err := v.speakFiller(filler); err != nil {
				return v.abandon(err)
			}
		case <-tool.C:
			if err := v.speakFiller(filler); err != nil {
				return v.abandon(err)
			}
		case <-silence.C:
			v.cancel()
			return v.speakFallback(drainUntilEnd(events), errModelSilent)
		case <-ctx.Done():
			return v.speakFallback(drainUntilEnd(events), ctx.Err())
		}
	}
}

// forwardEvents ranges over the turn beside the caller, so that silence can be timed, until the turn ends or done is closed.
func (v *voiceTurn) forwardEvents(ctx context.Context, done <-chan struct{}) <-chan turnEvent {
	events := make(chan turnEvent)
	safego.Go(ctx, func() {
		defer close(events)
		for e, err := range v.turn.Events {
			select {
			case events <- turnEvent{e, err}:
			case <-done:
				return
			}
		}
	}, func(err error) { slog.ErrorContext(ctx, "the turn panicked", "error", err) })
	return events
}

// drainUntilEnd waits for a cancelled turn's end, which comes at once, and returns how far it came.
func drainUntilEnd(events <-chan turnEvent) *agent.TurnResult {
	for it := range events {
		if it.event.End != nil {
			return it.event.End
		}
	}
	return nil
}

// finish says the last words, and apologises where there were none or the model failed.
func (v *voiceTurn) finish(result *agent.TurnResult, failed error) (*agent.TurnResult, error) {
	if err := v.speakText(v.speech.Close(), result.Model); err != nil {
		return v.abandon(err)
	}
	switch {
	case failed != nil:
		return v.speakFallback(result, failed)
	case v.spoken.Len() == 0 && result.Action == nil && len(result.CallerToolCalls) == 0:
		reason := result.FinishReason
		result, err := v.speakFallback(result, errEmptyAnswer)
		if reason == agent.FinishContentFilter {
			result.FinishReason = reason
		}
		return result, err
	case result.SoftError != nil:
		return result, result.SoftError
	}
	return result, nil
}

// speakFallback says the fallback message and makes it part of the conversation.
func (v *voiceTurn) speakFallback(result *agent.TurnResult, failed error) (*agent.TurnResult, error) {
	slog.Warn("fallback message spoken", "error", failed)
	if result == nil {
		result = v.turn.EmptyResult()
	}
	_ = v.speakText(v.speech.Close(), result.Model)
	message := v.turn.FallbackMessage(defaultFallback)
	if err := v.speakText(v.withLeadingSpace(message), result.Model); err != nil {
		return v.abandon(err)
	}
	result.Messages = append(result.Messages, agent.Message{Role: agent.RoleAssistant, Content: message, Sender: result.ActiveAgent})
	result.FinishReason, result.CallerToolCalls = agent.FinishStop, nil
	return result, failed
}

// abandon ends a turn whose listener is gone.
func (v *voiceTurn) abandon(err error) (*agent.TurnResult, error) {
	v.cancel()
	return v.turn.EmptyResult(), err
}

// speakFiller says a filler, once a turn and only before the model's own first words or while a tool runs.
func (v *voiceTurn) speakFiller(phrase string) error {
	if v.fillerSpoken || phrase == "" {
		return nil
	}
	v.fillerSpoken = true
	return v.speakText(v.withLeadingSpace(phrase), v.turn.Model)
}

// withLeadingSpace keeps a sentence of ours from running into the words before it.
func (v *voiceTurn) withLeadingSpace(sentence string) string {
	if said := v.spoken.String(); said != "" && !strings.HasSuffix(said, " ") {
		return " " + sentence
	}
	return sentence
}

func (v *voiceTurn) speakText(text, model string) error {
	if text == "" {
		return nil
	}
	v.spoken.WriteString(text)
	return v.out.writeText(agent.Event{Text: text, Model: model})
}
