package web

import (
	"io"
	"sync"
)

// pipeCapacity is how many bytes may wait for the reader before the writer has to wait.
const pipeCapacity = 64 << 10

// pipe carries a streamed response from the handler to Lambda's runtime. Unlike io.Pipe, a read takes everything that has been
// written by then. So an event is sent at once if the reader is waiting, and events that come faster than they can be
// sent share one system call.
type pipe struct {
	mu       sync.Mutex
	changed  sync.Cond
	buffer   []byte
	writeEnd error // set by the writer; io.EOF for a complete response
	readEnd  error // why the reader stopped
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed.L = &p.mu
	return p
}

// Write waits while the pipe is full. It returns an error if the reader has stopped.
func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.buffer) >= pipeCapacity && p.readEnd == nil {
		p.changed.Wait()
	}
	switch {
	case p.readEnd != nil:
		return 0, p.readEnd
	case p.writeEnd != nil:
		return 0, io.ErrClosedPipe
	}
	p.buffer = append(p.buffer, b...)
	p.changed.Broadcast()
	return len(b), nil
}

// Read waits until there is something to read, or the end of the response.
func (p *pipe) Read(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.buffer) == 0 && p.writeEnd == nil && p.readEnd == nil {
		p.changed.Wait()
	}
	switch {
	case p.readEnd != nil:
		return 0, p.readEnd
	case len(p.buffer) == 0:
		return 0, p.writeEnd
	}
	n := copy(b, p.buffer)
	p.buffer = append(p.buffer[:0], p.buffer[n:]...) // reuses the memory
	p.changed.Broadcast()
	return n, nil
}

// finish ends the response. It is complete if err is nil.
func (p *pipe) finish(err error) {
	if err == nil {
		err = io.EOF
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.writeEnd == nil {
		p.writeEnd = err
	}
	p.changed.Broadcast()
}

// CloseWithError drops what has not been read, and makes all further writes fail with err.
func (p *pipe) CloseWithError(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readEnd == nil {
		p.readEnd = err
	}
	p.changed.Broadcast()
}

// Close is called by the reader when it stops.
func (p *pipe) Close() error {
	p.CloseWithError(io.ErrClosedPipe)
	return nil
}
