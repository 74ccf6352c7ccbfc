package outbound

import (
	"context"
	"slices"
	"testing"

	"example.com/aurora/shared/core/fault"
)

// What somebody must look at is counted, and nothing else is.
func TestMetrics(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *harness)
		want   []string
	}{
		"a call": {func(*harness) {}, nil},
		"an unknown call": {func(b *harness) {
			b.provider.respond = func(int) (bool, error) { return false, fault.New(fault.Timeout, "Lost.") }
		}, []string{"CallUnknown"}},
		"a refused call": {func(b *harness) {
			b.provider.respond = func(int) (bool, error) { return false, fault.New(fault.Invalid, "No.").WithCode("twilio_21211") }
		}, nil},
		"no budget": {func(b *harness) { b.Guards.Limits.SpendPerDay = 1 }, []string{"BudgetExhausted"}},
		"a limit":   {func(b *harness) { b.Guards.Limits.KeyPerDay = 0 }, nil},
	} {
		b := newHarness(t)
		var counted []string
		b.Count = func(_ context.Context, metric string) { counted = append(counted, metric) }
		c.change(b)
		_, _ = b.place(newRequest("k"))
		if !slices.Equal(counted, c.want) {
			t.Errorf("%s: counted %v, want %v", name, counted, c.want)
		}
	}
}
