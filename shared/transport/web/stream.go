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

// errStalled ends a response that was not read before the deadline.
var errStalled = errors.New("the response was not read in time")

// pipeWriter is the handler's end of the pipe. The first write sends the status and the header.
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

// startStream serves an event in a goroutine, and returns the response as soon as it has begun. What the handler writes can be
// read from the response's body at once. A response that is not read is aborted at the time hard.
func (f *Function) startStream(ctx context.Context, cancel context.CancelFunc, hard time.Time, e event) (any, error) {
	pipe := newPipe()
	w := &pipeWriter{header: http.Header{}, pipe: pipe, ready: make(chan responseHead, 1)}
	stop := func() bool { return true }
	if !hard.IsZero() {
		stop = time.AfterFunc(time.Until(hard), func() { pipe.CloseWithError(errStalled) }).Stop
	}
	finish := func(err error) {
		w.WriteHeader(http.StatusInternalServerError) // only has an effect if the handler wrote nothing
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

// isSSE reports whether a response is a stream of server-sent events.
func isSSE(h http.Header) bool { return strings.HasPrefix(h.Get("Content-Type"), "text/event-stream") }

// StartSSE sets the header for server-sent events. Nothing is sent before the first event.
func StartSSE(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no") // nginx in front of a caller would buffer the stream
}

// WriteEvent sends one server-sent event in one write. The data must be a single line, as JSON is.
func WriteEvent(w io.Writer, data []byte) error {
	line := make([]byte, 0, len(data)+8)
	line = append(line, "data: "...)
	line = append(line, data...)
	line = append(line, "\n\n"...)
	_, err := w.Write(line)
	return err
}
