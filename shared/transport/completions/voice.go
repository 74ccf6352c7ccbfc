package completions

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/transport/speech"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// VoiceTiming says how long a caller on the phone may hear nothing.
type VoiceTiming struct {
	FillerAfter     time.Duration // from the request to a filler, if the model has said nothing
	ToolFillerAfter time.Duration // from the start of a tool to a filler
	FallbackAfter   time.Duration // from the request to the fallback message, if the model has said nothing
}

// DefaultVoiceTiming is the documented timing of /voice.
var DefaultVoiceTiming = VoiceTiming{FillerAfter: 1500 * time.Millisecond, ToolFillerAfter: 700 * time.Millisecond, FallbackAfter: 8 * time.Second}

const (
	defaultFiller = "One moment, please. "
	// vapiFiller ends with a tag, without which Vapi speaks the words only together with the answer
	// (https://docs.vapi.ai/assistants/flush-syntax).
	vapiFiller      = "One moment, please. <flush />"
	defaultFallback = "I'm sorry, I'm having trouble right now. Could you say that again?"
)

var (
	errModelSilent = fault.New(fault.Timeout, "The model did not answer in time.").WithCode("upstream_timeout")
	errEmptyAnswer = fault.New(fault.Upstream, "The model said nothing.").WithCode("empty_answer")
)

// ServeVoice serves /voice. It speaks without markup, begins as early as it can, and is never silent: after an error the
// caller hears the assistant's fallback message. Only a body that is not JSON is rejected.
func (e *Handler) ServeVoice(w http.ResponseWriter, r *http.Request) (err error) {
	in, err := e.decodeLenient(r)
	if err != nil {
		return err
	}
	in.Lenient, in.Channel = true, chat.Voice
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	turn, err := e.Service.Turn(ctx, in.Request)
	if fault.Is(err, fault.Forbidden) { // the key's limits: nobody is spoken to
		return err
	}
	if err != nil {
		slog.ErrorContext(ctx, "turn could not begin", "event", "turn.failed", "callId", in.CallID(), "error", err)
		turn = chat.NewFailedTurn(in.Request, err)
	}
	defer turn.Settle(r.Context())
	v := voiceTurn{response: e.newResponse(in, turn), timing: e.VoiceTiming, cancel: cancel, filler: defaultFiller, verbatim: in.wantsJSON()}
	defer func() {
		turn.LogEnd(r.Context(), chat.Delivery{CompletionID: v.id, FillerSpoken: v.fillerSpoken, Fallback: v.fallback, Err: err})
	}()
	v.filter.Tags = turn.SpeechTags()
	if in.fromVapi {
		v.filler = vapiFiller
	}
	if v.timing == (VoiceTiming{}) {
		v.timing = DefaultVoiceTiming
	}
	if limit := turn.FirstTokenTimeout(); limit > 0 {
		v.timing.FallbackAfter = limit
	}
	if !in.stream {
		end, err := v.speak(ctx)
		if err != nil {
			return err
		}
		end.End.Text = v.spoken.String()
		return web.WriteJSON(w, http.StatusOK, v.newCompletion(end, newMessage(end.End)))
	}
	web.StartSSE(w)
	chunks := &chunkWriter{response: v.response, w: w}
	v.out = chunks
	end, err := v.speak(ctx)
	if err != nil {
		return err
	}
	return v.closeStream(chunks, end)
}

// voiceTurn is a turn that is spoken.
type voiceTurn struct {
	*response
	timing VoiceTiming
	cancel context.CancelFunc // ends the turn
	out    textSink           // nil for an answer that is sent whole, after the turn
	// verbatim says that the answer is not spoken: it is JSON that the request asked for.
	verbatim bool
	filler   string // unless the assistant or the tool has one

	filter       speech.Filter
	fillerSpoken bool  // a turn has one filler at most
	fallback     error // why the fallback message was spoken
	ended        bool  // the turn's last words were spoken
	spoken       strings.Builder
}

// textSink takes the words as they are spoken.
type textSink interface {
	writeText(text, model string) error
}

// turnEvent is an event of the turn on its way from the goroutine that runs it.
type turnEvent struct {
	chat.Event
	err error
}

// speak runs the turn and speaks its words, a filler when it is slow, and the fallback message when it fails. It returns
// the turn's last event. An error means that the words could not be sent: the reader has disconnected.
func (v *voiceTurn) speak(ctx context.Context) (chat.Event, error) {
	events, stop := v.runTurn(ctx)
	defer stop()
	filler, silence := time.NewTimer(v.timing.FillerAfter), time.NewTimer(v.timing.FallbackAfter)
	defer filler.Stop()
	defer silence.Stop()
	phrase := v.turn.FillerPhrase(v.filler)
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
				filler.Reset(v.timing.ToolFillerAfter)
				continue
			}
			filler.Stop()
			silence.Stop()
			if v.out == nil {
				continue // the whole text comes with the end
			}
			if err := v.speakText(v.plain(e.Text), e.Model); err != nil {
				return chat.Event{}, err
			}
		case <-filler.C:
			if err := v.speakFiller(phrase); err != nil {
				return chat.Event{}, err
			}
		case <-silence.C:
			v.cancel()
			return v.speakFallback(ctx, lastEvent(events), errModelSilent)
		case <-ctx.Done():
			return v.speakFallback(ctx, lastEvent(events), ctx.Err())
		}
	}
}

