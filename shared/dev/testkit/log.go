package testkit

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"testing"

	"go.uber.org/goleak"

	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/dev/golden"
)

// Log holds what the default logger wrote. Goroutines may log while a test reads it.
type Log struct{ Buffer }

// CaptureLog replaces the default logger until the test ends. The returned Log gets its lines, of every level, as JSON
// objects. The default logger belongs to the whole process, so tests that use CaptureLog must not run in parallel.
func CaptureLog(t testing.TB) *Log {
	t.Helper()
	return CaptureLogOf(t, func(w io.Writer) *slog.Logger {
		return slog.New(logfields.NewHandler(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})))
	})
}

// CaptureLogOf is CaptureLog with a logger that newLogger makes.
func CaptureLogOf(t testing.TB, newLogger func(io.Writer) *slog.Logger) *Log {
	t.Helper()
	l := &Log{}
	setLogger(t, newLogger(l))
	return l
}

// DiscardLog drops what the default logger gets until the test ends. Tests that use it must not run in parallel.
func DiscardLog(t testing.TB) {
	t.Helper()
	setLogger(t, slog.New(slog.DiscardHandler))
}

func setLogger(t testing.TB, logger *slog.Logger) {
	before := slog.Default()
	slog.SetDefault(logger)
	t.Cleanup(func() { slog.SetDefault(before) })
}

// Lines returns the logged JSON objects in order. It panics if a line is not JSON.
func (l *Log) Lines() []map[string]any {
	var lines []map[string]any
	for _, line := range bytes.Split(bytes.TrimSpace([]byte(l.String())), []byte("\n")) {
		if len(line) == 0 {
			continue
		}
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			panic("a log line is not JSON: " + string(line))
		}
		lines = append(lines, fields)
	}
	return lines
}

// Main runs a package's tests with the log discarded, and fails if a goroutine outlives them. Call it from TestMain.
func Main(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(golden.Main(m))
}
