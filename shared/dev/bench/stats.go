package bench

import (
	"slices"
	"time"
)

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median is the middle one; 0 of none.
func median(of []float64) float64 { return percentile(of, 50) }

// percentile is the nearest-rank percentile; 0 of none.
func percentile(of []float64, percent int) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)*percent+99)/100-1]
}
