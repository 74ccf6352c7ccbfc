package lambdaapp

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/metric"
)

// Namespace is the CloudWatch namespace of the metrics. Their first dimension is Stage.
const Namespace = "Aurora"

// Metrics writes the metrics that alarms watch. Use NewMetrics.
type Metrics struct {
	mu       sync.Mutex
	out      io.Writer
	stage    string
	function string
	now      func() time.Time
}

// NewMetrics returns metrics that are written to out in the embedded metric format.
func NewMetrics(out io.Writer, stage, function string, now func() time.Time) *Metrics {
	return &Metrics{out: out, stage: stage, function: function, now: now}
}

// Count adds 1 to a metric whose dimension is the stage.
func (m *Metrics) Count(ctx context.Context, name string) {
	m.write(ctx, metric.Sample{Name: name, Unit: metric.Count, Value: 1}, [][]string{{"Stage"}})
}

// Record writes a sample. It is a metric.Recorder.
func (m *Metrics) Record(ctx context.Context, s metric.Sample) {
	var dimensions [][]string
	if s.Dimension != "" {
		dimensions = append(dimensions, []string{"Stage", s.Dimension})
	}
	if s.Dimension == "" || s.AlsoWithout {
		dimensions = append(dimensions, []string{"Stage"})
	}
	m.write(ctx, s, dimensions)
}

func (m *Metrics) write(ctx context.Context, s metric.Sample, dimensions [][]string) {
	line := map[string]any{
		"_aws": map[string]any{
			"Timestamp": m.now().UnixMilli(),
			"CloudWatchMetrics": []any{map[string]any{
				"Namespace":  Namespace,
				"Dimensions": dimensions,
				"Metrics":    []any{map[string]string{"Name": s.Name, "Unit": string(s.Unit)}},
			}},
		},
		"Stage": m.stage, "function": m.function, s.Name: s.Value,
	}
	if s.Dimension != "" {
		line[s.Dimension] = s.DimensionValue
	}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		line["requestId"] = lc.AwsRequestID
	}
	b, _ := json.Marshal(line) // strings and numbers only: cannot fail
	m.mu.Lock()
	defer m.mu.Unlock()
	_, _ = m.out.Write(append(b, '\n'))
}

var defaultMetrics = sync.OnceValue(func() *Metrics {
	return NewMetrics(os.Stdout, os.Getenv("STAGE"), os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), time.Now)
})

// Count adds 1 to a metric of this process's function.
func Count(ctx context.Context, name string) { defaultMetrics().Count(ctx, name) }
