// Package safego runs functions so that a panic becomes an error.
//
// A panic in a goroutine that nothing recovers ends the whole process. In Lambda that happens after the caller has
// received the beginning of an answer, and it breaks every other request of the process. Deployed code therefore starts
// goroutines here and nowhere else; a test of the repository checks it.
package safego

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// PanicError is a panic as an error.
type PanicError struct {
	Value any
	Stack string // the functions and lines that led to the panic; see Stack
}

// Error returns the panic's value as text.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// ErrNotStarted is the error of a call that Each did not start, because the context had ended.
var ErrNotStarted = errors.New("not started")

// Call calls f and returns its error. A panic in f is returned as a *PanicError.
func Call(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Value: p, Stack: Stack()}
		}
	}()
	return f()
}

// Go runs f in a goroutine of its own. A panic in f is logged and passed to onPanic, which may be nil.
func Go(ctx context.Context, f func(), onPanic func(error)) {
	go func() {
		err := Call(func() error { f(); return nil })
		if err == nil {
			return
		}
		LogPanic(ctx, err)
		if onPanic != nil {
			onPanic(err)
		}
	}()
}

// Each calls f for 0 to n-1, at most limit at the same time, and waits for all of them. It returns one error for each
// call, nil where it succeeded. A panic is logged and becomes that call's error. When ctx ends, Each starts no further
// calls; their error is ErrNotStarted.
func Each(ctx context.Context, n, limit int, f func(i int) error) []error {
	errs := make([]error, n)
	slots := make(chan struct{}, limit)
	var all sync.WaitGroup
	for i := range n {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil { // both cases may have been ready
			errs[i] = fmt.Errorf("%w: %w", ErrNotStarted, context.Cause(ctx))
			continue
		}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = Call(func() error { return f(i) })
			LogPanic(ctx, errs[i])
		})
	}
	all.Wait()
	return errs
}

// LogPanic logs err with its stack if it is a panic, and does nothing otherwise.
func LogPanic(ctx context.Context, err error) {
	if p, ok := errors.AsType[*PanicError](err); ok {
		slog.ErrorContext(ctx, "code panicked", "event", "code.panicked", "error", err, "stack", p.Stack)
	}
}

// Stack returns the functions and lines that led here, innermost first. It leaves out addresses and arguments, which
// could hold what a log must not contain.
func Stack() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if !strings.HasPrefix(f.Function, "runtime.") {
			b.WriteString(f.Function + ":" + strconv.Itoa(f.Line) + "\n")
		}
		if !more {
			return b.String()
		}
	}
}
