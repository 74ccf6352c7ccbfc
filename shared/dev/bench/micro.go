package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// Micro is one line of `go test -bench`: its values by unit.
type Micro struct {
	Name   string             `json:"name"`
	Runs   int                `json:"runs"`
	Values map[string]float64 `json:"values"`
}

// reportSizes are the numbers of calls of the measured reports.
var reportSizes = []int{1_000, 10_000, 100_000, 1_000_000}

// measureMicro runs the micro-benchmarks with the go tool.
func (b *bench) measureMicro(ctx context.Context) error {
	for _, m := range []struct{ what, pattern, time string }{
		{"./shared/transport/completions", "^BenchmarkStreamToken$", "100000x"},
		{"./shared/core/agent", "^BenchmarkTurnWithThreeTools$", "1s"},
	} {
		found, err := b.goBench(ctx, m.what, m.pattern, m.time)
		if err != nil {
			return err
		}
		b.results.Micro = append(b.results.Micro, found...)
	}
	for _, calls := range b.size.reports { // each in its own process, for its peak memory
		times := max(1, 200_000/calls) // small reports are repeated, for a measurable duration
		found, err := b.goBench(ctx, "./shared/usecase/report", fmt.Sprintf("^BenchmarkFigures$/^%d$", calls), strconv.Itoa(times)+"x")
		if err != nil {
			return err
		}
		b.results.Reports = append(b.results.Reports, Report{Calls: calls, CPUSeconds: found[0].Values["cpu-s/op"], PeakMB: found[0].Values["peak-MB"]})
	}
	for i := range b.results.Reports {
		if i > 0 {
			last, r := b.results.Reports[i-1], &b.results.Reports[i]
			if last.CPUSeconds > 0 {
				r.Growth = r.CPUSeconds / last.CPUSeconds / (float64(r.Calls) / float64(last.Calls))
			}
		}
	}
	return nil
}

// Report is the pass over one report's calls.
type Report struct {
	Calls      int     `json:"calls"`
	CPUSeconds float64 `json:"cpuSeconds"`
	PeakMB     float64 `json:"peakMB"`
	// Growth is the growth of the processor time from the size before, divided by the growth of the calls: 1 is linear.
	Growth float64 `json:"growth,omitempty"`
}

func (b *bench) goBench(ctx context.Context, what, pattern, length string) ([]Micro, error) {
	command := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", pattern, "-benchtime", length, "-benchmem", what)
	command.Dir, command.Env = b.Root, os.Environ()
	out, err := command.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("go test -bench %s %s: %w\n%s", pattern, what, err, out)
	}
	found := parseBench(string(out))
	if len(found) == 0 {
		return nil, fmt.Errorf("go test -bench %s %s found none:\n%s", pattern, what, out)
	}
	return found, nil
}

// parseBench reads what `go test -bench` prints: https://go.dev/design/14313-benchmark-format
func parseBench(out string) []Micro {
	var all []Micro
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		runs, err := strconv.Atoi(fields[1])
		if err != nil {
			continue
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if at := strings.LastIndexByte(name, '-'); at > 0 {
			if _, err := strconv.Atoi(name[at+1:]); err == nil {
				name = name[:at] // the suffix with the number of processors
			}
		}
		m := Micro{Name: name, Runs: runs, Values: map[string]float64{}}
		for i := 2; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				m.Values[fields[i+1]] = v
			}
		}
		all = append(all, m)
	}
	return all
}
