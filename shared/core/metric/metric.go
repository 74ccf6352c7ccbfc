// Package metric counts failures where an error becomes an answer, and measures the time to the first word.
//
// # Decisions
//
// Many failures are answered politely: a caller on the phone hears the fallback message, and a voice provider gets 200 with a
// sentence to speak. Neither Lambda nor API Gateway counts those. The functions of this package are called by the few places
// that turn an error into an answer, so that a new route is counted without code of its own.
//
// The recorder is in the context. Package lambdaapp puts it there for every function, so that no wiring can leave it out.
//
// Each failure is counted twice: for the stage, which alarms watch, and for the stage and the code of the error. CloudWatch
// bills each combination in use as a metric, so a code that a server outside has chosen never becomes one (see codeOf).
package metric

import (
	"cmp"
	"context"
	"strings"
	"time"

	"example.com/aurora/shared/core/fault"
)

// Unit is a unit of CloudWatch.
type Unit string

// The units.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
)

// Sample is one value of a metric. Its dimensions are the stage and another one, if it has that.
type Sample struct {
	Name                      string
	Unit                      Unit
	Value                     int64
	Dimension, DimensionValue string
	// AlsoWithout says that the value counts for the stage alone, too.
	AlsoWithout bool
}

// Recorder writes a sample. It must be safe for concurrent use.
type Recorder func(ctx context.Context, s Sample)

type recorderKey struct{}

// WithRecorder returns a context in which the functions of this package record. Without a recorder they do nothing.
func WithRecorder(ctx context.Context, r Recorder) context.Context {
	return context.WithValue(ctx, recorderKey{}, r)
}

func record(ctx context.Context, s Sample) {
	if r, ok := ctx.Value(recorderKey{}).(Recorder); ok {
		r(ctx, s)
	}
}

// CountFailure adds 1 to the metric of a failure that is answered in some other way than by a status of its own.
func CountFailure(ctx context.Context, name string, err error) {
	record(ctx, Sample{Name: name, Unit: Count, Value: 1, Dimension: "Code", DimensionValue: codeOf(err), AlsoWithout: true})
}

// CountAnswer counts an error that is answered with its status, or that ends a stream. Errors that are the caller's to correct
// are not counted, except rejected keys and limits.
func CountAnswer(ctx context.Context, err error) {
	switch kind := fault.From(err).Kind; {
	case kind == fault.Unauthorized:
		CountFailure(ctx, "AuthenticationFailed", err)
	case kind == fault.RateLimited:
		CountFailure(ctx, "LimitReached", err)
	case isOurs(kind):
		CountFailure(ctx, "RequestFailed", err)
	}
}

// CountFault is CountFailure for an error of a server, a store or this service. It counts nothing for a rule, a limit, and what the
// caller or the model can correct.
func CountFault(ctx context.Context, name string, err error) {
	if isOurs(fault.From(err).Kind) {
		CountFailure(ctx, name, err)
	}
}

const metricFirstWord = "FirstWord"

// MeasureFirstWord records how long a turn took to its first word.
func MeasureFirstWord(ctx context.Context, channel string, d time.Duration) {
	record(ctx, Sample{Name: metricFirstWord, Unit: Milliseconds, Value: d.Milliseconds(), Dimension: "Channel", DimensionValue: channel})
}

// MeasureTime records how long something took. A clock that is behind another one gives 0.
func MeasureTime(ctx context.Context, name string, d time.Duration) {
	record(ctx, Sample{Name: name, Unit: Milliseconds, Value: max(0, d.Milliseconds())})
}

// AddCount adds a number to a metric.
func AddCount(ctx context.Context, name string, n int) {
	if n > 0 {
		record(ctx, Sample{Name: name, Unit: Count, Value: int64(n)})
	}
}

// isOurs reports whether the caller cannot correct a failure.
func isOurs(kind fault.Kind) bool {
	switch kind {
	case fault.Internal, fault.Upstream, fault.Unavailable, fault.Timeout:
		return true
	}
	return false
}

// codeOf returns the code of an error as a dimension. Model servers choose the codes of requests that they reject, which are
// fault.Invalid, and Twilio has thousands of codes: those become one code each.
func codeOf(err error) string {
	f := fault.From(err)
	kind := strings.ReplaceAll(f.Kind.String(), " ", "_")
	switch {
	case f.Kind == fault.Invalid:
		return kind
	case strings.HasPrefix(f.Code, "twilio_"):
		return "telephone_error"
	}
	return cmp.Or(f.Code, kind)
}
