package emulator

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"
)

// process is one running process of a function.
type process struct {
	function *function
	id       string
	work     chan *invocation // buffer of one

	mu       sync.Mutex
	child    *child
	initDone bool        // the process has asked for its first invocation
	current  *invocation // from assign until the process asks for the next one
	answered bool        // current has its response
	initErr  *failure    // the error that the function reported for its start
	timedOut bool        // killed because its time limit had passed
	stopped  bool
	exited   bool // the process has ended
}

// run starts the process and waits for its end.
func (p *process) run() {
	child, err := p.function.launch(p.function.runtime.address(p))
	if err != nil {
		p.function.runtime.removeProcess(p)
		p.function.processEnded(p, &failure{Type: "Runtime.InvalidEntrypoint", Message: err.Error()}, false, false)
		return
	}
	p.mu.Lock()
	p.child = child
	stopped := p.stopped
	p.mu.Unlock()
	if stopped {
		child.kill()
	}
	timer := time.AfterFunc(p.function.maxInit, func() { p.expire(func() bool { return !p.initDone }) })
	<-child.exited
	timer.Stop()
	p.handleExit(child)
}

// expire kills the process if up, called with the lock held, says that its time limit has passed.
func (p *process) expire(up func() bool) {
	p.mu.Lock()
	late := up()
	p.timedOut = p.timedOut || late
	c := p.child
	p.mu.Unlock()
	if late && c != nil {
		c.kill()
	}
}

// handleExit removes a process that has ended, and fails the invocation that it did not answer.
func (p *process) handleExit(c *child) {
	p.function.runtime.removeProcess(p)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.exited = true
	if !p.initDone {
		if p.initErr == nil {
			p.initErr = p.exitFailure(p.id, c)
		}
		p.function.processEnded(p, p.initErr, false, false)
		return
	}
	inv := p.current
	if inv != nil && !p.answered {
		cause := p.exitFailure(inv.id, c)
		p.function.log.writePlatformLine(inv.id, cause.Message)
		inv.deliver(&reply{failure: cause})
		inv.finish(fmt.Errorf("%s: %w", cause.Message, io.ErrUnexpectedEOF))
	}
	if inv == nil && !p.stopped {
		p.function.log.writePlatformLine(p.id, "an idle process ended: "+c.exitReason())
	}
	if inv != nil {
		inv.timer.Stop()
	}
	p.function.processEnded(p, nil, inv != nil, inv != nil && p.answered)
}

// exitFailure describes the end of a process as Lambda does. The caller holds the lock.
func (p *process) exitFailure(id string, c *child) *failure {
	switch {
	case p.timedOut && !p.initDone:
		return &failure{Type: "Sandbox.Timedout", Message: fmt.Sprintf("RequestId: %s Error: Init timed out after %.2f seconds", id, p.function.maxInit.Seconds())}
	case p.timedOut:
		return &failure{Type: "Sandbox.Timedout", Message: fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", id, p.function.timeout.Seconds())}
	case c.err == nil:
		return &failure{Type: "Runtime.ExitError", Message: fmt.Sprintf("RequestId: %s Error: Runtime exited without providing a reason", id)}
	}
	return &failure{Type: "Runtime.ExitError", Message: fmt.Sprintf("RequestId: %s Error: Runtime exited with error: %s", id, c.exitReason())}
}

// assign gives an invocation to a free process, and kills the process at the invocation's deadline. It returns false if the
// process has ended.
func (p *process) assign(inv *invocation) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exited {
		return false
	}
	p.current, p.answered = inv, false
	inv.timer = time.AfterFunc(time.Until(inv.deadline), func() { p.expire(func() bool { return p.current == inv }) })
	p.work <- inv
	return true
}

// handleNext handles a process that asks for an invocation. The invocation that it had is over.
func (p *process) handleNext() {
	p.mu.Lock()
	first := !p.initDone
	p.initDone = true
	inv, answered := p.current, p.answered
	p.current = nil
	p.mu.Unlock()
	if inv != nil {
		inv.timer.Stop()
		if !answered {
			inv.deliver(&reply{failure: &failure{Type: "Runtime.NoResponse", Message: "the runtime asked for the next invocation without answering this one"}})
			inv.finish(io.ErrUnexpectedEOF)
			p.function.invocationAnswered()
		}
	}
	p.function.processReady(p, first)
}

// currentInvocation returns the invocation with this id if the process has it and has not answered it, else nil.
func (p *process) currentInvocation(id string) *invocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil || p.current.id != id || p.answered {
		return nil
	}
	return p.current
}

// markAnswered records that the function has answered an invocation.
func (p *process) markAnswered(inv *invocation) {
	p.mu.Lock()
	mine := p.current == inv && !p.answered
	p.answered = p.answered || mine
	p.mu.Unlock()
	if mine {
		p.function.invocationAnswered()
	}
}

func (p *process) stop() {
	p.mu.Lock()
	p.stopped = true
	c := p.child
	p.mu.Unlock()
	if c != nil {
		c.stop()
	}
}

// initFailed stores the error that the function reported for its start.
func (p *process) initFailed(body []byte) {
	f := &failure{Type: "Runtime.InitError", payload: body}
	_ = json.Unmarshal(body, f) // a body that is not JSON is passed on as it is
	p.mu.Lock()
	p.initErr = f
	p.mu.Unlock()
}

// invocation is one event, its response and its deadline.
type invocation struct {
	id, trace string
	event     []byte
	deadline  time.Time
	timer     *time.Timer
	replied   chan *reply
	once      sync.Once
	read      *io.PipeReader
	write     *io.PipeWriter
}

func newInvocation(id, trace string, event []byte, deadline time.Time) *invocation {
	inv := &invocation{id: id, trace: trace, event: event, deadline: deadline, replied: make(chan *reply, 1)}
	inv.read, inv.write = io.Pipe()
	return inv
}

// deliver gives the caller its response. Only the first call counts.
func (i *invocation) deliver(r *reply) { i.once.Do(func() { i.replied <- r }) }

// abandon records that the caller does not read the response any more.
func (i *invocation) abandon() { _ = i.read.CloseWithError(io.ErrClosedPipe) }

// finish ends the streamed body. A nil error means that it is complete.
func (i *invocation) finish(err error) { _ = i.write.CloseWithError(err) }