// runTurn runs the turn in a goroutine of its own, so that speak can watch the clock. stop cancels the turn and waits until
// it has stored its session; Lambda may freeze the process after the handler has returned.
func (v *voiceTurn) runTurn(ctx context.Context) (events <-chan turnEvent, stop func()) {
	out, done := make(chan turnEvent), make(chan struct{})
	safego.Go(ctx, func() {
		defer close(out)
		for e, err := range v.turn.Events {
			select {
			case out <- turnEvent{e, err}:
			case <-done:
				return
			}
		}
	}, nil)
	return out, func() {
		v.cancel()
		close(done)
		for range out { // until it is closed
		}
	}
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
func (v *voiceTurn) finish(ctx context.Context, e turnEvent) (chat.Event, error) {
	if e.err != nil {
		return v.speakFallback(ctx, e.Event, e.err)
	}
	if err := v.speakEnd(e.End); err != nil {
		return chat.Event{}, err
	}
	switch {
	case !v.hasWords() && e.End.Action == nil && len(e.End.CallerToolCalls) == 0:
		reason := e.End.FinishReason
		end, err := v.speakFallback(ctx, e.Event, errEmptyAnswer)
		if err == nil && reason == agent.FinishContentFilter {
			end.End.FinishReason = reason
		}
		return end, err
	}
	return e.Event, nil
}

// speakFallback speaks the fallback message and adds it to the conversation, with the error that it stands for. end is the
// turn's last event, or the zero Event if there was none.
func (v *voiceTurn) speakFallback(ctx context.Context, end chat.Event, failed error) (chat.Event, error) {
	metric.CountFailure(ctx, "FallbackSpoken", failed)
	slog.WarnContext(ctx, "fallback message spoken", "event", "fallback.spoken", "callId", v.turn.CallID(), "assistantId", v.turn.AssistantID(), "error", failed)
	v.fallback = failed
	if end.End == nil {
		end = v.turn.FailedEnd(failed)
	}
	_ = v.speakEnd(end.End) // an error repeats in the next line
	message := v.turn.FallbackMessage(defaultFallback)
	if err := v.speakText(v.withLeadingSpace(message), end.End.Model); err != nil {
		return chat.Event{}, err
	}
	end.Session.AddWords(message, end.End)
	end.Session.SetError(failed)
	end.End.FinishReason, end.End.CallerToolCalls = agent.FinishStop, nil
	return end, nil
}

// speakEnd speaks the last words of a turn, or all of them if the answer is sent whole.
func (v *voiceTurn) speakEnd(end *agent.TurnResult) error {
	if v.ended {
		return nil
	}
	v.ended = true
	text := ""
	if v.out == nil {
		text = v.plain(end.Text)
	}
	return v.speakText(text+v.filter.Close(), end.Model)
}

// plain returns what is spoken of a piece of the answer.
func (v *voiceTurn) plain(text string) string {
	if v.verbatim {
		return text
	}
	return v.filter.Write(text)
}

// hasWords reports whether the caller has heard anything. Tags for the voice are not heard.
func (v *voiceTurn) hasWords() bool {
	if v.spoken.Len() > 1000 {
		return true
	}
	return strings.TrimSpace(speech.Text(v.spoken.String())) != ""
}

// speakFiller speaks a filler, unless the turn already had one. It would be part of JSON, and in a whole answer it would come
// together with the words that it is to bridge.
func (v *voiceTurn) speakFiller(phrase string) error {
	if v.fillerSpoken || phrase == "" || v.out == nil || v.verbatim {
		return nil
	}
	v.fillerSpoken = true
	return v.speakText(v.withLeadingSpace(phrase), v.turn.Model)
}

// withLeadingSpace separates one of our own sentences from the words before it.
func (v *voiceTurn) withLeadingSpace(sentence string) string {
	if spoken := v.spoken.String(); spoken != "" && !strings.HasSuffix(spoken, " ") {
		return " " + sentence
	}
	return sentence
}

func (v *voiceTurn) speakText(text, model string) error {
	if text == "" {
		return nil
	}
	v.spoken.WriteString(text)
	if v.out == nil {
		return nil
	}
	return v.out.writeText(text, model)
}
