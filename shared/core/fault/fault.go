package fault

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Kind is the kind of a failure. It is independent of any protocol.
type Kind uint8

// The kinds of failure. The zero value is Internal, so that an error without a kind never blames the caller.
const (
	Internal             Kind = iota // a defect of ours
	Invalid                          // input that is malformed or not accepted
	Unauthorized                     // no valid key
	Forbidden                        // a valid key that does not allow this
	NotFound                         // no such assistant, call or route
	MethodNotAllowed                 // a known route with another method
	Conflict                         // contradicts the present state
	TooLarge                         // above a size limit
	UnsupportedMediaType             // not JSON
	PreconditionFailed               // changed since the caller read it
	PreconditionRequired             // the caller does not say which state it has read
	RateLimited                      // above a rate limit
	Upstream                         // the model or the telephone provider failed
	Unavailable                      // a store or a provider cannot be used now
	Timeout                          // no answer in time
)

var kindNames = [...]string{"internal", "invalid", "unauthorized", "forbidden", "not found", "method not allowed", "conflict",
	"too large", "unsupported media type", "precondition failed", "precondition required", "rate limited", "upstream", "unavailable", "timeout"}

// String returns the name of the kind, for the log.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// Error is a failure with a message for the caller. New makes one; the methods return changed copies.
type Error struct {
	Kind    Kind
	Message string // a sentence for the caller, without internals
	Code    string // stable and machine-readable, such as "invalid_phone_number"; may be empty
	Param   string // the input field that is wrong; may be empty
	// RetryAfter is how long the caller should wait before a retry; 0 means unknown, and NoRetry that a retry is of no use.
	RetryAfter time.Duration
	Complaints []Complaint // everything that is wrong with the input, where that is more than one field; may be empty
	Current    *State      // the present state of what the caller wanted to change; nil except for PreconditionFailed
	cause      error
}

// Complaint is one of several things that are wrong with an input.
type Complaint struct {
	Path    string `json:"path"`    // of the field, such as tools.0.url; empty for the whole input
	Message string `json:"message"` // a sentence for the caller
	Code    string `json:"code"`    // stable and machine-readable
}

// String returns the complaint as a line: the path, or "the document", and the message.
func (c Complaint) String() string {
	path := c.Path
	if path == "" {
		path = "the document"
	}
	return path + ": " + c.Message
}

// State is the state of an object that changed since a caller read it, and who changed it.
type State struct {
	ETag   string    `json:"etag"` // as the header ETag has it, with its quotes
	Editor string    `json:"editor"`
	At     time.Time `json:"at"`
}

// NoRetry is the RetryAfter of an error that lasts until an operator corrects something.
const NoRetry time.Duration = -1

// New returns an error of this kind with a message for the caller.
func New(kind Kind, message string) *Error { return &Error{Kind: kind, Message: message} }

// Newf is New with a formatted message. The arguments become visible to the caller.
func Newf(kind Kind, format string, args ...any) *Error {
	return New(kind, fmt.Sprintf(format, args...))
}

// Because returns the error with its cause, which only the log shows.
func (e *Error) Because(cause error) *Error { c := *e; c.cause = cause; return &c }

// WithCode returns the error with a stable code, such as "upstream_quota".
func (e *Error) WithCode(code string) *Error { c := *e; c.Code = code; return &c }

// WithParam returns the error with the name of the input field that is wrong.
func (e *Error) WithParam(param string) *Error { c := *e; c.Param = param; return &c }

// WithRetryAfter returns the error with the time that the caller should wait before a retry.
func (e *Error) WithRetryAfter(d time.Duration) *Error { c := *e; c.RetryAfter = d; return &c }

// WithComplaints returns the error with everything that is wrong with the input.
func (e *Error) WithComplaints(all []Complaint) *Error { c := *e; c.Complaints = all; return &c }

// WithCurrent returns the error with the present state of what the caller wanted to change.
func (e *Error) WithCurrent(s State) *Error { c := *e; c.Current = &s; return &c }

// WithoutRetry returns the error with NoRetry as its RetryAfter.
func (e *Error) WithoutRetry() *Error { return e.WithRetryAfter(NoRetry) }

// Error returns the message and the cause, for the log.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Message
	}
	return e.Message + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// From returns the fault in err's chain. If there is none, it makes one with err as its cause: Timeout for a deadline that
// passed, Internal for anything else. So every error can be shown to a caller. From(nil) returns nil.
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
