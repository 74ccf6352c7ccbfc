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

// stopGrace is how long a child that was asked to end may take: as long as Lambda gives a runtime.
const stopGrace = 500 * time.Millisecond

// launcher starts every child from one thread: Linux sends the parent-death signal when the starting thread ends,
// and Go may end any other.
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

// start starts a command. Its output goes to out.
func (l *launcher) start(path string, arguments, environment []string, dir string, out io.Writer, in io.Reader) (*child, error) {
	cmd := exec.Command(path, arguments...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr, cmd.Stdin = environment, dir, out, out, in
	cmd.SysProcAttr = childAttributes()
	cmd.WaitDelay = stopGrace // a grandchild that keeps the pipes open must not keep us
	done := make(chan error, 1)
	select {
	case l.jobs <- func() { done <- cmd.Start() }:
	case <-l.quit:
		return nil, errStopping
	}
	if err := <-done; err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
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
	exited chan struct{} // closed once it has ended
	err    error         // how it ended; read it only after gone
	once   sync.Once
}

// kill ends the child and whatever it started, at once.
func (c *child) kill() { c.signal(syscall.SIGKILL) }

func (c *child) signal(s syscall.Signal) {
	select {
	case <-c.exited: // its number may be another's by now
	default:
		_ = syscall.Kill(-c.cmd.Process.Pid, s) // it may have ended meanwhile
	}
}

// stop asks the child to end, and insists after the grace.
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

// exitReason says how the child ended, once it has.
func (c *child) exitReason() string {
	if c.err == nil {
		return "exit status 0"
	}
	return c.err.Error()
}
