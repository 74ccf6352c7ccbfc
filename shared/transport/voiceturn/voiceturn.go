package voiceturn

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/transport/speech"
	"example.com/aurora/shared/usecase/chat"
)

// Timing says how long a caller on the phone may hear nothing.
type Timing struct {
	FillerAfter     time.Duration // from the request to a filler, if the model has said nothing
	ToolFillerAfter time.Duration // from the start of a tool to a filler
	FallbackAfter   time.Duration // from the request to the fallback message, if the model has said nothing
}

// DefaultTiming is the documented timing.
var DefaultTiming = Timing{FillerAfter: 1500 * time.Millisecond, ToolFillerAfter: 700 * time.Millisecond, FallbackAfter: 8 * time.Second}

// The phrases of an assistant that has none.
const (
	DefaultFiller   = "One moment, please. "
	DefaultFallback = "I'm sorry, I'm having trouble right now. Could you say that again?"
)

var errModelSilent = fault.New(fault.Timeout, "The model did not answer in time.").WithCode("upstream_timeout")

// ErrEmptyAnswer is the error of a turn in which the model said nothing.
var ErrEmptyAnswer = fault.New(fault.Upstream, "The model said nothing.").WithCode("empty_answer")

// Turn is a turn that is spoken. Speak is called once.
type Turn struct {
	Chat   *chat.Turn
	Timing Timing             // the zero value means DefaultTiming; an assistant's own limit replaces FallbackAfter
	Cancel context.CancelFunc // ends the chat turn
	Out    Sink               // nil for an answer that is taken whole, after the turn
	Filler string             // unless the assistant or the tool has one
	// Verbatim says that the answer is not spoken: it is JSON that the request asked for.
	Verbatim bool
	// ToolsMayTakeLong says that the fallback message does not cut a tool short.
	ToolsMayTakeLong bool
	// BeforeTools is called before tools start. An error means that they must not, and ends the turn. It may be nil.
	BeforeTools func([]agent.Tool) error
	// Stopped returns why nothing more is to be spoken, or nil. A turn that is stopped ends without the fallback message. It
	// may be nil.
	Stopped func() error

	FillerSpoken bool  // a turn has one filler at most
	Fallback     error // why the fallback message was spoken

	filter speech.Filter
	ended  bool // the turn's last words were spoken
	sent   bool // words or a filler went to Out
	spoken strings.Builder
}

// Sink takes the words as they are spoken.
type Sink interface {
	// WriteText takes words. isFiller says that they are no part of the conversation. An error ends the turn.
	WriteText(text, model string, isFiller bool) error
}

// Spoken returns all words of the turn so far.
func (v *Turn) Spoken() string { return v.spoken.String() }

// prepare fills in what the assistant decides.
func (v *Turn) prepare() {
	v.filter.Tags = v.Chat.SpeechTags()
	if v.Timing == (Timing{}) {
		v.Timing = DefaultTiming
	}
	if limit := v.Chat.FirstTokenTimeout(); limit > 0 {
		v.Timing.FallbackAfter = limit
	}
}

// stopped returns why nothing more is to be spoken, or nil.
func (v *Turn) stopped() error {
	if v.Stopped == nil {
		return nil
	}
	return v.Stopped()
}

// turnEvent is an event of the turn on its way from the goroutine that runs it.
type turnEvent struct {
	chat.Event
	err error
}

// Speak runs the turn and speaks its words, a filler when it is slow, and the fallback message when it fails. It returns
// the turn's last event. An error means that the words could not be sent, because the reader has disconnected, or that the
// turn was stopped.
func (v *Turn) Speak(ctx context.Context) (chat.Event, error) {
	v.prepare()
	events, stop := v.runTurn(ctx)
	defer stop()
	filler, silence := time.NewTimer(v.Timing.FillerAfter), time.NewTimer(v.Timing.FallbackAfter)
	defer filler.Stop()
	defer silence.Stop()
	phrase := v.Chat.FillerPhrase(v.Filler)
	for {
		select {
		case e, open := <-events:
			switch {
			case !open: // the turn panicked
				return v.speakFallback(ctx, chat.Event{}, fault.New(fault.Internal, "The turn did not end."))
			case e.End != nil:
				return v.finish(ctx, e)
			case e.err != nil:
				return v.speakFallback(ctx, chat.Event{}, e.err)
			case len(e.ToolsStarted) > 0:
				for _, t := range e.ToolsStarted {
					if t.Filler != "" {
						phrase = t.Filler
					}
				}
				filler.Reset(v.Timing.ToolFillerAfter)
				if v.ToolsMayTakeLong {
					silence.Stop()
				}
				continue
			}
			filler.Stop()
			silence.Stop()
			if v.Out == nil {
				continue // the whole text comes with the end
			}
			if err := v.speakText(v.plain(e.Text), e.Model, false); err != nil {
				return v.giveUp(events, err)
			}
		case <-filler.C:
			if err := v.speakFiller(phrase); err != nil {
				return v.giveUp(events, err)
			}
		case <-silence.C:
			v.Cancel()
			return v.speakFallback(ctx, lastEvent(events), errModelSilent)
		case <-ctx.Done():
			return v.speakFallback(ctx, lastEvent(events), ctx.Err())
		}
	}
}

