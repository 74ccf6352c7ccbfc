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
		t.Errorf("message = %q, want it without the cause", e.Message)
	}
	if got, want := e.Error(), "The model could not be reached.: dial tcp 10.0.0.1: refused"; got != want {
		t.Errorf("text for the log = %q, want %q", got, want)
	}
	if !errors.Is(e, cause) {
		t.Error("the cause is lost")
	}
	if e.Code != "upstream_error" || e.Param != "model" || e.RetryAfter != time.Second {
		t.Errorf("code %q, param %q, retry after %v; want upstream_error, model and 1s", e.Code, e.Param, e.RetryAfter)
	}
}

func TestBuildersReturnCopies(t *testing.T) {
	base := fault.New(fault.NotFound, "No such assistant.")
	_ = base.WithCode("x").WithParam("y").WithRetryAfter(time.Hour).Because(errors.New("z"))
	if base.Code != "" || base.Param != "" || base.RetryAfter != 0 || base.Unwrap() != nil {
		t.Errorf("the original was changed: %+v", base)
	}
}

func TestFrom(t *testing.T) {
	wrapped := fmt.Errorf("read: %w", fault.New(fault.Conflict, "Taken."))
	for name, c := range map[string]struct {
		err  error
		kind fault.Kind
	}{
		"a fault":            {wrapped, fault.Conflict},
		"any other error":    {errors.New("boom"), fault.Internal},
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
	if !fault.Is(wrapped, fault.Conflict) {
		t.Error("Is does not see the kind of a wrapped fault")
	}
	if fault.Is(wrapped, fault.Invalid) || fault.Is(nil, fault.Internal) {
		t.Error("Is reports a kind that the error does not have")
	}
}
