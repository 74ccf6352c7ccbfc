package bench

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Cold is the measured cold start of a function.
type Cold struct {
	Function string `json:"function"`
	// NextMs is the time from the start of the process to its first request for an event, AnswerMs to its first answer;
	// medians in milliseconds.
	NextMs   float64 `json:"nextMs"`
	AnswerMs float64 `json:"answerMs"`
	// Ratio is NextMs divided by that of the bare function.
	Ratio float64 `json:"ratio"`
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
	environment   []string
	event         []byte
}

// measureColdStarts measures the start of every function, and of a bare one first.
func (b *bench) measureColdStarts(ctx context.Context) error {
	bare, err := buildBare(ctx, b.Root, b.temp)
	if err != nil {
		return err
	}
	all := []candidate{{name: "bare", program: bare, event: []byte(`{}`)}}
	for _, folder := range b.stack.Functions() {
		program, environment, _ := b.stack.Program(folder)
		event, err := b.event(ctx, folder, 0)
		if err != nil {
			return err
		}
		all = append(all, candidate{name: folder, program: program, environment: b.meteredEnvironment(environment), event: event})
	}
	b.results.Cold, err = coldStarts(ctx, all, b.size.starts)
	return err
}

// coldStarts measures all candidates in turn, round by round; the first is the bare one.
func coldStarts(ctx context.Context, all []candidate, rounds int) ([]Cold, error) {
	next, answer := make([][]float64, len(all)), make([][]float64, len(all))
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
			next[i], answer[i] = append(next[i], s.next), append(answer[i], s.answer)
			found[i].ResidentKB = max(found[i].ResidentKB, s.resident)
		}
	}
	for i, c := range all {
		found[i].Function, found[i].NextMs, found[i].AnswerMs = c.name, median(next[i]), median(answer[i])
		found[i].Ratio = found[i].NextMs / median(next[0])
		var err error
		if found[i].BinaryKB, found[i].ZippedKB, err = programSizes(c.program); err != nil {
			return nil, err
		}
	}
	return found, nil
}

type coldSample struct {
	next, answer float64
	resident     int64
}

func coldStart(ctx context.Context, c candidate) (s coldSample, err error) {
	ctx, cancel := context.WithTimeout(ctx, coldTimeout)
	defer cancel()
	h, err := launch(ctx, c.program, c.environment, c.event)
	if err != nil {
		return s, err
	}
	defer h.close()
	next, err := h.firstRequest(ctx)
	if err != nil {
		return s, err
	}
	answer, err := h.nextAnswer(ctx)
	if err != nil {
		return s, err
	}
	return coldSample{milliseconds(next.Sub(h.began)), milliseconds(answer.Sub(h.began)), residentKB(h.command.Process.Pid)}, nil
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
