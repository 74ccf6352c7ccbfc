package emulator

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// stopGrace is the time between SIGTERM and SIGKILL, as in Lambda.
const stopGrace = 500 * time.Millisecond

// launcher starts every child from one thread that lives as long as the stack. Linux sends a child its parent-death signal
// when the thread that started it ends, and Go may end any other thread.
type launcher struct {
	jobs  chan func()
	quit  chan struct{}
	tasks *taskGroup
}

func newLauncher(c *taskGroup) *launcher {
	l := &launcher{jobs: make(chan func()), quit: make(chan struct{}), tasks: c}
	c.run("launcher", func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for {
			select {
			case job := <-l.jobs:
				job()
			case <-l.quit:
				return
			}
		}
	})
	return l
}

var errStopping = errors.New("the stack is stopping")

// start starts a command. It writes the command's output to out.
func (l *launcher) start(path string, arguments, environment []string, dir string, out io.Writer, in io.Reader) (*child, error) {
	cmd := exec.Command(path, arguments...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Stdin = environment, dir, out, out, in
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = stopGrace // do not wait for a grandchild that holds the pipes open
	done := make(chan error, 1)
	select {
	case l.jobs <- func() { done <- cmd.Start() }:
	case <-l.quit:
		return nil, errStopping
	}
	if err := <-done; err != nil {
		return nil, fmt.Errorf("start %s: %w", path, err)
	}
	c := &child{cmd: cmd, exited: make(chan struct{})}
	l.tasks.run("waiting for "+path, func() {
		c.err = cmd.Wait()
		close(c.exited)
	})
	return c, nil
}

// child is a running process.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed when it has ended
	err    error         // how it ended; valid once exited is closed
	once   sync.Once
}

// kill kills the child and the processes that it started.
func (c *child) kill() { c.signal(syscall.SIGKILL) }

func (c *child) signal(s syscall.Signal) {
	select {
	case <-c.exited: // the process id may belong to another process by now
	default:
		_ = syscall.Kill(-c.cmd.Process.Pid, s) // it may have ended in the meantime
	}
}

// stop sends SIGTERM, and SIGKILL after stopGrace.
func (c *child) stop() {
	c.once.Do(func() {
		c.signal(syscall.SIGTERM)
		timer := time.NewTimer(stopGrace)
		defer timer.Stop()
		select {
		case <-c.exited:
		case <-timer.C:
			c.kill()
			<-c.exited
		}
	})
}

// exitReason describes how the child ended. Call it only after exited is closed.
func (c *child) exitReason() string {
	if c.err == nil {
		return "exit status 0"
	}
	return c.err.Error()
}
