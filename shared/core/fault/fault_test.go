package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"example.com/aurora/shared/core/fault"
)

func TestMessageAndCauseStayApart(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.1: refused")
	e := fault.New(fault.Upstream, "The model could not be reached.").WithCode("upstream_error").WithParam("model").WithRetryAfter(time.Second).Because(cause)
	if e.Message != "The model could not be reached." {
		t.Errorf("caller's voice = %q", e.Message)
	}
	if got := e.Error(); got != "The model could not be reached.: dial tcp 10.0.0.1: refused" {
		t.Errorf("log's voice = %q", got)
	}
	if !errors.Is(e, cause) || e.Code != "upstream_error" || e.Param != "model" || e.RetryAfter != time.Second {
		t.Errorf("lost something: %+v", e)
	}
}

func TestBuildersReturnCopies(t *testing.T) {
	base := fault.New(fault.NotFound, "No such assistant.")
	_ = base.WithCode("x").WithParam("y").WithRetryAfter(time.Hour).Because(errors.New("z"))
	if base.Code != "" || base.Param != "" || base.RetryAfter != 0 || base.Unwrap() != nil {
		t.Errorf("a shared error was changed: %+v", base)
	}
}

func TestFrom(t *testing.T) {
	wrapped := fmt.Errorf("read: %w", fault.New(fault.Conflict, "Taken."))
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
	}{
		"a fault":            {wrapped, fault.Conflict},
		"a stranger":         {errors.New("boom"), fault.Internal},
		"a passed deadline":  {fmt.Errorf("get: %w", context.DeadlineExceeded), fault.Timeout},
		"a fault's own kind": {fault.New(fault.Timeout, "Late."), fault.Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.From(c.err).Kind; got != c.kind {
				t.Errorf("kind = %v, want %v", got, c.kind)
			}
		})
	}
	if fault.From(nil) != nil {
		t.Error("From(nil) is not nil")
	}
	if !fault.Is(wrapped, fault.Conflict) || fault.Is(wrapped, fault.Invalid) || fault.Is(nil, fault.Internal) {
		t.Error("Is is wrong")
	}
}
