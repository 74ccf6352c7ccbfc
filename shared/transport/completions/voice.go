package completions

import (
	"context"
	"log/slog"
	"net/http"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/transport/voiceturn"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// VoiceTiming says how long a caller on the phone may hear nothing.
type VoiceTiming = voiceturn.Timing

const (
	defaultFiller   = voiceturn.DefaultFiller
	defaultFallback = voiceturn.DefaultFallback
	// vapiFiller ends with a tag, without which Vapi speaks the words only together with the answer
	// (https://docs.vapi.ai/assistants/flush-syntax).
	vapiFiller = "One moment, please. <flush />"
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
	ctx, _ = trace.New(ctx)
	turn, err := e.Service.Turn(ctx, in.Request)
	if fault.Is(err, fault.Forbidden) { // the key's limits: nobody is spoken to
		return err
	}
	if err != nil {
		slog.ErrorContext(ctx, "turn could not begin", "event", "turn.failed", "callId", in.CallID(), "error", err)
		turn = chat.NewFailedTurn(ctx, in.Request, err)
	}
	defer turn.Settle(r.Context())
	answer := e.newResponse(in, turn)
	v := &voiceturn.Turn{Chat: turn, Timing: e.VoiceTiming, Cancel: cancel, Filler: defaultFiller, Verbatim: in.wantsJSON()}
	defer func() {
		turn.RecordEnd(r.Context(), chat.Delivery{CompletionID: answer.id, FillerSpoken: v.FillerSpoken, Fallback: v.Fallback, Err: err})
	}()
	if in.fromVapi {
		v.Filler = vapiFiller
	}
	if !in.stream {
		end, err := v.Speak(ctx)
		if err != nil {
			return err
		}
		end.End.Text = v.Spoken()
		return web.WriteJSON(w, http.StatusOK, answer.newCompletion(end, newMessage(end.End)))
	}
	web.StartSSE(w)
	chunks := &chunkWriter{response: answer, w: w}
	v.Out = chunks
	end, err := v.Speak(ctx)
	if err != nil {
		return err
	}
	return answer.closeStream(chunks, end)
}
