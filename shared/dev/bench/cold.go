package bench

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Cold is the measured cold start of a function.
type Cold struct {
	Function string `json:"function"`
	// NextMs is the time from the start of the process to its first request for an event, AnswerMs to its first answer;
	// medians in milliseconds. OpensMs is the part of NextMs in which it opens connections.
	NextMs   float64 `json:"nextMs"`
	AnswerMs float64 `json:"answerMs"`
	OpensMs  float64 `json:"opensMs"`
	// Ratio is NextMs without OpensMs, divided by NextMs of the bare function.
	Ratio float64 `json:"ratio"`
	// Memory is the size in the template in MB, 0 for the bare function. InitCPU is the processor time until the first request for
	// an event, CallCPU that from there to the first answer; medians in milliseconds.
	Memory  int     `json:"memoryMB"`
	InitCPU float64 `json:"initCpuMs"`
	CallCPU float64 `json:"callCpuMs"`
	// BinaryKB, ZippedKB and ResidentKB are sizes: of the file, of its deployment package, and of the process after its
	// first answer.
	BinaryKB   int64 `json:"binaryKB"`
	ZippedKB   int64 `json:"zippedKB"`
	ResidentKB int64 `json:"residentKB"`
}

const coldTimeout = 20 * time.Second

// candidate is a program whose cold start is measured.
type candidate struct {
	name, program string
	memory        int // MB
	environment   []string
	event         []byte
}

// measureColdStarts measures the start of every function, and of a bare one first.
func (b *bench) measureColdStarts(ctx context.Context) error {
	bare, err := buildBare(ctx, b.Root, b.temp)
	if err != nil {
		return err
	}
	all, err := b.candidates(ctx, func(environment []string) []string { return environment })
	if err != nil {
		return err
	}
	b.results.Cold, err = coldStarts(ctx, append([]candidate{{name: "bare", program: bare, event: []byte(`{}`)}}, all...), b.size.starts)
	return err
}

// candidates returns every function of the stack. change changes its environment.
func (b *bench) candidates(ctx context.Context, change func(environment []string) []string) ([]candidate, error) {
	var all []candidate
	for _, folder := range b.stack.Functions() {
		program, environment, _ := b.stack.Program(folder)
		event, err := b.event(ctx, folder, 0)
		if err != nil {
			return nil, err
		}
		all = append(all, candidate{name: folder, program: program, memory: memoryOf(environment), environment: change(b.meteredEnvironment(environment)), event: event})
	}
	return all, nil
}

// coldStarts measures all candidates in turn, round by round. Ratios are to the first one.
func coldStarts(ctx context.Context, all []candidate, rounds int) ([]Cold, error) {
	samples := make([][]coldSample, len(all))
	found := make([]Cold, len(all))
	for round := range rounds + 1 {
		for i, c := range all {
			s, err := coldStart(ctx, c)
			if err != nil {
				return nil, fmt.Errorf("start %s: %w", c.name, err)
			}
			if round == 0 { // the first round reads the files from disk
				continue
			}
			samples[i] = append(samples[i], s)
			found[i].ResidentKB = max(found[i].ResidentKB, s.resident)
		}
	}
	for i, c := range all {
		of := func(figure func(coldSample) float64) float64 {
			figures := make([]float64, len(samples[i]))
			for n, s := range samples[i] {
				figures[n] = figure(s)
			}
			return median(figures)
		}
		found[i].Function, found[i].Memory = c.name, c.memory
		found[i].NextMs = of(func(s coldSample) float64 { return s.next })
		found[i].OpensMs = of(func(s coldSample) float64 { return s.opens })
		found[i].AnswerMs = of(func(s coldSample) float64 { return s.answer })
		found[i].InitCPU = of(func(s coldSample) float64 { return s.initCPU })
		found[i].CallCPU = of(func(s coldSample) float64 { return s.callCPU })
		found[i].Ratio = of(func(s coldSample) float64 { return s.next - s.opens }) / found[0].NextMs
		var err error
		if found[i].BinaryKB, found[i].ZippedKB, err = programSizes(c.program); err != nil {
			return nil, err
		}
	}
	return found, nil
}

type coldSample struct {
	next, opens, answer float64
	initCPU, callCPU    float64
	resident            int64
}

func coldStart(ctx context.Context, c candidate) (s coldSample, err error) {
	ctx, cancel := context.WithTimeout(ctx, coldTimeout)
	defer cancel()
	h, err := launch(ctx, c.program, c.environment, nil)
	if err != nil {
		return s, err
	}
	defer h.close()
	next, err := h.firstRequest(ctx)
	if err != nil {
		return s, err
	}
	pids := []int{h.command.Process.Pid}
	s.next, s.opens, s.initCPU = milliseconds(next.Sub(h.began)), openingTime(h.log.String()), milliseconds(cpuOf(pids))
	sent := time.Now()
	h.events <- c.event
	answer, err := h.nextAnswer(ctx)
	if err != nil {
		return s, err
	}
	s.answer = s.next + milliseconds(answer.Sub(sent)) // without the time to read the processor's
	s.callCPU, s.resident = milliseconds(cpuOf(pids))-s.initCPU, residentKB(pids[0])
	return s, nil
}

// openingTime returns how long a process opened connections, in milliseconds, as its log says.
func openingTime(log string) float64 {
	for text := range strings.Lines(log) {
		var line struct {
			Event string
			Ms    float64
		}
		if json.Unmarshal([]byte(text), &line) == nil && line.Event == "connections.opened" {
			return line.Ms
		}
	}
	return 0
}

// programSizes returns the size of a program, as a file and zipped for a deployment.
func programSizes(program string) (binary, zipped int64, err error) {
	text, err := os.ReadFile(program)
	if err != nil {
		return 0, 0, err
	}
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.DefaultCompression) })
	file, err := z.Create("bootstrap")
	if err == nil {
		_, err = file.Write(text)
	}
	return int64(len(text)) / 1024, int64(packed.Len()) / 1024, errors.Join(err, z.Close())
}

// buildBare builds the bare function with the flags of the others.
func buildBare(ctx context.Context, root, folder string) (program string, err error) {
	program = filepath.Join(folder, "bare")
	command := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w", "-o", program, "./shared/dev/bench/testdata/bare")
	command.Dir, command.Env = root, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the bare function: %w\n%s", err, out)
	}
	return program, nil
}
