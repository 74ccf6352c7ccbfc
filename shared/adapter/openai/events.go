package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
)

var (
	errIdle  = errors.New("the stream stalled")
	errEvent = errors.New("the stream held an error event")
	errLong  = errors.New("an event of the stream is too long")
	errNoSSE = errors.New("200 without a word: no stream and no answer")
)

// maxEventSize limits one event, and an answer that is not a stream.
const maxEventSize = 8 << 20

// eventBody is the body of an answer as go-openai reads it: each event on a line of its own. What the server sent may be
// a stream of server-sent events in any form that their standard allows
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), or one whole answer in JSON.
//
// It fails when the stream stalls, and when an event is an error.
type eventBody struct {
	source *bufio.Reader
	closer io.Closer
	cancel context.CancelCauseFunc

	line     []byte   // the line that is being read
	data     []byte   // the event that is being read
	skipLF   bool     // the last line ended with CR, which a LF may follow
	begun    bool     // the first bytes have been read
	done     bool     // the server has sent [DONE], or a whole answer
	finished error    // how the source ended
	failed   *failure // the error event that ended it
	out      []byte   // lines that were not read yet
	decoder  eventDecoder
}

// newEventBody returns the body of an answer. idle is how long a Read may wait for the source.
func newEventBody(rc io.ReadCloser, cancel context.CancelCauseFunc, idle time.Duration) *eventBody {
	timed := &idleReader{source: rc, idle: idle, timer: time.AfterFunc(idle, func() { cancel(errIdle) })}
	timed.timer.Stop()
	return &eventBody{source: bufio.NewReaderSize(timed, 4096), closer: rc, cancel: cancel}
}

// idleReader ends a stream that is silent for too long. The time runs only while a read waits for the server.
type idleReader struct {
	source io.Reader
	idle   time.Duration
	timer  *time.Timer
}

func (r *idleReader) Read(p []byte) (int, error) {
	r.timer.Reset(r.idle)
	n, err := r.source.Read(p)
	if !r.timer.Stop() {
		return 0, timeoutError(errIdle)
	}
	return n, err
}

// waitForContent reads the answer up to the first event that has content. What it reads is kept for Read. The error says
// why there is none.
func (b *eventBody) waitForContent() error {
	for {
		event, err := b.next()
		if b.done && errors.Is(err, io.EOF) {
			return nil // an answer without a word
		}
		if err != nil {
			return err
		}
		if chunk, err := b.decoder.decode(event); err != nil || isAlive(&chunk) {
			return nil // an event that cannot be read fails when it is read again
		}
	}
}

// Read returns the lines of the events.
func (b *eventBody) Read(p []byte) (int, error) {
	for len(b.out) == 0 {
		if b.finished != nil {
			return 0, b.finished
		}
		if _, err := b.next(); err != nil {
			b.finished = err
		}
	}
	n := copy(p, b.out)
	b.out = b.out[n:]
	return n, nil
}

// Close ends the request.
func (b *eventBody) Close() error {
	b.cancel(nil)
	return b.closer.Close()
}

// next reads one event, adds its line to out and returns its data. After the end of the source it returns io.EOF.
func (b *eventBody) next() ([]byte, error) {
	if b.finished != nil {
		return nil, b.finished
	}
	event, err := b.readEvent()
	if err != nil {
		b.finished = err
		return nil, err
	}
	if string(event) == "[DONE]" {
		b.done, b.finished = true, io.EOF
		return nil, io.EOF
	}
	if f := errorOfEvent(event); f != nil {
		b.failed, b.finished = f, f.fault
		return nil, f.fault
	}
	if len(b.out) == 0 {
		b.out = b.out[:0]
	}
	// The space keeps go-openai from taking {"error":null,… for an error.
	b.out = append(b.out, "data: "...)
	if bytes.HasPrefix(event, []byte(`{"error"`)) {
		b.out, event = append(b.out, "{ "...), event[1:]
	}
	b.out = append(append(b.out, event...), '\n')
	return event, nil
}

