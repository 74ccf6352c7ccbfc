package lambdaapp

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
	_ "time/tzdata" // provided.al2023 has no zone files, and every assistant has a zone

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Start serves a Lambda with a handler, as lambda.Start takes it, until the service ends it. Where settings are wrong
// it says all of it and ends the process at once, which Lambda shows as a failed init.
func Start(s *Settings, handler any) {
	level := slog.LevelInfo
	if err := level.UnmarshalText([]byte(s.Optional("LOG_LEVEL", "info"))); err != nil {
		s.problems = append(s.problems, "LOG_LEVEL must be debug, info, warn or error")
	}
	slog.SetDefault(NewLogger(os.Stdout, level))
	if err := s.Err(); err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
	for _, warning := range s.warnings {
		slog.Warn(warning)
	}
	lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() { slog.Info("shutting down") }))
}

// AWSConfig is the configuration that every client is made from, loaded on first use.
var AWSConfig = sync.OnceValues(func() (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRetryer(func() aws.Retryer {
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
