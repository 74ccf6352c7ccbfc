package openai

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"example.com/aurora/shared/core/fault"
)

const (
	maxRetryWait  = 5 * time.Second // the longest Retry-After that we wait for; a longer one is passed on to the caller
	maxRetryAfter = 24 * time.Hour  // the longest Retry-After that is passed on
)

// statusFailure classifies an answer that is not 200 (faults 1 to 6 of shared/docs/faults.md). Only the server's error code
// and the name of a parameter are passed on. The rest of its text may name an account or repeat the key.
func statusFailure(resp *http.Response, body []byte) *failure {
	var answer struct {
		Error struct {
			Code  any    `json:"code"`
			Type  string `json:"type"`
			Param string `json:"param"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &answer) // ignored: an answer that is not JSON has no code
	code, _ := answer.Error.Code.(string)
	cause := fmt.Errorf("the model server answered %d, type %q, code %q", resp.StatusCode, safeIdentifier(answer.Error.Type), safeIdentifier(code))
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests && (code == "insufficient_quota" || answer.Error.Type == "insufficient_quota"):
		return &failure{fault: fault.New(fault.Unavailable, "The model cannot be used at the moment.").
			WithCode("upstream_quota").WithRetryAfter(time.Minute).Because(cause)}
	case s == http.StatusTooManyRequests:
		return rateLimitFailure(resp.Header.Get("Retry-After"), cause)
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return &failure{fault: fault.New(fault.Unavailable, "The model cannot be used at the moment.").
			WithCode("upstream_auth").WithRetryAfter(time.Minute).Because(cause)}
	case s >= 500:
		return &failure{tries: maxTries, fault: upstreamError(cause)}
	case s == http.StatusRequestTimeout:
		return &failure{tries: maxTries, fault: timeoutError(cause)}
	case s >= 400:
		f := fault.New(fault.Invalid, "The model rejected the request.").WithCode("upstream_refused").Because(cause)
		if c := safeIdentifier(code); c != "" {
			f = f.WithCode(c)
		}
		if p := safeIdentifier(answer.Error.Param); p != "" {
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
	if seconds, err := strconv.Atoi(retryAfter); err == nil && seconds >= 0 {
		wait := time.Duration(min(seconds, int(maxRetryAfter/time.Second))) * time.Second
		if f = f.WithRetryAfter(wait); wait <= maxRetryWait {
			return &failure{fault: f, tries: maxTries, wait: max(wait, time.Millisecond)}
		}
		return &failure{fault: f}
	}
	if at, err := http.ParseTime(retryAfter); err == nil {
		f = f.WithRetryAfter(min(max(time.Second, time.Until(at)), maxRetryAfter))
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
