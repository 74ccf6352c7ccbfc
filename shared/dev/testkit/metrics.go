package testkit

import (
	"context"
	"slices"
	"sync"

	"example.com/aurora/shared/core/metric"
)

// Metrics holds what package metric recorded. It is safe for concurrent use.
type Metrics struct {
	mu      sync.Mutex
	samples []metric.Sample
}

// RecordMetrics returns a context in which package metric records, and what it records.
func RecordMetrics(ctx context.Context) (context.Context, *Metrics) {
	m := &Metrics{}
	return metric.WithRecorder(ctx, func(_ context.Context, s metric.Sample) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.samples = append(m.samples, s)
	}), m
}

// All returns the recorded samples, in order, as the name and the value of the second dimension: "FallbackSpoken upstream_error".
func (m *Metrics) All() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []string
	for _, s := range m.samples {
		all = append(all, s.Name+" "+s.DimensionValue)
	}
	return slices.Clip(all)
}
