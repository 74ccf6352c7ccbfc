package safego_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/dev/testkit"
)

func TestCall(t *testing.T) {
	failure := errors.New("failed")
	if err := safego.Call(func() error { return failure }); err != failure {
		t.Errorf("Call returned %v, want the function's own error", err)
	}
	err := safego.Call(func() error { panic("boom") })
	p, ok := errors.AsType[*safego.PanicError](err)
	if !ok || p.Value != "boom" || err.Error() != "panic: boom" {
		t.Fatalf("Call returned %v, want a PanicError with the value boom", err)
	}
	if !strings.Contains(p.Stack, "safego_test.TestCall") {
		t.Errorf("the stack %q does not name the function that panicked", p.Stack)
	}
}

func TestGoPassesPanicToHandler(t *testing.T) {
	log := testkit.CaptureLog(t)
	panicked := make(chan error, 1)
	safego.Go(t.Context(), func() { panic("boom") }, func(err error) { panicked <- err })
	if err := <-panicked; err == nil || err.Error() != "panic: boom" {
		t.Errorf("the handler received %v", err)
	}
	if !strings.Contains(log.String(), `"event":"code.panicked"`) || !strings.Contains(log.String(), "safego_test.TestGoPassesPanicToHandler") {
		t.Errorf("log = %s, want the event and the stack", log.String())
	}
}

func TestEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most, calls atomic.Int32
		errs := safego.Each(t.Context(), 10, 3, func(i int) error {
			calls.Add(1)
			if n := running.Add(1); n > most.Load() {
				most.Store(n)
			}
			defer running.Add(-1)
			time.Sleep(time.Second)
			switch i {
			case 4:
				return errors.New("fourth")
			case 5:
				panic("fifth")
			}
			return nil
		})
		if calls.Load() != 10 || most.Load() != 3 {
			t.Errorf("%d calls, %d at the same time; want 10 and 3", calls.Load(), most.Load())
		}
		for i, err := range errs {
			want := map[int]string{4: "fourth", 5: "panic: fifth"}[i]
			if got := errorText(err); got != want {
				t.Errorf("error %d = %q, want %q", i, got, want)
			}
		}
	})
}

func TestEachStopsWhenContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	errs := safego.Each(ctx, 3, 1, func(i int) error {
		if i == 0 {
			cancel()
		}
		return nil
	})
	if errs[0] != nil {
		t.Errorf("the call that had started failed: %v", errs[0])
	}
	for _, err := range errs[1:] {
		if !errors.Is(err, safego.ErrNotStarted) || !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want ErrNotStarted and context.Canceled", err)
		}
	}
}

func TestEachOfNothing(t *testing.T) {
	if errs := safego.Each(t.Context(), 0, 0, func(int) error { panic("called") }); len(errs) != 0 {
		t.Errorf("errors = %v, want none", errs)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
