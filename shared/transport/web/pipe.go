package web

import (
	"io"
	"sync"
)

// pipeCapacity is how much of an answer, in bytes, may wait for its reader before the writer does.
const pipeCapacity = 64 << 10

// pipe leads a streamed answer from the handler to the runtime. Unlike io.Pipe it does not hand over each write by
// itself: a read takes all that has been written by then. An event that finds the reader waiting goes out alone and at
// once; events that come faster than they can be sent share one system call.
type pipe struct {
	mu       sync.Mutex
	changed  sync.Cond
	buffer   []byte
	writeEnd error // the writer's: io.EOF for a whole answer
	readEnd  error // why nobody reads any more
}

func newPipe() *pipe {
	p := &pipe{}
	p.changed.L = &p.mu
	return p
}

// Write waits while there is no room. Its error is why nobody reads any more.
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

// Read waits until there is something to read, or the end.
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
	p.buffer = append(p.buffer[:0], p.buffer[n:]...) // the room is used again
	p.changed.Broadcast()
	return n, nil
}

// finish ends the answer: whole where err is nil.
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

// CloseWithError gives the answer up: what waits is dropped, and the writer learns why.
func (p *pipe) CloseWithError(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.readEnd == nil {
		p.readEnd = err
	}
	p.changed.Broadcast()
}

// Close is the reader's: it has enough.
func (p *pipe) Close() error {
	p.CloseWithError(io.ErrClosedPipe)
	return nil
}
