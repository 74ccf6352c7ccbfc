package metric_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
)

// recorded returns what a function records, as "name code value".
func recorded(f func(context.Context)) string {
	got := ""
	f(metric.WithRecorder(context.Background(), func(_ context.Context, s metric.Sample) {
		got += fmt.Sprintf("%s %s=%s %d %s %v", s.Name, s.Dimension, s.DimensionValue, s.Value, s.Unit, s.AlsoWithout)
	}))
	return got
}

func TestCountAnswer(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"a store that does not answer", fault.New(fault.Unavailable, "x").WithCode("store_unavailable"), "RequestFailed Code=store_unavailable 1 Count true"},
		{"an error of no known kind", errors.New("x"), "RequestFailed Code=internal_error 1 Count true"},
		{"a deadline", fmt.Errorf("read: %w", context.DeadlineExceeded), "RequestFailed Code=timeout 1 Count true"},
		{"a failure without a code", fault.New(fault.Upstream, "x"), "RequestFailed Code=upstream 1 Count true"},
		{"one of Twilio's many codes", fault.New(fault.Upstream, "x").WithCode("twilio_21215"), "RequestFailed Code=telephone_error 1 Count true"},
		{"a limit", fault.New(fault.RateLimited, "x").WithCode("key_limit"), "LimitReached Code=key_limit 1 Count true"},
		{"a wrong key", fault.New(fault.Unauthorized, "x").WithCode("invalid_api_key"), "AuthenticationFailed Code=invalid_api_key 1 Count true"},
		{"the caller's mistake", fault.New(fault.Invalid, "x"), ""},
		{"no such thing", fault.New(fault.NotFound, "x"), ""},
		{"a key that does not allow this", fault.New(fault.Forbidden, "x"), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := recorded(func(ctx context.Context) { metric.CountAnswer(ctx, c.err) }); got != c.want {
				t.Errorf("recorded %q, want %q", got, c.want)
			}
		})
	}
}

func TestCodesOfServersOutsideAreNoDimensions(t *testing.T) {
	rejected := fault.New(fault.Invalid, "x").WithCode("code_that_the_model_server_chose")
	want := "FallbackSpoken Code=invalid 1 Count true"
	if got := recorded(func(ctx context.Context) { metric.CountFailure(ctx, "FallbackSpoken", rejected) }); got != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestCountFault(t *testing.T) {
	failed := fault.New(fault.Timeout, "x").WithCode("tool_timeout")
	if got, want := recorded(func(ctx context.Context) { metric.CountFault(ctx, "ToolFailed", failed) }), "ToolFailed Code=tool_timeout 1 Count true"; got != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
	if got := recorded(func(ctx context.Context) { metric.CountFault(ctx, "ToolFailed", fault.New(fault.Invalid, "x")) }); got != "" {
		t.Errorf("recorded %q for arguments that are wrong, want nothing", got)
	}
}

func TestMeasureFirstWord(t *testing.T) {
	want := "FirstWord Channel=voice 812 Milliseconds false"
	if got := recorded(func(ctx context.Context) { metric.MeasureFirstWord(ctx, "voice", 812*time.Millisecond) }); got != want {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

func TestMeasureTimeAndAddCount(t *testing.T) {
	for want, do := range map[string]func(context.Context){
		"PhoneFirstWords = 812 Milliseconds false": func(ctx context.Context) { metric.MeasureTime(ctx, "PhoneFirstWords", 812*time.Millisecond) },
		"PhoneFirstWords = 0 Milliseconds false":   func(ctx context.Context) { metric.MeasureTime(ctx, "PhoneFirstWords", -time.Second) },
		"PhoneDropped = 3 Count false":             func(ctx context.Context) { metric.AddCount(ctx, "PhoneDropped", 3) },
		"":                                         func(ctx context.Context) { metric.AddCount(ctx, "PhoneDropped", 0) },
	} {
		if got := recorded(do); got != want {
			t.Errorf("recorded %q, want %q", got, want)
		}
	}
}

func TestWithoutRecorder(t *testing.T) {
	metric.CountAnswer(context.Background(), errors.New("x")) // must not panic
}
