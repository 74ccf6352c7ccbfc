package lambdaapp

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// openAll opens connections on a fake clock, and returns how long that took and what was logged.
func openAll(t *testing.T, connections ...Connection) (took time.Duration, log string) {
	t.Helper()
	var b bytes.Buffer
	before := slog.Default()
	slog.SetDefault(NewLogger(&b, slog.LevelInfo))
	defer slog.SetDefault(before)
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		openConnections(context.Background(), connections, time.Now)
		took = time.Since(began)
	})
	return took, b.String()
}

// openAfter returns a connection that opens after some time, or ends with its context.
func openAfter(d time.Duration, opened *atomic.Int32) Connection {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			opened.Add(1)
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestConnectionsOpenAtTheSameTime(t *testing.T) {
	var opened atomic.Int32
	took, log := openAll(t, openAfter(100*time.Millisecond, &opened), openAfter(60*time.Millisecond, &opened), openAfter(80*time.Millisecond, &opened))
	if took != 100*time.Millisecond || opened.Load() != 3 {
		t.Errorf("%d opened in %v, want 3 in the time of the slowest", opened.Load(), took)
	}
	if strings.Count(log, "\n") != 1 || !strings.Contains(log, `"event":"connections.opened"`) || !strings.Contains(log, `"opened":3,"failed":0,"ms":100`) {
		t.Errorf("log %s, want one line with the numbers", log)
	}
}

// What cannot be opened neither ends the start nor holds it up.
func TestConnectionsThatDoNotOpen(t *testing.T) {
	var opened atomic.Int32
	took, log := openAll(t, openAfter(time.Hour, &opened), openAfter(10*time.Millisecond, &opened),
		func(context.Context) error { return errors.New("sk-proj-abcdefghijklmnop refused") }, func(context.Context) error { panic("boom") })
	if took != openTimeout || opened.Load() != 1 {
		t.Errorf("%d opened in %v, want 1 and the end after %v", opened.Load(), took, openTimeout)
	}
	if strings.Count(log, `"event":"connection.not_opened"`) != 3 || !strings.Contains(log, `"opened":1,"failed":3`) || strings.Contains(log, "abcdefghijklmnop") {
		t.Errorf("log %s, want three failures without the key", log)
	}
}

func TestNoConnections(t *testing.T) {
	if took, log := openAll(t); took != 0 || log != "" {
		t.Errorf("took %v and logged %q, want nothing", took, log)
	}
}
