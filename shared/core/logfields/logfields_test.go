package logfields_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"example.com/aurora/shared/core/logfields"
)

func TestSet(t *testing.T) {
	outer := logfields.New(t.Context())
	type key struct{}
	inner := context.WithValue(outer, key{}, 1) // as code makes that is called with outer
	logfields.Set(inner, logfields.CallID, "c-1", logfields.AssistantID, "")
	logfields.Set(inner, logfields.AssistantID, "riley", logfields.CallID, "c-2")
	if got, want := logfields.Attrs(outer), []slog.Attr{slog.String("callId", "c-2"), slog.String("assistantId", "riley")}; !equal(got, want) {
		t.Errorf("the fields are %v, want %v", got, want)
	}
	message := logfields.New(outer)
	logfields.Set(message, logfields.CallID, "c-3")
	if got := logfields.Attrs(outer)[0].Value.String(); got != "c-2" {
		t.Errorf("a field of one message is set in another: %s", got)
	}
	if got := logfields.Attrs(message); !equal(got, []slog.Attr{slog.String("callId", "c-3"), slog.String("assistantId", "riley")}) {
		t.Errorf("a message has the fields %v, want those of its batch and its own", got)
	}
}

func TestSetLimitsValues(t *testing.T) {
	ctx := logfields.New(t.Context())
	logfields.Set(ctx, logfields.CallID, strings.Repeat("é", 1<<20))
	if n := len(logfields.Attrs(ctx)[0].Value.String()); n > 1024 {
		t.Errorf("a value has %d bytes", n)
	}
}

func TestSetWithoutFields(t *testing.T) {
	logfields.Set(t.Context(), logfields.CallID, "c-1")
	if got := logfields.Attrs(t.Context()); got != nil {
		t.Errorf("a context that is not of New has %v", got)
	}
}

func TestSetFromManyGoroutines(t *testing.T) {
	ctx := logfields.New(t.Context())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			logfields.Set(ctx, logfields.CallID, "c-1")
			logfields.Attrs(ctx)
		})
	}
	all.Wait()
	if got := logfields.Attrs(ctx); len(got) != 1 {
		t.Errorf("the fields are %v, want one", got)
	}
}

func equal(a, b []slog.Attr) bool { return slices.EqualFunc(a, b, slog.Attr.Equal) }
