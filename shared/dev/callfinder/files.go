package callfinder

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Files are the log files of the stack of `make run`.
type Files struct{ Dir string }

// maxLine limits a line of a file, in bytes.
const maxLine = 4 << 20

// Lines returns the lines of all files that contain one of the texts.
func (f Files) Lines(_ context.Context, texts []string) (found []Line, err error) {
	var paths []string
	for _, pattern := range []string{"*.log.1", "*.log"} {
		some, err := filepath.Glob(filepath.Join(f.Dir, pattern))
		if err != nil {
			return nil, err
		}
		paths = append(paths, some...)
	}
	for _, path := range paths {
		lines, err := linesOf(path, texts)
		if err != nil {
			return nil, err
		}
		found = append(found, lines...)
	}
	return found, nil
}

// linesOf returns the lines of one file that contain one of the texts. A message of the platform has no time: it gets that of the
// line before.
func linesOf(path string, texts []string) (found []Line, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	source, _, _ := strings.Cut(filepath.Base(path), ".log")
	var last time.Time
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		raw := lines.Text()
		l, ok := ParseLine(source, raw, last)
		if !ok {
			continue
		}
		last = l.Time
		if slices.ContainsFunc(texts, func(s string) bool { return strings.Contains(raw, s) }) {
			found = append(found, l)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return found, nil
}
