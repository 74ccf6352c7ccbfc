package emulator

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// crew is the goroutines of a stack. A panic in one is told and ends that one alone.
type crew struct {
	wg   sync.WaitGroup
	tell func(format string, args ...any)
}

// run starts work in a goroutine that wait waits for.
func (c *crew) run(what string, work func()) {
	c.wg.Add(1)
	go func() {
		defer c.wg.Done()
		defer func() {
			if cause := recover(); cause != nil {
				c.tell("%s panicked: %s\n%s", what, fmt.Sprint(cause), debug.Stack())
			}
		}()
		work()
	}()
}

func (c *crew) wait() { c.wg.Wait() }
