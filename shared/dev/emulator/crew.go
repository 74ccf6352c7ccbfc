package emulator

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// taskGroup is the goroutines of a stack. A panic in one is told and ends that one alone.
type taskGroup struct {
	wg     sync.WaitGroup
	printf func(format string, args ...any)
}

// run starts work in a goroutine that wait waits for.
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
