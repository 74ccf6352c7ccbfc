package lambdaapp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/redact"
)

// NewLogger returns a logger that writes one JSON object per line, with the id and the trace of the request and the fields of
// package logfields. It removes keys, credentials and mail addresses from every part of a line, and masks phone numbers.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(logfields.NewHandler(requestHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: redactAttr})}))
}

// requestHandler adds the id and the trace of the request in the context to each record.
type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, r slog.Record) error {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("requestId", lc.AwsRequestID))
	}
	// aws-lambda-go puts the trace header into the context under this plain string key.
	if trace, ok := ctx.Value("x-amzn-trace-id").(string); ok && trace != "" {
		r.AddAttrs(slog.String("traceId", trace))
	}
	return h.Handler.Handle(ctx, r)
}

func (h requestHandler) WithAttrs(as []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(as)}
}
func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}

func redactAttr(_ []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	if isSecret(a) {
		return slog.String(a.Key, redact.Redacted)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redact.Text(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(redact.Text(v.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(redact.Text(v.String()))
		default:
			if b, err := json.Marshal(v); err == nil {
				a.Value = slog.AnyValue(json.RawMessage(redact.Text(string(b))))
			}
		}
	}
	return a
}

// isSecret reports whether an attribute's value never appears in the log, because of its key. A number may be a count of
// tokens.
func isSecret(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindBool:
		return false
	case slog.KindInt64, slog.KindUint64, slog.KindFloat64, slog.KindDuration:
		if redact.IsTokenCount(a.Key) {
			return false
		}
	}
	return redact.IsCredentialName(a.Key) || strings.HasSuffix(strings.ToLower(a.Key), "credential")
}
