package phonecall_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/usecase/phonecall"
)

// TestTimesOfATurn checks what is measured: the time from a message's arrival at the gateway, which is before its delivery.
func TestTimesOfATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			<-time.After(300 * time.Millisecond)
			return speakSlowly(ctx, out, time.Second, "We open at nine. ", "We close at five. ", "On Sundays we are closed.")
		}, says("Sure."))
		var mu sync.Mutex
		var measured []metric.Sample
		ctx := metric.WithRecorder(t.Context(), func(_ context.Context, s metric.Sample) {
			mu.Lock()
			defer mu.Unlock()
			measured = append(measured, s)
		})
		prompt := r.event(connection)
		<-time.After(100 * time.Millisecond) // until it is delivered
		var group sync.WaitGroup
		later(&group, 1500*time.Millisecond, func() { r.Interrupt(ctx, r.event(connection), "We open") })
		r.Prompt(ctx, prompt, "When do you open?", true)
		group.Wait()
		mu.Lock()
		defer mu.Unlock()
		if i := slices.IndexFunc(measured, func(s metric.Sample) bool { return s.Name == "PhoneFirstWords" }); i < 0 || measured[i].Value != 400 || measured[i].Unit != metric.Milliseconds {
			t.Errorf("measured %v, want the first words after 400 ms", measured)
		}
		// The watcher looks every 150 ms, and the turn before each message.
		if i := slices.IndexFunc(measured, func(s metric.Sample) bool { return s.Name == "PhoneBargeIn" }); i < 0 || measured[i].Value > 150 {
			t.Errorf("measured %v, want nothing more within 150 ms of the interruption", measured)
		}
		if len(measured) != 2 {
			t.Errorf("measured %v, want each time once", measured)
		}
	})
}
