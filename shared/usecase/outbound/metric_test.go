package outbound

import (
	"context"
	"slices"
	"testing"

	"example.com/aurora/shared/core/fault"
)

// What somebody must look at is counted, and nothing else is.
func TestWhatOperatorsAreToldOf(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *bench)
		want   []string
	}{
		"a call": {func(*bench) {}, nil},
		"an unknown call": {func(b *bench) {
			b.phone.say = func(int) (bool, error) { return false, fault.New(fault.Timeout, "Lost.") }
		}, []string{"CallUnknown"}},
		"a refused call": {func(b *bench) {
			b.phone.say = func(int) (bool, error) { return false, fault.New(fault.Invalid, "No.").Coded("twilio_21211") }
		}, nil},
		"no budget": {func(b *bench) { b.Guards.Limits.SpendPerDay = 1 }, []string{"BudgetExhausted"}},
		"a limit":   {func(b *bench) { b.Guards.Limits.KeyPerDay = 0 }, nil},
	} {
		b := newBench(t)
		var counted []string
		b.Count = func(_ context.Context, metric string) { counted = append(counted, metric) }
		c.change(b)
		_, _ = b.place(request("k"))
		if !slices.Equal(counted, c.want) {
			t.Errorf("%s: counted %v, want %v", name, counted, c.want)
		}
	}
}
