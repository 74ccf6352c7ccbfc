// Package tracewiring builds the writer of the records of turns and messages from a function's settings.
package tracewiring

import (
	"errors"
	"strconv"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/trace"
	"example.com/aurora/shared/transport/lambdaapp"
)

// ReadWriter reads the settings of the writer and returns it.
func ReadWriter(s *lambdaapp.Settings) *trace.Writer {
	retention := time.Duration(s.PositiveInt("TRACE_RETENTION_DAYS", 30)) * 24 * time.Hour
	sample, err := strconv.Atoi(s.Optional("TRACE_SAMPLE", "100"))
	if err != nil || sample < 0 || sample > 100 {
		s.Reject("TRACE_SAMPLE", errors.New("must be a whole number from 0 to 100"))
	}
	return &trace.Writer{Store: dynamo.NewTraces(lambdaapp.AWSConfig, s.Required("TRACES_TABLE"), retention), Sample: sample}
}