// runTurn runs the turn in a goroutine of its own, so that speak can watch the clock. stop cancels the turn and waits until
// it has stored its session; Lambda may freeze the process after the handler has returned.
func (v *Turn) runTurn(ctx context.Context) (events <-chan turnEvent, stop func()) {
	out, done := make(chan turnEvent), make(chan struct{})
	safego.Go(ctx, func() {
		defer close(out)
		for e, err := range v.Chat.Events {
			if len(e.ToolsStarted) > 0 && v.BeforeTools != nil {
				if denied := v.BeforeTools(e.ToolsStarted); denied != nil {
					out <- turnEvent{chat.Event{Event: agent.Event{Model: e.Model, End: e.SoFar}}, denied}
					return
				}
			}
			select {
			case out <- turnEvent{e, err}:
			case <-done:
				return
			}
		}
	}, nil)
	return out, func() {
		v.Cancel()
		close(done)
		for range out { // until it is closed
		}
	}
}

// giveUp ends a turn whose words cannot be sent. It returns the turn's last event, as far as the turn came, and the error.
func (v *Turn) giveUp(events <-chan turnEvent, err error) (chat.Event, error) {
	v.Cancel()
	return lastEvent(events), err
}

// lastEvent waits for the end of a turn that was cancelled, and returns its last event. It is the zero Event if the turn
// panicked.
func lastEvent(events <-chan turnEvent) chat.Event {
	for e := range events {
		if e.End != nil {
			return e.Event
		}
	}
	return chat.Event{}
}

// finish speaks the last words, or the fallback message if the turn failed or had no words at all.
func (v *Turn) finish(ctx context.Context, e turnEvent) (chat.Event, error) {
	if e.err != nil {
		return v.speakFallback(ctx, e.Event, e.err)
	}
	if err := v.speakEnd(e.End); err != nil {
		return e.Event, err
	}
	if !v.hasWords() && e.End.Action == nil && len(e.End.CallerToolCalls) == 0 {
		reason := e.End.FinishReason
		end, err := v.speakFallback(ctx, e.Event, ErrEmptyAnswer)
		if err == nil && reason == agent.FinishContentFilter {
			end.End.FinishReason = reason
		}
		return end, err
	}
	return e.Event, nil
}

// speakFallback speaks the fallback message, unless the turn was stopped, and adds it to the conversation, with the error that it stands for. end is the
// turn's last event, or the zero Event if there was none.
func (v *Turn) speakFallback(ctx context.Context, end chat.Event, failed error) (chat.Event, error) {
	if err := v.stopped(); err != nil {
		return end, err
	}
	metric.CountFailure(ctx, "FallbackSpoken", failed)
	slog.WarnContext(ctx, "fallback message spoken", "event", "fallback.spoken", "callId", v.Chat.CallID(), "assistantId", v.Chat.AssistantID(), "error", failed)
	v.Fallback = failed
	if end.End == nil {
		end = v.Chat.FailedEnd(failed)
	}
	_ = v.speakEnd(end.End) // an error repeats in the next line
	message := v.Chat.FallbackMessage(DefaultFallback)
	if err := v.speakText(v.withLeadingSpace(message), end.End.Model, false); err != nil {
		return end, err
	}
	end.Session.AddWords(message, end.End)
	end.Session.SetError(failed)
	end.End.FinishReason, end.End.CallerToolCalls = agent.FinishStop, nil
	return end, nil
}

// speakEnd speaks the last words of a turn, or all of them if the answer is sent whole.
func (v *Turn) speakEnd(end *agent.TurnResult) error {
	if v.ended {
		return nil
	}
	v.ended = true
	text := ""
	if v.Out == nil {
		text = v.plain(end.Text)
	}
	return v.speakText(text+v.filter.Close(), end.Model, false)
}

// plain returns what is spoken of a piece of the answer.
func (v *Turn) plain(text string) string {
	if v.Verbatim {
		return text
	}
	return v.filter.Write(text)
}

// hasWords reports whether the caller has heard anything. Tags for the voice are not heard.
func (v *Turn) hasWords() bool {
	if v.spoken.Len() > 1000 {
		return true
	}
	return strings.TrimSpace(speech.Text(v.spoken.String())) != ""
}

// speakFiller speaks a filler, unless the turn already had one. It would be part of JSON, and in a whole answer it would come
// together with the words that it is to bridge.
func (v *Turn) speakFiller(phrase string) error {
	if v.FillerSpoken || phrase == "" || v.Out == nil || v.Verbatim {
		return nil
	}
	v.FillerSpoken = true
	return v.speakText(v.withLeadingSpace(phrase), v.Chat.Model, true)
}

// withLeadingSpace separates one of our own sentences from the words before it.
func (v *Turn) withLeadingSpace(sentence string) string {
	if spoken := v.spoken.String(); spoken != "" && !strings.HasSuffix(spoken, " ") {
		return " " + sentence
	}
	return sentence
}

func (v *Turn) speakText(text, model string, isFiller bool) error {
	if text == "" {
		return nil
	}
	v.spoken.WriteString(text)
	if v.Out == nil {
		return nil
	}
	err := v.Out.WriteText(text, model, isFiller)
	if isFiller {
		v.Chat.SentFiller()
	} else if !v.sent {
		v.Chat.Sent()
	}
	v.sent = true
	return err
}
