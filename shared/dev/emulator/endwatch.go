package emulator

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

// markEnded waits for the end of its input, which is the end of the stack however it comes. Then it writes ready: false into $1, if
// that file still belongs to the process $2.
const markEnded = `cat >/dev/null
grep -q "\"pid\": $2,"'$' "$1" || exit 0
sed 's/"ready": true/"ready": false/' "$1" >"$1.ended" && chmod 600 "$1.ended" && mv "$1.ended" "$1"`

// watchEnd starts a shell that outlives this process by a moment. A process that is killed cannot write any more that it has
// ended, and programs that read run.json would wait for it.
func (s *Stack) watchEnd() error {
	path, err := filepath.Abs(filepath.Join(s.options.Data, InfoFile))
	if err != nil {
		return err
	}
	life, end, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd := exec.Command("/bin/sh", "-c", markEnded, "sh", path, strconv.Itoa(os.Getpid()))
	cmd.Stdin = life
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C and a kill of the whole process group do not reach it
	err = cmd.Start()
	_ = life.Close()
	if err != nil {
		_ = end.Close()
		return fmt.Errorf("start a shell: %w", err)
	}
	s.onStop(func(context.Context) error {
		_ = end.Close()
		return cmd.Wait()
	})
	return nil
}
