package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Warm is a function at work: what one piece of work takes of its processor, and of AWS.
type Warm struct {
	Function string `json:"function"`
	Memory   int    `json:"memoryMB"` // as the template has it
	// CPU is the processor time in milliseconds, and Wall the whole time here, with the stores and the model of this machine.
	CPU  float64 `json:"cpuMs"`
	Wall float64 `json:"wallMs"`
	// ResidentKB is the process's memory afterwards. PeakKB is the most that any process of the function ever had in the run,
	// with the largest reports, and sixteen turns at once.
	ResidentKB int64 `json:"residentKB"`
	PeakKB     int64 `json:"peakKB"`
	Usage      Usage `json:"uses"`
}

// measureWarm has one process of every function do its work over and over.
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
	if err := h.invoke(ctx, events[1]); err != nil { // caches are filled, and secrets read
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

// measurePeaks looks at the stack's own processes, once all the work is done.
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
	for _, entry := range environment {
		if value, found := strings.CutPrefix(entry, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE="); found {
			n, _ := strconv.Atoi(value)
			return n
		}
	}
	return 0
}

// meteredEnvironment is a function's environment with the meters in the stores' places, and nothing that leads to the stack's own
// workers.
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
