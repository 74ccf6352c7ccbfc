package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

var (
	errIdle  = errors.New("the stream stalled")
	errEvent = errors.New("the stream held an error event")
)

// errorSniffingBody is the body of a stream. It ends with an error when the stream stalls, and when an error event comes:
// go-openai recognises such an event only if there is no space between the brace and "error".
type errorSniffingBody struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
	idle   time.Duration
	timer  *time.Timer // runs only while a read waits for the server
	line   []byte      // the first bytes of the line that is being read
	failed bool
}

func newErrorSniffingBody(rc io.ReadCloser, cancel context.CancelCauseFunc, idle time.Duration) *errorSniffingBody {
	b := &errorSniffingBody{ReadCloser: rc, cancel: cancel, idle: idle, line: make([]byte, 0, sniffLength),
		timer: time.AfterFunc(idle, func() { cancel(errIdle) })}
	b.timer.Stop()
	return b
}

// sniffLength is how many bytes of a line are examined.
const sniffLength = 64

func (b *errorSniffingBody) Read(p []byte) (int, error) {
	if b.failed {
		return 0, streamError(errEvent)
	}
	b.timer.Reset(b.idle)
	n, err := b.ReadCloser.Read(p)
	if !b.timer.Stop() {
		return 0, timeoutError(errIdle)
	}
	if good := b.validPrefix(p[:n]); good < n {
		b.failed = true
		return good, nil
	}
	return n, err
}

func (b *errorSniffingBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// validPrefix returns how many bytes of p come before an error event. The line of the event may have begun in an earlier
// read.
func (b *errorSniffingBody) validPrefix(p []byte) int {
	for at := 0; at < len(p); {
		line, _, ended := bytes.Cut(p[at:], []byte("\n"))
		b.line = append(b.line, line[:min(len(line), sniffLength-len(b.line))]...)
		if (ended || len(b.line) == sniffLength) && isErrorEvent(b.line) {
			return at
		}
		if !ended {
			break
		}
		b.line = b.line[:0]
		at += len(line) + 1
	}
	return len(p)
}

// isErrorEvent reports whether a line begins with data:{"error", with spaces wherever SSE and JSON allow them.
func isErrorEvent(line []byte) bool {
	data, ok := bytes.CutPrefix(line, []byte("data:"))
	if !ok {
		return false
	}
	object, ok := bytes.CutPrefix(bytes.TrimLeft(data, " \t"), []byte("{"))
	return ok && bytes.HasPrefix(bytes.TrimLeft(object, " \t"), []byte(`"error"`))
}
