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

// longestWait is the longest Retry-After that is waited for rather than passed on.
const longestWait = 5 * time.Second

// longestAdvice is the longest Retry-After that is passed on, whatever the server says.
const longestAdvice = 24 * time.Hour

// statusFailure reads an answer that is no stream: rows 1 to 6. Of the server's words nothing is passed on but a code
// and the name of a parameter, since the rest may name an account.
func statusFailure(resp *http.Response, body []byte) *failure {
	var said struct {
		Error struct {
			Code  any    `json:"code"`
			Type  string `json:"type"`
			Param string `json:"param"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &said) // an answer that is no JSON says nothing
	code, _ := said.Error.Code.(string)
	cause := fmt.Errorf("the model server answered %d, type %q, code %q", resp.StatusCode, word(said.Error.Type), word(code))
	switch s := resp.StatusCode; {
	case s == http.StatusTooManyRequests && (code == "insufficient_quota" || said.Error.Type == "insufficient_quota"):
		return &failure{fault: fault.New(fault.Unavailable, "The model cannot be used at the moment.").
			Coded("upstream_quota").After(time.Minute).Because(cause)}
	case s == http.StatusTooManyRequests:
		return limited(resp.Header.Get("Retry-After"), cause)
	case s == http.StatusUnauthorized || s == http.StatusForbidden:
		return &failure{fault: fault.New(fault.Unavailable, "The model cannot be used at the moment.").
			Coded("upstream_auth").After(time.Minute).Because(cause)}
	case s >= 500:
		return &failure{tries: tries, fault: upstream(cause)}
	case s == http.StatusRequestTimeout:
		return &failure{tries: tries, fault: timedOut(cause)}
	case s >= 400:
		f := fault.New(fault.Invalid, "The model refused the request.").Coded("upstream_refused").Because(cause)
		if c := word(code); c != "" {
			f = f.Coded(c)
		}
		if p := word(said.Error.Param); p != "" {
			f = f.In(p)
		}
		return &failure{fault: f}
	default:
		return &failure{fault: upstream(cause)}
	}
}

// limited is a 429. A short wait is waited; a long one, a date and what is no number are the caller's to know of.
func limited(retryAfter string, cause error) *failure {
	f := fault.New(fault.TooMany, "The model is receiving too many requests.").Coded("rate_limit_exceeded").Because(cause)
	if retryAfter == "" {
		return &failure{fault: f, tries: tries}
	}
	if seconds, err := strconv.Atoi(retryAfter); err == nil && seconds >= 0 {
		wait := time.Duration(min(seconds, int(longestAdvice/time.Second))) * time.Second
		if f = f.After(wait); wait <= longestWait {
			return &failure{fault: f, tries: tries, wait: max(wait, time.Millisecond)}
		}
		return &failure{fault: f}
	}
	if at, err := http.ParseTime(retryAfter); err == nil {
		f = f.After(min(max(time.Second, time.Until(at)), longestAdvice))
	}
	return &failure{fault: f}
}

var plain = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{1,64}$`) })

// word returns a server's identifier, or "" where it is anything else.
func word(s string) string {
	if plain().MatchString(s) {
		return s
	}
	return ""
}
