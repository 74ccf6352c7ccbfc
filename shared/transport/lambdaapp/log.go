package lambdaapp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"sync"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/aurora"
)

// NewLogger writes one JSON object a line, with the request's id and trace, and without keys, credentials, mail
// addresses and whole phone numbers, wherever in the line they stand.
func NewLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(requestIDHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: redactAttr})})
}

// requestIDHandler adds what the context knows of the invocation to each record.
type requestIDHandler struct{ slog.Handler }

func (h requestIDHandler) Handle(ctx context.Context, r slog.Record) error {
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		r.AddAttrs(slog.String("requestId", lc.AwsRequestID))
	}
	// aws-lambda-go puts the trace header into the context under this plain string key.
	if trace, ok := ctx.Value("x-amzn-trace-id").(string); ok && trace != "" {
		r.AddAttrs(slog.String("traceId", trace))
	}
	return h.Handler.Handle(ctx, r)
}

func (h requestIDHandler) WithAttrs(as []slog.Attr) slog.Handler {
	return requestIDHandler{h.Handler.WithAttrs(as)}
}
func (h requestIDHandler) WithGroup(name string) slog.Handler {
	return requestIDHandler{h.Handler.WithGroup(name)}
}

var secretFieldName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(authorization|auth.?token|api.?key|secret|password|credential|cookie)$`)
})

func redactAttr(_ []string, a slog.Attr) slog.Attr {
	a.Value = a.Value.Resolve()
	if secretFieldName().MatchString(a.Key) && a.Value.Kind() != slog.KindBool {
		return slog.String(a.Key, "[redacted]")
	}
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(Redact(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case error:
			a.Value = slog.StringValue(Redact(v.Error()))
		case fmt.Stringer:
			a.Value = slog.StringValue(Redact(v.String()))
		default:
			if b, err := json.Marshal(v); err == nil {
				a.Value = slog.AnyValue(json.RawMessage(Redact(string(b))))
			}
		}
	}
	return a
}

// What must never stand in a log line: our keys, model keys, Twilio account ids, bearer tokens, signatures of presigned addresses, mail addresses, phone numbers.
var secretPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`aur_[A-Za-z0-9]+_[A-Za-z0-9_-]{8,}` +
		`|\bsk-[A-Za-z0-9_-]{8,}` +
		`|\b(?:AC|SK)[0-9a-fA-F]{32}\b` +
		`|(?i:bearer|basic) [A-Za-z0-9._~+/=-]{8,}` +
		`|(?i:x-amz-signature|x-amz-security-token|x-sig)=[^&\s"]+` +
		`|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+`)
})

// twilioTokenPattern is a Twilio auth token: 32 hexadecimal digits. Those in the keys of the bucket are hashes, with a slash or a
// hyphen before them, and whoever looks for an object needs them.
var twilioTokenPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|[^/\w-])[0-9a-f]{32}\b`)
})

var phonePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\+[1-9][0-9]{6,14}`)
})

// Redact replaces keys, credentials and mail addresses in a text, and masks phone numbers.
func Redact(s string) string {
	if len(s) < 5 { // shorter than anything that is looked for
		return s
	}
	s = secretPattern().ReplaceAllString(s, "[redacted]")
	s = twilioTokenPattern().ReplaceAllString(s, "${1}[redacted]")
	return phonePattern().ReplaceAllStringFunc(s, func(n string) string { return aurora.Phone(n).Masked() })
}
