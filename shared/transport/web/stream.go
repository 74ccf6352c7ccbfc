package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"example.com/aurora/shared/core/safego"
)

// errStalled ends an answer that its reader does not take before the deadline.
var errStalled = errors.New("the reader did not take the answer in time")

// pipeWriter is the writing end. Its first write or status lets the answer go.
type pipeWriter struct {
	header  http.Header
	pipe    *pipe
	started bool
	ready   chan responseHead
}

type responseHead struct {
	status int
	header http.Header
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	if !w.started {
		w.started = true
		w.ready <- responseHead{status, w.header.Clone()}
	}
}

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if len(p) == 0 {
		return 0, nil
	}
	return w.pipe.Write(p)
}

// startStream serves an event beside the caller and returns as soon as the answer has begun; what is written can be read from
// its body at once. A body that nobody reads is given up at hard.
func (f *Function) startStream(ctx context.Context, cancel context.CancelFunc, hard time.Time, e event) (any, error) {
	pipe := newPipe()
	w := &pipeWriter{header: http.Header{}, pipe: pipe, ready: make(chan responseHead, 1)}
	stop := func() bool { return true }
	if !hard.IsZero() {
		stop = time.AfterFunc(time.Until(hard), func() { pipe.CloseWithError(errStalled) }).Stop
	}
	finish := func(err error) {
		w.WriteHeader(http.StatusInternalServerError) // where nothing at all was written; else without effect
		pipe.finish(err)
		stop()
		cancel()
	}
	safego.Go(ctx, func() {
		finish(f.serve(ctx, w, e))
	}, finish)
	h := <-w.ready
	return e.streamingResponse(h.status, h.header, pipe), nil
}

// isSSE reports whether an answer is a stream of server-sent events.
func isSSE(h http.Header) bool { return strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") }

// StartSSE prepares an answer as server-sent events. Nothing is sent until the first Event.
func StartSSE(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx in front of a caller would gather the stream
}

// WriteEvent sends one server-sent event in one write. The data must be one line, as WriteJSON is.
func WriteEvent(w io.Writer, data []byte) error {
	line := make([]byte, 0, len(data)+8)
	line = append(line, "data: "...)
	line = append(line, data...)
	line = append(line, "\n\n"...)
	_, err := w.Write(line)
	return err
}
