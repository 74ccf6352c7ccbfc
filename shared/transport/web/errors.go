package web

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
)

// statusByKind maps each kind of fault to its HTTP status, to the type that OpenAI's clients read, and to the code for faults
// without a code of their own (shared/docs/api.md lists them).
var statusByKind = map[fault.Kind]struct {
	status     int
	kind, code string
}{
	fault.Internal:             {http.StatusInternalServerError, "server_error", "internal_error"},
	fault.Invalid:              {http.StatusBadRequest, "invalid_request_error", "invalid_request"},
	fault.Unauthorized:         {http.StatusUnauthorized, "authentication_error", "invalid_api_key"},
	fault.Forbidden:            {http.StatusForbidden, "permission_error", "forbidden"},
	fault.NotFound:             {http.StatusNotFound, "not_found_error", "not_found"},
	fault.MethodNotAllowed:     {http.StatusMethodNotAllowed, "invalid_request_error", "method_not_allowed"},
	fault.Conflict:             {http.StatusConflict, "conflict_error", "conflict"},
	fault.TooLarge:             {http.StatusRequestEntityTooLarge, "invalid_request_error", "body_too_large"},
	fault.UnsupportedMediaType: {http.StatusUnsupportedMediaType, "invalid_request_error", "unsupported_media_type"},
	fault.PreconditionFailed:   {http.StatusPreconditionFailed, "conflict_error", "changed_meanwhile"},
	fault.PreconditionRequired: {http.StatusPreconditionRequired, "invalid_request_error", "if_match_required"},
	fault.RateLimited:          {http.StatusTooManyRequests, "rate_limit_error", "rate_limit_exceeded"},
	fault.Upstream:             {http.StatusBadGateway, "upstream_error", "upstream_error"},
	fault.Unavailable:          {http.StatusServiceUnavailable, "server_error", "unavailable"},
	fault.Timeout:              {http.StatusGatewayTimeout, "timeout_error", "timeout"},
}

// ErrorObject is the error of a response in OpenAI's format.
type ErrorObject struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

// NewErrorObject returns what a caller may see of an error: its public message, and never its cause.
func NewErrorObject(err error) ErrorObject {
	f := fault.From(err)
	row := statusByKind[f.Kind]
	o := ErrorObject{Message: f.Message, Type: row.kind, Code: row.code}
	if f.Code != "" {
		o.Code = f.Code
	}
	if f.Param != "" {
		o.Param = &f.Param
	}
	return o
}

// writeError sends an error response, counts it and logs the cause.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.From(err)
	row := statusByKind[f.Kind]
	object := NewErrorObject(err)
	metric.CountAnswer(r.Context(), err)
	level := slog.LevelInfo
	if row.status >= 500 {
		level = slog.LevelError
	}
	slog.Log(r.Context(), level, "request failed", "event", "request.failed", "status", row.status, "code", object.Code, "error", err)

	wait := f.RetryAfter
	if wait == fault.NoRetry {
		w.Header().Set("X-Should-Retry", "false") // else OpenAI's clients repeat the request after a 503
	} else if wait <= 0 && (row.status == http.StatusServiceUnavailable || row.status == http.StatusTooManyRequests) {
		wait = time.Second
	}
	if wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	}
	body := struct {
		Status    string            `json:"status"`
		Message   string            `json:"message"`
		Error     ErrorObject       `json:"error"`
		Errors    []fault.Complaint `json:"errors,omitempty"`
		Current   *fault.State      `json:"current,omitempty"`
		RequestID string            `json:"requestId"`
	}{"error", f.Message, object, f.Complaints, f.Current, RequestID(r)}
	if werr := WriteJSON(w, row.status, body); werr != nil {
		slog.ErrorContext(r.Context(), "error response not sent", "event", "response.aborted", "error", werr)
	}
}

// RequestID returns Lambda's id of a request, which the response has in X-Request-Id; empty outside of Lambda.
func RequestID(r *http.Request) string {
	if lc, ok := lambdacontext.FromContext(r.Context()); ok {
		return lc.AwsRequestID
	}
	return ""
}

// WriteJSON sends a response with a status and a value as JSON.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(b)
	return err
}
