package emulator

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// lockDataFolder makes sure that one stack at a time uses a data folder. The kernel releases the lock when the process ends,
// also if it is killed.
func lockDataFolder(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer func() { _ = file.Close() }()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock the data folder: %w", err)
		}
		who, _ := io.ReadAll(io.LimitReader(file, 32)) // for the message only
		return nil, fmt.Errorf("another stack uses this data folder (process %s): stop it, or choose another folder with AURORA_DATA", strings.TrimSpace(string(who)))
	}
	if err := file.Truncate(0); err == nil {
		_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0) // for the message only
	}
	return file, nil
}
