package lambdaapp

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/smithy-go/logging"
)

// sdkLogger writes the lines of the AWS SDK as lines of the log, in JSON and without secrets.
type sdkLogger struct{ ctx context.Context }

// Logf writes one line.
func (l sdkLogger) Logf(kind logging.Classification, format string, values ...any) {
	level := slog.LevelDebug
	if kind == logging.Warn {
		level = slog.LevelWarn
	}
	ctx := l.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	slog.Log(ctx, level, "the AWS SDK wrote a line", "event", "sdk.logged", "line", fmt.Sprintf(format, values...))
}

// WithContext returns a logger for one call of the SDK, so that its lines have the request's id.
func (sdkLogger) WithContext(ctx context.Context) logging.Logger { return sdkLogger{ctx} }
