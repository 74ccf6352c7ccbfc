package aurora_test

import (
	"encoding/json"
	"testing"

	"example.com/aurora/shared/core/aurora"
)

func TestUSD(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]aurora.MicroUSD{"50": 50_000_000, "0.10": 100_000, "0.1": 100_000, "0": 0, "0.000001": 1, "1.5": 1_500_000, "999999999": 999_999_999_000_000} {
		if got, err := aurora.ParseUSD(in); got != want || err != nil {
			t.Errorf("%q: %d, %v; want %d", in, got, err, want)
		}
	}
	for amount, want := range map[aurora.MicroUSD]string{0: "0", 1: "0.000001", 100_000: "0.1", 50_000_000: "50", 1_500_000: "1.5", 999_999_999_999_999: "999999999.999999"} {
		if got, err := json.Marshal(amount); string(got) != want || err != nil {
			t.Errorf("%d: %s, %v; want %s", amount, got, err, want)
		}
		if got, err := aurora.ParseUSD(want); got != amount || err != nil {
			t.Errorf("%s: %d, %v; want %d", want, got, err, amount)
		}
	}
	for _, bad := range []string{"", "-1", "1e3", ".5", "1.", "$1", "1,5", "0.0000001", "1000000000", "NaN", " 1"} {
		if _, err := aurora.ParseUSD(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
