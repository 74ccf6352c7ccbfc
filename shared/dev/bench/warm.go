package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Warm is what one event costs a warm function: CPU time, memory and use of AWS services.
type Warm struct {
	Function string `json:"function"`
	Memory   int    `json:"memoryMB"` // in the template
	// CPU is the processor time of an event in milliseconds. Wall is its duration, with this machine's stores and model.
	CPU  float64 `json:"cpuMs"`
	Wall float64 `json:"wallMs"`
	// ResidentKB is the process's memory after its events. PeakKB is the maximum of all processes of the function in the run,
	// which had the largest reports and sixteen concurrent turns.
	ResidentKB int64 `json:"residentKB"`
	PeakKB     int64 `json:"peakKB"`
	Usage      Usage `json:"uses"`
}

// measureWarm sends one process of every function its events.
func (b *bench) measureWarm(ctx context.Context) error {
	for _, folder := range b.stack.Functions() {
		w, err := b.measureFunction(ctx, folder)
		if err != nil {
			return fmt.Errorf("%s: %w", folder, err)
		}
		b.results.Warm = append(b.results.Warm, w)
	}
	return nil
}

func (b *bench) measureFunction(ctx context.Context, folder string) (w Warm, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	program, environment, _ := b.stack.Program(folder)
	events := make([][]byte, b.size.works+2)
	for n := range events {
		if events[n], err = b.event(ctx, folder, n+1); err != nil {
			return w, err
		}
	}
	h, err := launch(ctx, program, b.meteredEnvironment(environment), events[0])
	if err != nil {
		return w, err
	}
	defer h.close()
	if _, err := h.nextAnswer(ctx); err != nil {
		return w, err
	}
	if err := h.invoke(ctx, events[1]); err != nil { // the first event fills the caches and reads the secrets
		return w, err
	}
	pids := []int{h.command.Process.Pid}
	b.meter.reset()
	before, logged, model, telephone := cpuOf(pids), h.log.Len(), b.external.asked.model.Load(), b.external.asked.telephone.Load()
	began := time.Now()
	for _, event := range events[2:] {
		if err := h.invoke(ctx, event); err != nil {
			return w, err
		}
	}
	n := float64(len(events) - 2)
	w = Warm{Function: folder, Memory: memoryOf(environment), CPU: milliseconds(cpuOf(pids)-before) / n, Wall: milliseconds(time.Since(began)) / n,
		ResidentKB: residentKB(pids[0]), PeakKB: peakKB(pids[0]), Usage: b.meter.reset()}
	w.Usage[useModel] = float64(b.external.asked.model.Load() - model)
	w.Usage[useTelephone] = float64(b.external.asked.telephone.Load() - telephone)
	w.Usage[useLogs] = float64(h.log.Len() - logged)
	for what, sum := range w.Usage {
		if w.Usage[what] = sum / n; sum == 0 {
			delete(w.Usage, what)
		}
	}
	return w, nil
}

// measurePeaks reads the peak memory of the stack's processes after all measurements.
func (b *bench) measurePeaks(context.Context) error {
	for i := range b.results.Warm {
		w := &b.results.Warm[i]
		program, _, _ := b.stack.Program(w.Function)
		w.PeakKB = max(w.PeakKB, largest(processesOf(program), peakKB))
	}
	return nil
}

// memoryOf returns the memory size in MB from a function's environment.
func memoryOf(environment []string) int {
	n, _ := strconv.Atoi(variable(environment, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	return n
}

// meteredEnvironment returns a function's environment with the meters' addresses instead of the stores', and without the
// queues of the stack's own workers.
func (b *bench) meteredEnvironment(environment []string) []string {
	out := make([]string, 0, len(environment))
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		switch at, metered := b.meter.addresses[name]; {
		case metered:
			entry = name + "=" + at
		case name == "BUCKET":
			entry = "BUCKET=" + benchBucket
		case name == "REPORTS_QUEUE_URL":
			entry = "REPORTS_QUEUE_URL=" + b.queue
		}
		out = append(out, entry)
	}
	return out
}
