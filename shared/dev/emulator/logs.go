package emulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"example.com/aurora/shared/core/text"
)

// logFile keeps what a child writes, line by line, and shows an operator the lines that matter.
type logFile struct {
	name    string
	path    string
	println func(line string)

	mu   sync.Mutex
	file *os.File
	rest []byte
}

// maxLogBytes is how large a log may be when a run begins; a larger one is put aside as <name>.log.1.
const maxLogBytes = 32 << 20

func openLog(dir, name string, show func(string)) (*logFile, error) {
	path := filepath.Join(dir, name+".log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogBytes {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("putting a log aside: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	return &logFile{name: name, path: path, println: show, file: file}, nil
}

// Write takes a piece of output.
func (l *logFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_, _ = l.file.Write(p) // a full disk must not stop the function
	}
	l.rest = append(l.rest, p...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			break
		}
		if isImportant(line) {
			l.println(l.name + ": " + clipLine(line))
		}
		l.rest = rest
	}
	if len(l.rest) > 1<<20 {
		l.rest = nil // no line is that long
	}
	return len(p), nil
}

// clipLine shortens a line for the screen; the file has all of it.
func clipLine(line []byte) string {
	const most = 400
	if len(line) <= most {
		return string(line)
	}
	return text.Clip(string(line), most) + " …"
}

// writePlatformLine keeps and shows what Lambda itself would log.
func (l *logFile) writePlatformLine(id, message string) {
	_, _ = io.WriteString(l, "platform "+id+" "+message+"\n")
}

// Close closes the file.
func (l *logFile) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}

// isImportant says whether an operator wants to see a line: a warning, an error, or what is no log line at all, such as
// a panic's trace.
func isImportant(line []byte) bool {
	if len(bytes.TrimSpace(line)) == 0 {
		return false
	}
	var entry struct {
		Level *string `json:"level"`
	}
	if json.Unmarshal(line, &entry) != nil {
		return true
	}
	if entry.Level == nil {
		return false // metrics and the like
	}
	switch strings.ToUpper(*entry.Level) {
	case "WARN", "WARNING", "ERROR", "FATAL":
		return true
	}
	return false
}
