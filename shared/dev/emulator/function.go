package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	maxPayload      = 6 << 20   // of an event or a buffered response, in bytes
	maxAsyncPayload = 1 << 20   // of the event of an Event invocation, in bytes
	maxStream       = 200 << 20 // of a streamed response, in bytes
	maxInit         = 10 * time.Second
	maxStarting     = 8 // processes of one function that start at the same time; more would only slow each other down
)

var (
	//lint:ignore ST1005 Lambda's own message, which its clients see
	errThrottled = errors.New("Rate Exceeded.")
	//lint:ignore ST1005 Lambda's own message too
	errTooLarge = fmt.Errorf("Request must be smaller than %d bytes for the InvokeFunction operation", maxPayload)
)

// function is one deployed function: a pool of processes, each of which serves one invocation at a time.
type function struct {
	*functionPlan
	limit   int           // invocations at the same time
	maxInit time.Duration // time limit for a new process to ask for its first invocation
	runtime *runtimeAPI
	launch  func(address string) (*child, error) // starts a process whose runtime API has this address
	log     *logFile

	mu        sync.Mutex
	idle      []*process // the one that was used last is at the end, and is used next
	waiting   []chan assigned
	starting  int
	returning int // processes that have answered and will ask for the next invocation in a moment
	busy      int // invocations now
	all       map[*process]bool
	closed    bool
}

// assigned is what a caller that waits for a process receives: a process or the reason why none starts.
type assigned struct {
	process *process
	failure *failure
}

// failure is a function's error in Lambda's format.
type failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
	payload []byte // the function's own error body, if it sent one
}

// reply is the result of an invocation: a payload, a failure or a stream.
type reply struct {
	payload []byte
	failure *failure
	stream  *stream
	id      string
}

// invoke runs one invocation. An error means that it did not run: it was throttled or too large, or the stack is stopping.
// If ctx ends before the response, the invocation goes on, as in Lambda, and its response is dropped.
func (f *function) invoke(ctx context.Context, id, trace string, event []byte) (*reply, error) {
	if len(event) > maxPayload {
		return nil, errTooLarge
	}
	var inv *invocation
	for inv == nil {
		got, err := f.acquire(ctx)
		if err != nil {
			return nil, err
		}
		if got.failure != nil {
			f.log.writePlatformLine(id, "init failed: "+got.failure.Message)
			return &reply{failure: got.failure, id: id}, nil
		}
		inv = newInvocation(id, trace, event, time.Now().Add(f.timeout))
		if !got.process.assign(inv) { // the process ended while it was idle: take another one
			inv = nil
			f.release()
		}
	}
	select {
	case r := <-inv.replied:
		r.id = id
		return r, nil
	case <-ctx.Done():
		inv.abandon()
		return nil, ctx.Err()
	}
}

// acquire takes an idle process, or waits for one that becomes free or has started.
func (f *function) acquire(ctx context.Context) (assigned, error) {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return assigned{}, errStopping
	}
	if f.busy >= f.limit {
		f.mu.Unlock()
		return assigned{}, errThrottled
	}
	f.busy++
	if n := len(f.idle); n > 0 {
		p := f.idle[n-1]
		f.idle = f.idle[:n-1]
		f.mu.Unlock()
		return assigned{process: p}, nil
	}
	turn := make(chan assigned, 1)
	f.waiting = append(f.waiting, turn)
	f.startProcesses()
	f.mu.Unlock()
	select {
	case got := <-turn:
		if got.failure != nil {
			f.release()
		}
		return got, nil
	case <-ctx.Done():
		f.cancelWait(turn)
		return assigned{}, ctx.Err()
	}
}

// release ends an invocation that never reached a process.
func (f *function) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
}

// cancelWait ends a wait. A process that was assigned in the same moment goes to the next in the queue.
func (f *function) cancelWait(turn chan assigned) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	for i, w := range f.waiting {
		if w == turn {
			f.waiting = append(f.waiting[:i], f.waiting[i+1:]...)
			return
		}
	}
	if got := <-turn; got.process != nil {
		f.offer(got.process)
	}
}

// startProcesses starts processes for the waiting callers, less those that will be free in a moment, within the limits. The
// caller holds the lock.
func (f *function) startProcesses() {
	for !f.closed && f.starting < min(len(f.waiting)-f.returning, maxStarting) && len(f.all) < f.limit {
		f.starting++
		p := f.runtime.newProcess(f)
		f.all[p] = true
		f.runtime.tasks.run("starting "+f.folder, p.run)
	}
}

// offer gives a free process to the first waiting caller. The caller of offer holds the lock.
func (f *function) offer(p *process) {
	if len(f.waiting) > 0 {
		f.waiting[0] <- assigned{process: p}
		f.waiting = f.waiting[1:]
		return
	}
	f.idle = append(f.idle, p)
}

// processReady handles a process that asks for an invocation. first means that its init has just ended.
func (f *function) processReady(p *process, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if first {
		f.starting--
	} else {
		f.returning--
	}
	if f.all[p] {
		f.offer(p)
	}
}

// invocationAnswered handles an invocation that has its response; its process will be free in a moment.
func (f *function) invocationAnswered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	f.returning++
}

// processEnded handles a process that has ended. initFailure is set if it ended before its first invocation. serving means
// that it had an invocation, and answered that this had its response.
func (f *function) processEnded(p *process, initFailure *failure, serving, answered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, p)
	for i, other := range f.idle {
		if other == p {
			f.idle = append(f.idle[:i], f.idle[i+1:]...)
			break
		}
	}
	switch {
	case initFailure != nil:
		f.starting--
		if len(f.waiting) > 0 {
			f.waiting[0] <- assigned{failure: initFailure}
			f.waiting = f.waiting[1:]
		}
	case answered:
		f.returning--
	case serving:
		f.busy--
	}
	f.startProcesses()
}

// close ends every process, and fails the callers that wait for one.
func (f *function) close() {
	f.mu.Lock()
	f.closed = true
	for _, w := range f.waiting {
		w <- assigned{failure: &failure{Type: "Runtime.Stopping", Message: errStopping.Error()}}
	}
	f.waiting = nil
	var processes []*process
	for p := range f.all {
		processes = append(processes, p)
	}
	f.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range processes {
		wg.Go(p.stop)
	}
	wg.Wait()
	_ = f.log.Close()
}

// stream is a streamed response: the prelude, then the body as the function writes it.
type stream struct {
	prelude []byte
	body    io.ReadCloser // if it is closed early, the function goes on and the rest is dropped
}
