package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

const (
	maxPayload      = 6 << 20   // of an event or a buffered response, in bytes
	maxAsyncPayload = 1 << 20   // of the event of an Event invocation, in bytes
	maxStream       = 200 << 20 // of a streamed response, in bytes
	maxInit         = 10 * time.Second
	unansweredGrace = 5 * time.Second // after an invocation's deadline, for the end of its process
	maxStarting     = 8               // processes of one function that start at the same time; more would only slow each other down
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

	mu      sync.Mutex
	idle    []*process // the one that was used last is at the end, and is used next
	waiting []chan assigned
	busy    int                // invocations now
	all     map[*process]phase // the processes that have not ended
	closed  bool
}

// phase is what a process does, as its function counts it.
type phase int

const (
	phaseStarting  phase = iota // it has not asked for its first invocation
	phaseIdle                   // it waits for an invocation
	phaseTaken                  // a caller has taken it, or it runs an invocation
	phaseReturning              // it will ask for its next invocation in a moment
)

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
	undone  bool // the process never received the invocation: another one must run it
}

// invoke runs one invocation. An error means that it did not run: it was throttled or too large, or the stack is stopping.
// If ctx ends before the response, the invocation goes on, as in Lambda, and its response is dropped.
func (f *function) invoke(ctx context.Context, id, trace string, event []byte) (*reply, error) {
	if len(event) > maxPayload {
		return nil, errTooLarge
	}
	for {
		got, err := f.acquire(ctx)
		if err != nil {
			return nil, err
		}
		if got.failure != nil {
			f.log.writePlatformLine(id, "init failed: "+got.failure.Message)
			return &reply{failure: got.failure, id: id}, nil
		}
		inv := newInvocation(id, trace, event, time.Now().Add(f.timeout))
		if !got.process.assign(inv) { // the process does not wait for an invocation any more: take another one
			f.release()
			continue
		}
		r, err := f.await(ctx, inv)
		if err != nil {
			return nil, err
		}
		if !r.undone {
			r.id = id
			return r, nil
		}
	}
}

// await waits for the response of an invocation. The end of its process delivers a failure at the deadline. If even that does
// not happen, the missing answer is logged, and is a failure.
func (f *function) await(ctx context.Context, inv *invocation) (*reply, error) {
	late := time.NewTimer(time.Until(inv.deadline) + unansweredGrace)
	defer late.Stop()
	select {
	case r := <-inv.replied:
		return r, nil
	case <-late.C:
		cause := &failure{Type: "Sandbox.Timedout", Message: fmt.Sprintf("RequestId: %s Error: no answer %s after the deadline", inv.id, unansweredGrace)}
		f.log.writePlatformLine(inv.id, "invocation.unanswered: "+cause.Message)
		inv.abandon()
		return &reply{failure: cause}, nil
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
		f.all[p] = phaseTaken
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
	starting, returning := f.count(phaseStarting), f.count(phaseReturning)
	for !f.closed && starting < min(len(f.waiting)-returning, maxStarting) && len(f.all) < f.limit {
		starting++
		p := f.runtime.newProcess(f)
		f.all[p] = phaseStarting
		f.runtime.tasks.run("starting "+f.folder, p.run)
	}
}

func (f *function) count(wanted phase) int {
	n := 0
	for _, phase := range f.all {
		if phase == wanted {
			n++
		}
	}
	return n
}

// offer gives a free process to the first waiting caller. The caller of offer holds the lock.
func (f *function) offer(p *process) {
	if _, running := f.all[p]; !running {
		return
	}
	if len(f.waiting) > 0 {
		f.all[p] = phaseTaken
		f.waiting[0] <- assigned{process: p}
		f.waiting = f.waiting[1:]
		return
	}
	f.all[p] = phaseIdle
	f.idle = append(f.idle, p)
}

// processReady handles a process that waits for an invocation.
func (f *function) processReady(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all[p] != phaseIdle {
		f.offer(p)
	}
}

// processLeft handles a process that stopped waiting for an invocation. It ends, or asks again in a moment.
func (f *function) processLeft(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.removeIdle(p)
	if _, running := f.all[p]; running {
		f.all[p] = phaseReturning
	}
}

func (f *function) removeIdle(p *process) {
	f.idle = slices.DeleteFunc(f.idle, func(other *process) bool { return other == p })
}

// invocationEnded handles an invocation that has its response, or that goes to another process. Its process will be free in
// a moment.
func (f *function) invocationEnded(p *process) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	if _, running := f.all[p]; running {
		f.all[p] = phaseReturning
	}
}

// processEnded handles a process that has ended. initFailure is set if it ended before its first invocation. unanswered means
// that it had an invocation without a response.
func (f *function) processEnded(p *process, initFailure *failure, unanswered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.all, p)
	f.removeIdle(p)
	if unanswered {
		f.busy--
	}
	if initFailure != nil && len(f.waiting) > 0 {
		f.waiting[0] <- assigned{failure: initFailure}
		f.waiting = f.waiting[1:]
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
