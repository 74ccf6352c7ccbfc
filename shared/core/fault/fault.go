package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure an error is. It knows no protocol.
type Kind uint8

// The kinds of failure. The zero value is Internal, so that a forgotten kind is never blamed on the caller.
const (
	Internal             Kind = iota // our own mistake
	Invalid                          // malformed or refused input
	Unauthorized                     // no key, or a wrong one
	Forbidden                        // known, but not allowed
	NotFound                         // no such assistant, call or route
	MethodNotAllowed                 // a known route, another method
	Conflict                         // contradicts what is already there
	TooLarge                         // over a limit of size
	UnsupportedMediaType             // not JSON
	RateLimited                      // over a limit of rate
	Upstream                         // the model or the telephone provider failed
	Unavailable                      // a store or a provider cannot be used now
	Timeout                          // it did not answer in time
)

var kindNames = [...]string{"internal", "invalid", "unauthorized", "forbidden", "not found", "method", "conflict",
	"too large", "unsupported", "too many", "upstream", "unavailable", "timeout"}

// String names the kind for the log.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// Error is a failure with a sentence for the caller. Build one with New.
type Error struct {
	Kind    Kind
	Message string // one sentence for the caller; nothing internal
	Code    string // stable, machine readable, such as "invalid_phone_number"; may be empty
	Param   string // the input field at fault; may be empty
	// RetryAfter is how long the caller should wait before trying again; 0 says nothing about it.
	RetryAfter time.Duration
	cause      error
}

// New returns an error of this kind with a sentence for the caller.
func New(kind Kind, message string) *Error { return &Error{Kind: kind, Message: message} }

// Newf is New with a formatted sentence. What is formatted in is shown to the caller.
func Newf(kind Kind, format string, args ...any) *Error {
	return New(kind, fmt.Sprintf(format, args...))
}

// Because returns the error with its cause, which is for the log alone.
func (e *Error) Because(cause error) *Error { c := *e; c.cause = cause; return &c }

// WithCode returns the error with a stable code, such as "upstream_quota".
func (e *Error) WithCode(code string) *Error { c := *e; c.Code = code; return &c }

// WithParam returns the error naming the input field at fault.
func (e *Error) WithParam(param string) *Error { c := *e; c.Param = param; return &c }

// WithRetryAfter returns the error with the time after which a retry makes sense.
func (e *Error) WithRetryAfter(d time.Duration) *Error { c := *e; c.RetryAfter = d; return &c }

// Error is the log's voice: the sentence, and why.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// From returns the fault in err's chain. An error that has none becomes an Internal one with err as its cause, or a
// Timeout where err is a deadline that passed, so that every error can be shown to a caller. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return New(Timeout, "This took longer than is allowed.").WithCode("timeout").Because(err)
	}
	return New(Internal, "Something went wrong on our side.").WithCode("internal_error").Because(err)
}

// Is reports whether err holds a fault of this kind.
func Is(err error, kind Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}
