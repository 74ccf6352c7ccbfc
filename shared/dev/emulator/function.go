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
	maxPayload      = 6 << 20   // an event, or a buffered answer, in bytes: 6291456
	maxAsyncPayload = 1 << 20   // an Event invocation's event
	maxStream       = 200 << 20 // a streamed answer
	maxInit         = 10 * time.Second
	maxStarting     = 8 // processes of one function that start at once; more only slow each other down
)

var (
	//lint:ignore ST1005 Lambda's own words, which its clients see
	errThrottled = errors.New("Rate Exceeded.")
	//lint:ignore ST1005 the same
	errTooLarge = fmt.Errorf("Request must be smaller than %d bytes for the InvokeFunction operation", maxPayload)
)

// function is one deployed function: a pool of processes, each of which serves one invocation at a time.
type function struct {
	*functionPlan
	limit   int           // invocations under way at once
	maxInit time.Duration // how long a process may take to ask for its first invocation
	runtime *runtimeAPI
	launch  func(address string) (*child, error) // starts a process, told where its runtime API is
	log     *logFile

	mu        sync.Mutex
	idle      []*process // the one used last is at the end, and used first
	waiting   []chan assigned
	starting  int
	returning int // processes that have answered and will ask again in a moment
	busy      int // invocations under way
	all       map[*process]bool
	closed    bool
}

// assigned is what somebody who waits for a process gets.
type assigned struct {
	process *process
	failure *failure
}

// failure is an error of the function, as Lambda words it.
type failure struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
	payload []byte // the function's own words, where it had any
}

// reply is what came of an invocation: a payload, a failure, or a stream.
type reply struct {
	payload []byte
	failure *failure
	stream  *stream
	id      string
}

// invoke runs one invocation. An error says that it never ran: throttled, too large, or stopping. When ctx ends
// before the answer the invocation goes on, as in Lambda, and only its answer is lost.
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
		if !got.process.assign(inv) { // it ended while it was idle: another, then
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

// acquire takes an idle process, or waits for the next that is free or has started.
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

// release says that an invocation is over that no process had.
func (f *function) release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
}

// cancelWait ends a wait. What was assigned in the same moment is handed on.
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

// startProcesses starts as many processes as are waited for and not about to be free, within the limits; the caller holds the lock.
func (f *function) startProcesses() {
	for !f.closed && f.starting < min(len(f.waiting)-f.returning, maxStarting) && len(f.all) < f.limit {
		f.starting++
		p := f.runtime.newProcess(f)
		f.all[p] = true
		f.runtime.tasks.run("starting "+f.folder, p.run)
	}
}

// offer gives a free process to the first that waits; the caller holds the lock.
func (f *function) offer(p *process) {
	if len(f.waiting) > 0 {
		f.waiting[0] <- assigned{process: p}
		f.waiting = f.waiting[1:]
		return
	}
	f.idle = append(f.idle, p)
}

// processReady is called when a process asks for an invocation; first says that its init is over.
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

// invocationAnswered is called when an invocation has its answer, and the process is about to be free.
func (f *function) invocationAnswered() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.busy--
	f.returning++
}

// processEnded is called when a process has ended: while it started, where that failed, or with an invocation, answered or not.
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

// close ends every process, and fails whoever waits for one.
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

// stream is a streamed answer: the prelude, then the body piece by piece as the function writes it.
type stream struct {
	prelude []byte
	body    io.ReadCloser // closing it before its end lets the function run on unheard
}
