package lambdaapp

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
	_ "time/tzdata" // provided.al2023 has no time zone files, and assistants have time zones

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"

	"example.com/aurora/shared/core/metric"
)

// Start serves requests with a handler, which is of the form that lambda.Start accepts. It returns only when Lambda ends the
// process. If settings are wrong it logs all of them and exits at once; Lambda shows that as a failed init. Before it asks
// for the first event it opens the connections.
func Start(s *Settings, handler any, connections ...Connection) {
	ctx := context.Background()
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(s.Optional("LOG_LEVEL", "info"))); err != nil {
		s.problems = append(s.problems, "LOG_LEVEL must be debug, info, warn or error")
	}
	slog.SetDefault(NewLogger(os.Stdout, level))
	if err := s.Err(); err != nil {
		slog.ErrorContext(ctx, "function not started", "event", "function.start_failed", "error", err)
		os.Exit(1)
	}
	for _, warning := range s.warnings {
		slog.WarnContext(ctx, warning, "event", "settings.warned")
	}
	openConnections(ctx, connections, time.Now)
	lambda.StartWithOptions(handler, lambda.WithContext(metric.WithRecorder(ctx, defaultMetrics().Record)), lambda.WithEnableSIGTERM(func() { slog.InfoContext(ctx, "function stopped", "event", "function.stopped") }))
}

// AWSConfig returns the configuration of all AWS clients. It is loaded on first use.
var AWSConfig = sync.OnceValues(func() (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithLogger(sdkLogger{}), config.WithRetryer(func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 3
			o.MaxBackoff = 150 * time.Millisecond
		})
	}))
	if err != nil {
		return cfg, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return cfg, nil
})
