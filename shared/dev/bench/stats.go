package bench

import (
	"slices"
	"time"
)

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median returns the median, or 0 for an empty list.
func median(of []float64) float64 { return percentile(of, 50) }

// percentile returns the nearest-rank percentile, or 0 for an empty list.
func percentile(of []float64, percent int) float64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)*percent+99)/100-1]
}
