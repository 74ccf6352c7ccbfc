package faketwilio

import (
	"context"
	"sync"

	"example.com/aurora/shared/dev/fakerelay"
)

// maxEvents bounds the events of one call that are stored.
const maxEvents = 10_000

// eventLog stores the events of one call for those who follow it.
type eventLog struct {
	mu      sync.Mutex
	list    []fakerelay.Event
	changed chan struct{} // closed at the next event
}

func newEventLog() *eventLog { return &eventLog{changed: make(chan struct{})} }

// done is the type of the last event, after the last request about the call.
const done = "done"

// add adds an event. Above the limit all but the last are dropped.
func (l *eventLog) add(e fakerelay.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.list) >= maxEvents && e.Type != done {
		return
	}
	l.list = append(l.list, e)
	close(l.changed)
	l.changed = make(chan struct{})
}

// next returns the events from a number on, and waits for one if there is none yet. It returns none when ctx ends.
func (l *eventLog) next(ctx context.Context, from int) []fakerelay.Event {
	for {
		l.mu.Lock()
		list, changed := l.list[min(from, len(l.list)):], l.changed
		l.mu.Unlock()
		if len(list) > 0 {
			return list
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}
