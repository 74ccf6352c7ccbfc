package retryafter_test

import (
	"testing"
	"time"

	"example.com/aurora/shared/core/retryafter"
)

func TestParse(t *testing.T) {
	now := time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC)
	for header, want := range map[string]struct {
		wait      time.Duration
		inSeconds bool
		ok        bool
	}{
		"0":                                 {0, true, true},
		" 30 ":                              {30 * time.Second, true, true},
		"2147483647":                        {retryafter.Max, true, true},
		"Wed, 25 Nov 2026 09:02:00 GMT":     {2 * time.Minute, false, true},
		"Wednesday, 25-Nov-26 09:02:00 GMT": {2 * time.Minute, false, true},
		"Wed, 25 Nov 2026 08:00:00 GMT":     {time.Second, false, true},
		"Fri, 25 Dec 2026 09:00:00 GMT":     {retryafter.Max, false, true},
		"":                                  {},
		"-1":                                {},
		"1.5":                               {},
		"99999999999999999999":              {},
		"soon":                              {},
	} {
		wait, inSeconds, ok := retryafter.Parse(header, now)
		if wait != want.wait || inSeconds != want.inSeconds || ok != want.ok {
			t.Errorf("%q: %s, %t, %t; want %s, %t, %t", header, wait, inSeconds, ok, want.wait, want.inSeconds, want.ok)
		}
	}
}
