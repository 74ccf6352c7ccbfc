package emulator

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// taskGroup runs the goroutines of a stack. A panic ends its own goroutine only, and is reported through printf.
type taskGroup struct {
	wg     sync.WaitGroup
	printf func(format string, args ...any)
}

// run calls work in a new goroutine. what names it in the report of a panic. wait waits for its end.
func (c *taskGroup) run(what string, work func()) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		defer func() {
			if cause := recover(); cause != nil {
				c.printf("%s panicked: %s\n%s", what, fmt.Sprint(cause), debug.Stack())
			}
		}()
		work()
	}()
}

func (c *taskGroup) wait() { c.wg.Wait() }
