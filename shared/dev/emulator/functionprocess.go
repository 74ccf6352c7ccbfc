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

	mu       sync.Mutex // may be held while the function's lock is taken, never the other way round
	child    *child
	initDone bool             // the process has asked for its first invocation
	next     chan *invocation // of the open request for an invocation, with a buffer of one; nil if there is none
	current  *invocation      // from assign until the process asks for the next one
	answered bool             // current has its response
	initErr  *failure         // the error that the function reported for its start
	timedOut bool             // killed because its time limit had passed
	stopped  bool
	exited   bool // the process has ended
}

// run starts the process and waits for its end.
func (p *process) run() {
	child, err := p.function.launch(p.function.runtime.address(p))
	if err != nil {
		p.function.runtime.removeProcess(p)
		p.function.processEnded(p, &failure{Type: "Runtime.InvalidEntrypoint", Message: err.Error()}, false)
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
		p.function.processEnded(p, p.initErr, false)
		return
	}
	inv := p.current
	unanswered := inv != nil && !p.answered
	p.function.processEnded(p, nil, unanswered) // before its caller has the response and sends again
	if unanswered {
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
		p.current = nil // a request of the process that is still being read changes nothing any more
	}
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

// assign gives an invocation to a process that waits for one, and kills the process at the invocation's deadline. It returns
// false if the process does not wait.
func (p *process) assign(inv *invocation) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exited || p.next == nil || p.current != nil {
		return false
	}
	p.current, p.answered = inv, false
	inv.timer = time.AfterFunc(time.Until(inv.deadline), func() { p.expire(func() bool { return p.current == inv }) })
	p.next <- inv
	return true
}

// openNext handles a process that asks for an invocation, and returns the channel on which it comes. The invocation that the
// process had is over. A process has one open request: a later one, which an HTTP client sends if the connection of the first
// broke, replaces it, and the channel of the first is closed.
func (p *process) openNext() chan *invocation {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.exited {
		return make(chan *invocation)
	}
	p.initDone = true
	waiting := p.next
	p.next = make(chan *invocation, 1)
	if waiting != nil {
		close(waiting)
		select {
		case inv, open := <-waiting: // assigned, but not yet read from the channel
			if open {
				p.next <- inv
				return p.next
			}
		default:
		}
	}
	if inv := p.current; inv != nil {
		p.current = nil
		inv.timer.Stop()
		if !p.answered {
			cause := &failure{Type: "Runtime.NoResponse", Message: "the runtime asked for the next invocation without answering this one"}
			p.function.log.writePlatformLine(inv.id, cause.Message)
			p.function.invocationEnded(p)
			inv.deliver(&reply{failure: cause})
			inv.finish(io.ErrUnexpectedEOF)
		}
	}
	p.function.processReady(p)
	return p.next
}

// closeNext handles the end of a request for an invocation. undone is the invocation that it did not deliver, or nil; another
// process runs that.
func (p *process) closeNext(next chan *invocation, undone *invocation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == next {
		p.next = nil
		select {
		case undone = <-next:
		default:
		}
		if undone == nil && p.current == nil && !p.exited {
			p.function.processLeft(p)
			p.killUnlessItAsks()
		}
	}
	if undone == nil || p.current != undone || p.answered {
		return
	}
	p.current = nil
	undone.timer.Stop()
	p.killUnlessItAsks()
	p.function.log.writePlatformLine(undone.id, "invocation.returned: the process went away before it received the invocation")
	p.function.invocationEnded(p)
	undone.deliver(&reply{undone: true})
}

// killUnlessItAsks kills a process that stopped waiting for an invocation, unless it asks again soon. Callers wait for it in
// place of a new process.
func (p *process) killUnlessItAsks() {
	time.AfterFunc(p.function.maxInit, func() { p.expire(func() bool { return p.next == nil && p.current == nil && !p.exited }) })
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

// markAnswered records that the function has answered an invocation. It comes before the caller has the response: a caller that
// sends again at once must find the function free.
func (p *process) markAnswered(inv *invocation) {
	p.mu.Lock()
	mine := p.current == inv && !p.answered
	p.answered = p.answered || mine
	p.mu.Unlock()
	if mine {
		p.function.invocationEnded(p)
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
