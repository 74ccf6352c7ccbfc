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

// logFile writes a child's output to a file, and prints the lines that an operator should see.
type logFile struct {
	name    string
	path    string
	println func(line string)

	mu   sync.Mutex
	file *os.File
	rest []byte
}

// maxLogBytes is the size above which a log is renamed to <name>.log.1 when a run begins.
const maxLogBytes = 32 << 20

func openLog(dir, name string, show func(string)) (*logFile, error) {
	path := filepath.Join(dir, name+".log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxLogBytes {
		if err := os.Rename(path, path+".1"); err != nil {
			return nil, fmt.Errorf("rename a log: %w", err)
		}
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open a log: %w", err)
	}
	return &logFile{name: name, path: path, println: show, file: file}, nil
}

// Write writes a piece of output.
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
		l.rest = nil // a longer rest is not a line
	}
	return len(p), nil
}

// clipLine shortens a line for the screen. The file has the whole line.
func clipLine(line []byte) string {
	const most = 400
	if len(line) <= most {
		return string(line)
	}
	return text.Clip(string(line), most) + " …"
}

// writePlatformLine logs and prints a message of the emulator, in place of Lambda's own log lines.
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

// isImportant reports whether an operator should see a line: a warning, an error, or text that is not a log line, such as
// the stack of a panic.
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
		return false // such as metrics
	}
	switch strings.ToUpper(*entry.Level) {
	case "WARN", "WARNING", "ERROR", "FATAL":
		return true
	}
	return false
}
