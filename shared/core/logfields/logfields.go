// Package logfields carries the fields that every log line of a request has, such as the ids of its call and of its assistant.
//
// # Decisions
//
// The fields are set in place, not in a new context: the line that is written last, by the code that the request entered first,
// has the ids that were found last. A line that names one of the fields itself has its own value.
package logfields

import (
	"context"
	"log/slog"
	"slices"
	"sync"

	"example.com/aurora/shared/core/text"
)

// The fields. A call may have several ids: one of the voice provider, one of Twilio, and one of the record of an outbound call.
const (
	CallID           = "callId"           // as the voice provider or the caller names the call
	CallSID          = "callSid"          // Twilio's
	RecordID         = "recordId"         // of the record of an outbound call
	OtherIDs         = "otherIds"         // further ids of the call, with a space between them
	AssistantID      = "assistantId"      // of the assistant that was called
	AssistantVersion = "assistantVersion" // see aurora.Assistant
	GatewayRequestID = "gatewayRequestId" // API Gateway's id of the request, as in its access log
)

// maxValue limits a value, in characters. Ids are chosen by others.
const maxValue = 128

type contextKey struct{}

// set is the fields of one request.
type set struct {
	mu    sync.Mutex
	attrs []slog.Attr
}

// New returns a context for one request, or for one message of a queue, with the fields that ctx has now. Fields that are set
// later in one of the two contexts are not set in the other one.
func New(ctx context.Context) context.Context {
	return context.WithValue(ctx, contextKey{}, &set{attrs: Attrs(ctx)})
}

// Set sets fields: names and values in turn. An empty value changes nothing. It has no effect in a context that is not of New.
func Set(ctx context.Context, namesAndValues ...string) {
	s, ok := ctx.Value(contextKey{}).(*set)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		name, value := namesAndValues[i], namesAndValues[i+1]
		if value == "" {
			continue
		}
		attr := slog.String(name, text.Clip(value, maxValue))
		if at := slices.IndexFunc(s.attrs, func(a slog.Attr) bool { return a.Key == name }); at >= 0 {
			s.attrs[at] = attr
		} else {
			s.attrs = append(s.attrs, attr)
		}
	}
}

// NewHandler returns a handler that adds to each record the fields of its context, and passes it on to h.
func NewHandler(h slog.Handler) slog.Handler { return handler{h} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if fields := Attrs(ctx); len(fields) > 0 {
		r.Attrs(func(own slog.Attr) bool { // the line's own value is the exact one
			fields = slices.DeleteFunc(fields, func(f slog.Attr) bool { return f.Key == own.Key })
			return true
		})
		r.AddAttrs(fields...)
	}
	return h.Handler.Handle(ctx, r)
}

func (h handler) WithAttrs(as []slog.Attr) slog.Handler { return handler{h.Handler.WithAttrs(as)} }
func (h handler) WithGroup(name string) slog.Handler    { return handler{h.Handler.WithGroup(name)} }

// Attrs returns the fields that are set, in the order in which they were set first.
func Attrs(ctx context.Context) []slog.Attr {
	s, ok := ctx.Value(contextKey{}).(*set)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.attrs)
}
