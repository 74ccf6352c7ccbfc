package fakeaws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// maxRequestBytes bounds a request's body: a batch of 1 MiB in the worst JSON escaping stays below it.
const maxRequestBytes = 16 << 20

// Operation answers one request of the AWS JSON protocol. An error that is no *Fault is answered as an internal one.
type Operation func(ctx context.Context, body []byte) (any, error)

// APIError is an error as a service of AWS words it.
type APIError struct {
	Status    int    // 400 where it is 0
	Code      string // the shape's name: QueueDoesNotExist
	QueryCode string // the code that the older query protocol used, where clients still look for it
	Message   string
}

func (f *APIError) Error() string { return f.Code + ": " + f.Message }

// Errorf makes a Fault that is the caller's.
func Errorf(code, format string, args ...any) *APIError {
	return &APIError{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Typed makes an Operation of a function with a typed request.
func Typed[In any](do func(ctx context.Context, in In) (any, error)) Operation {
	return func(ctx context.Context, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, Errorf("SerializationException", "The request is not what this operation takes: %v", err)
		}
		return do(ctx, in)
	}
}

// Service serves the AWS JSON protocol: one POST, its operation named by the X-Amz-Target header.
type Service struct {
	Target     string // what stands before the dot in X-Amz-Target: AmazonSQS
	Version    string // "1.0" or "1.1"
	Namespace  string // what stands before the # in an error's __type
	NewID      func() string
	Operations map[string]Operation
}

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", s.NewID())
	w.Header().Set("Content-Type", "application/x-amz-json-"+s.Version)
	answer, err := s.call(r)
	if err != nil {
		s.writeError(w, err)
		return
	}
	if answer == nil {
		return
	}
	// The status is out already: a write that fails has nobody left to tell.
	_ = json.NewEncoder(w).Encode(answer)
}

func (s *Service) call(r *http.Request) (any, error) {
	if r.Method != http.MethodPost {
		return nil, &APIError{Status: http.StatusMethodNotAllowed, Code: "UnknownOperationException", Message: "Only POST is served."}
	}
	service, name, found := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	operation := s.Operations[name]
	if !found || service != s.Target || operation == nil {
		return nil, Errorf("UnknownOperationException", "The stand-in does not serve %q.", r.Header.Get("X-Amz-Target"))
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxRequestBytes+1))
	if err != nil {
		return nil, Errorf("SerializationException", "The request could not be read: %v", err)
	}
	if len(body) > maxRequestBytes {
		return nil, &APIError{Status: http.StatusRequestEntityTooLarge, Code: "RequestEntityTooLarge", Message: "The request is too large."}
	}
	return operation(context.WithValue(r.Context(), hostKey{}, r.Host), body)
}

type hostKey struct{}

// Host is the host, with its port, that the request being answered was sent to.
func Host(ctx context.Context) string {
	host, _ := ctx.Value(hostKey{}).(string)
	return host
}

func (s *Service) writeError(w http.ResponseWriter, err error) {
	var fault *APIError
	if !errors.As(err, &fault) {
		fault = &APIError{Status: http.StatusInternalServerError, Code: "InternalFailure", Message: err.Error()}
	}
	status := fault.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if fault.QueryCode != "" {
		w.Header().Set("X-Amzn-Query-Error", fault.QueryCode+";Sender")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": s.Namespace + "#" + fault.Code, "message": fault.Message})
}
