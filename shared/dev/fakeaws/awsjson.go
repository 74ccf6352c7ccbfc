package fakeaws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// maxRequestBytes bounds a request's body: a batch of 1 MiB in the worst JSON escaping stays below it.
const maxRequestBytes = 16 << 20

// Operation answers one request of the AWS JSON protocol. An error that is not an *APIError is an internal error.
type Operation func(ctx context.Context, body []byte) (any, error)

// APIError is an error in the form of AWS services.
type APIError struct {
	Status    int    // 400 if 0
	Code      string // the shape's name: QueueDoesNotExist
	QueryCode string // the code that the older query protocol used, where clients still look for it
	Message   string
}

func (f *APIError) Error() string { return f.Code + ": " + f.Message }

// Errorf returns an APIError with status 400.
func Errorf(code, format string, args ...any) *APIError {
	return &APIError{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Typed returns an Operation that decodes the request for a typed function.
func Typed[In any](do func(ctx context.Context, in In) (any, error)) Operation {
	return func(ctx context.Context, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, Errorf("SerializationException", "The request cannot be decoded: %v", err)
		}
		return do(ctx, in)
	}
}

// Service serves the AWS JSON protocol: one POST, its operation named by the X-Amz-Target header.
type Service struct {
	Target     string // the part before the dot in X-Amz-Target, such as AmazonSQS
	Version    string // "1.0" or "1.1"
	Namespace  string // the part before the # in an error's __type
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
	body, err := json.Marshal(answer)
	if err != nil {
		s.writeError(w, err)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if err = r.Context().Err(); err == nil {
		_, err = w.Write(body)
	}
	if err == nil {
		err = http.NewResponseController(w).Flush()
	}
	if undo, ok := answer.(Undoer); ok && err != nil {
		undo.Undo()
	}
}

// Undoer is an answer whose operation is undone if the client went away before the answer was sent.
type Undoer interface{ Undo() }

func (s *Service) call(r *http.Request) (any, error) {
	if r.Method != http.MethodPost {
		return nil, &APIError{Status: http.StatusMethodNotAllowed, Code: "UnknownOperationException", Message: "Only POST is served."}
	}
	service, name, found := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	operation := s.Operations[name]
	if !found || service != s.Target || operation == nil {
		return nil, Errorf("UnknownOperationException", "The fake does not support %q.", r.Header.Get("X-Amz-Target"))
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

// Host returns the host and port that the current request was sent to.
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
