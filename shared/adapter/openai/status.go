package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/retryafter"
)

const (
	maxRetryWait = 5 * time.Second // the longest Retry-After that we wait for; a longer one is passed on to the caller
)

// statusFailure classifies an answer that is not 200 (faults 1 to 6 of shared/docs/faults.md). Only the server's error code
// and the name of a parameter are passed on. The rest of its text may name an account or repeat the key.
func statusFailure(resp *http.Response, body []byte) *failure {
	e, _ := decodeError(body) // ignored: without an error object the status decides
	e.status = resp.StatusCode
	return e.failure(resp.Header.Get("Retry-After"))
}

// serverError is what a server says of an error. Its texts come from the server and are not logged.
type serverError struct {
	status            int // 0 if it is not known
	code, kind, param string
}

// decodeError reads an error object in the forms that servers send: OpenAI's, one that is a text, Google's in a list, and
// Mistral's without an object around it. It is not ok if there is no error, or if it is null.
func decodeError(body []byte) (e serverError, ok bool) {
	body = bytes.TrimSpace(body)
	if len(body) > 0 && body[0] == '[' {
		var list []json.RawMessage
		if json.Unmarshal(body, &list) != nil || len(list) == 0 {
			return e, false
		}
		body = list[0]
	}
	var answer struct {
		Error  json.RawMessage `json:"error"`
		Object any             `json:"object"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return e, false
	}
	object := answer.Error
	if len(object) == 0 && answer.Object == "error" {
		object = body
	}
	if len(object) == 0 || string(object) == "null" {
		return e, false
	}
	var fields struct {
		Code   any `json:"code"`
		Type   any `json:"type"`
		Status any `json:"status"`
		Param  any `json:"param"`
	}
	_ = json.Unmarshal(object, &fields) // ignored: an error that is a text has no fields
	e.code, _ = fields.Code.(string)
	e.kind, _ = fields.Type.(string)
	e.param, _ = fields.Param.(string)
	for _, v := range []any{fields.Code, fields.Status, fields.Type} {
		if e.status == 0 {
			e.status = statusOf(v)
		}
	}
	return e, true
}

// errorOfEvent returns the failure that an event of a stream reports, or nil if the event is no error.
func errorOfEvent(event []byte) *failure {
	if !bytes.Contains(event, []byte(`"error"`)) {
		return nil
	}
	e, ok := decodeError(event)
	if !ok {
		return nil
	}
	f := e.failure("")
	if e.status == 0 {
		f.fault, f.tries = streamError(errEvent), 2
	}
	return f
}

// statusOf returns the HTTP status that an error's code, status or type stands for, or 0 if it stands for none.
func statusOf(v any) int {
	switch v := v.(type) {
	case float64:
		if v >= 400 && v < 600 {
			return int(v)
		}
	case string:
		if n, err := strconv.Atoi(v); err == nil && n >= 400 && n < 600 {
			return n
		}
		return statusNames[strings.ToLower(v)]
	}
	return 0
}

// statusNames are the names that servers give to HTTP statuses: OpenAI
// (https://platform.openai.com/docs/guides/error-codes), Anthropic (https://docs.anthropic.com/en/api/errors) and Google
// (https://cloud.google.com/apis/design/errors).
var statusNames = map[string]int{
	"invalid_request_error": 400, "context_length_exceeded": 400, "invalid_argument": 400, "failed_precondition": 400, "bad_request": 400,
	"authentication_error": 401, "invalid_api_key": 401, "unauthenticated": 401,
	"insufficient_quota": 402, "billing_error": 402, "insufficient_balance": 402, "payment_required": 402,
	"permission_error": 403, "permission_denied": 403, "not_found": 404, "not_found_error": 404, "model_not_found": 404,
	"rate_limit_exceeded": 429, "rate_limit_error": 429, "rate_limited": 429, "too_many_requests": 429, "resource_exhausted": 429,
	"server_error": 500, "api_error": 500, "internal": 500, "internal_error": 500, "internal_server_error": 500,
	"unavailable": 503, "service_unavailable": 503, "overloaded": 503, "overloaded_error": 529,
	"deadline_exceeded": 504, "timeout_error": 504,
}

// isQuota reports whether the account may not use the model because of money. Some servers say so with 402, others with 429
// or 403 and a code.
func (e serverError) isQuota() bool {
	return e.status == http.StatusPaymentRequired || e.status != 0 && e.status < 500 && (statusOf(e.code) == http.StatusPaymentRequired || statusOf(e.kind) == http.StatusPaymentRequired)
}

// failure returns the fault that the error is to our caller, and how often its request may be tried.
func (e serverError) failure(retryAfter string) *failure {
	cause := fmt.Errorf("the model server answered %d, type %q, code %q", e.status, safeIdentifier(e.kind), safeIdentifier(e.code))
	switch s := e.status; {
	case e.isQuota():
		return &failure{fault: fault.New(fault.Unavailable, "The model cannot be used at the moment.").
			WithCode("upstream_quota").WithRetryAfter(time.Minute).Because(cause)}
	case s == http.StatusTooManyRequests:
		return rateLimitFailure(retryAfter, cause)
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return &failure{fault: fault.New(fault.Unavailable, "The model cannot be used at the moment.").
			WithCode("upstream_auth").WithRetryAfter(time.Minute).Because(cause)}
	case s >= 500:
		return &failure{tries: maxTries, fault: upstreamError(cause)}
	case s == http.StatusRequestTimeout:
		return &failure{tries: maxTries, fault: timeoutError(cause)}
	case s >= 400:
		f := fault.New(fault.Invalid, "The model rejected the request.").WithCode("upstream_refused").Because(cause)
		if _, err := strconv.Atoi(e.code); err != nil && safeIdentifier(e.code) != "" { // a number repeats the status
			f = f.WithCode(e.code)
		}
		if p := safeIdentifier(e.param); p != "" {
			f = f.WithParam(p)
		}
		return &failure{fault: f}
	default:
		return &failure{fault: upstreamError(cause)}
	}
}

// rateLimitFailure classifies a 429. Without Retry-After, or with a short one, the request is tried again. A long one or a
// date is passed on to the caller, and anything else is ignored.
func rateLimitFailure(retryAfter string, cause error) *failure {
	f := fault.New(fault.RateLimited, "The model is receiving too many requests.").WithCode("rate_limit_exceeded").Because(cause)
	if retryAfter == "" {
		return &failure{fault: f, tries: maxTries}
	}
	wait, inSeconds, ok := retryafter.Parse(retryAfter, time.Now())
	if ok {
		f = f.WithRetryAfter(wait)
	}
	if inSeconds && wait <= maxRetryWait {
		return &failure{fault: f, tries: maxTries, wait: max(wait, time.Millisecond)}
	}
	return &failure{fault: f}
}

var identifierPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{1,64}$`) })

// safeIdentifier returns an identifier of the server, or "" if it is anything else than an identifier.
func safeIdentifier(s string) string {
	if identifierPattern().MatchString(s) {
		return s
	}
	return ""
}