// readEvent returns the data of the next event in one line.
func (b *eventBody) readEvent() ([]byte, error) {
	if !b.begun {
		b.begun = true
		if whole, err := b.readWhole(); whole != nil || err != nil {
			return whole, err
		}
	}
	b.data = b.data[:0]
	for {
		line, err := b.readLine()
		if err != nil && len(line) == 0 {
			return nil, err
		}
		value, isData := bytes.CutPrefix(line, []byte("data"))
		if isData && len(value) > 0 {
			value, isData = bytes.CutPrefix(value, []byte(":"))
		}
		switch {
		case isData:
			value = bytes.TrimSpace(value)
			if len(b.data) > 0 {
				b.data = append(b.data, ' ') // a line break between two tokens of JSON
			}
			if b.data = append(b.data, value...); len(b.data) > maxEventSize {
				return nil, upstreamError(errLong)
			}
			if len(b.data) > 0 && (b.atBlankLine() || isWholeEvent(b.data)) {
				return b.data, nil
			}
		case len(line) == 0 && len(b.data) > 0:
			return b.data, nil
		}
	}
}

// atBlankLine reports whether a blank line, which ends an event, is known to follow. It reads nothing.
func (b *eventBody) atBlankLine() bool {
	next, _ := b.source.Peek(min(2, b.source.Buffered())) // of bytes that are buffered: cannot fail
	if b.skipLF && len(next) > 0 && next[0] == '\n' {
		next = next[1:]
	}
	return len(next) > 0 && (next[0] == '\n' || next[0] == '\r')
}

// isWholeEvent reports whether the data read so far are a whole event. Such an event is passed on without the blank line after it,
// which some servers send late or never.
func isWholeEvent(data []byte) bool {
	return data[len(data)-1] == '}' && json.Valid(data) || string(data) == "[DONE]"
}

// readWhole returns an answer that is not a stream: a JSON object in place of the first event. It returns nil for a stream.
func (b *eventBody) readWhole() ([]byte, error) {
	if mark, err := b.source.Peek(3); err == nil && string(mark) == "\ufeff" {
		_, _ = b.source.Discard(3) // a byte order mark is not part of the text
	}
	for {
		c, err := b.source.ReadByte()
		if err != nil {
			return nil, err
		}
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			continue
		}
		_ = b.source.UnreadByte() // follows a read: cannot fail
		if c != '{' && c != '[' {
			return nil, nil
		}
		break
	}
	whole, err := io.ReadAll(io.LimitReader(b.source, maxEventSize+1))
	if err != nil {
		return nil, err
	}
	if len(whole) > maxEventSize {
		return nil, upstreamError(errLong)
	}
	var line bytes.Buffer
	if err := json.Compact(&line, whole); err != nil {
		return nil, errNoSSE
	}
	b.done = bytes.Contains(line.Bytes(), []byte(`"choices"`))
	if _, isError := decodeError(line.Bytes()); !b.done && !isError {
		return nil, errNoSSE
	}
	return line.Bytes(), nil
}

// readLine returns the next line without its end, which may be LF, CR LF or CR. The line is valid until the next call.
func (b *eventBody) readLine() ([]byte, error) {
	b.line = b.line[:0]
	for {
		if _, err := b.source.Peek(1); err != nil {
			return b.line, err
		}
		available, _ := b.source.Peek(b.source.Buffered()) // nothing is read: cannot fail
		if b.skipLF && len(b.line) == 0 {
			b.skipLF = false
			if available[0] == '\n' {
				_, _ = b.source.Discard(1)
				continue
			}
		}
		end := bytes.IndexByte(available, '\n')
		if cr := bytes.IndexByte(available[:max(end, 0)], '\r'); cr >= 0 {
			end = cr
		} else if end < 0 {
			end = bytes.IndexByte(available, '\r')
		}
		if end >= 0 {
			b.line = append(b.line, available[:end]...)
			b.skipLF = available[end] == '\r'
			_, _ = b.source.Discard(end + 1) // of bytes that are buffered: cannot fail
			return b.line, nil
		}
		if b.line = append(b.line, available...); len(b.line) > maxEventSize {
			return nil, upstreamError(errLong)
		}
		_, _ = b.source.Discard(len(available))
	}
}
