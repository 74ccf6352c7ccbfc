package twilio

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/twilio/twilio-go/client"

	"example.com/aurora/shared/core/fault"
)

// knownErrors are the errors that the caller or an operator can correct (https://www.twilio.com/docs/api/errors).
var knownErrors = map[int]*fault.Error{
	21211: fault.New(fault.Invalid, "The phone number cannot be reached: it is not a valid number."),
	21214: fault.New(fault.Invalid, "The phone number cannot be reached."),
	21217: fault.New(fault.Invalid, "The phone number cannot be reached: it is not a valid number."),
	21220: fault.New(fault.Conflict, "The call is over already."),
	21408: fault.New(fault.Forbidden, "The telephone provider does not allow text messages to this country."),
	21606: fault.New(fault.Invalid, "The sender's number cannot send text messages."),
	21610: fault.New(fault.Forbidden, "This person unsubscribed from text messages."),
	21612: fault.New(fault.Invalid, "The phone number cannot be reached from the sender's number."),
	21614: fault.New(fault.Invalid, "The phone number cannot receive text messages."),
	21617: fault.New(fault.Invalid, "The text message is too long."),
	20404: fault.New(fault.NotFound, "There is no such call."),
}

// classifyError makes an error of what the library returned, without phone numbers, account or Twilio's text.
func (q *request) classifyError(what string, err error) *fault.Error {
	if e, ok := errors.AsType[*client.TwilioRestError](err); ok {
		return q.restError(what, e.Code, e.Status)
	}
	if e, ok := errors.AsType[*client.RestErrorV1](err); ok {
		return q.restError(what, e.Code, e.HttpStatusCode)
	}
	if q.status >= 400 && q.status < 500 { // the body is not an error of Twilio's; something in between may have written it
		return q.restError(what, 0, q.status)
	}
	cause := fmt.Errorf("%s: %s", what, describeCause(err))
	if !q.sent.Load() {
		return fault.New(fault.Unavailable, "The telephone provider could not be reached; nothing was done.").
			WithCode("telephone_unreachable").WithRetryAfter(time.Second).Because(cause)
	}
	return errStateUnknown(cause)
}

// errStateUnknown returns the error for a request that Twilio may have carried out.
func errStateUnknown(cause error) *fault.Error {
	return fault.New(fault.Timeout, "The telephone provider did not answer; it is not known whether this was done.").
		WithCode("state_unknown").Because(cause)
}

// inactiveAccount are Twilio's errors for an account that is suspended or closed, or has no money
// (https://www.twilio.com/docs/api/errors). They come with different statuses.
var inactiveAccount = map[int]bool{10001: true, 10003: true, 20005: true, 20006: true, 30002: true, 90010: true}

// restError returns the error for an error response of Twilio.
func (q *request) restError(what string, code, status int) *fault.Error {
	cause := fmt.Errorf("%s: Twilio error %d, status %d", what, code, status)
	if inactiveAccount[code] || status == http.StatusPaymentRequired {
		return fault.New(fault.Unavailable, "The account at the telephone provider is not active.").WithCode("telephone_account").WithoutRetry().Because(cause)
	}
	if known := knownErrors[code]; known != nil {
		return known.WithCode("twilio_" + strconv.Itoa(code)).Because(cause)
	}
	switch {
	case status == http.StatusTooManyRequests || code == 20429:
		return fault.New(fault.RateLimited, "The telephone provider is busy.").WithCode("twilio_20429").
			WithRetryAfter(q.retryAfter).Because(cause)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fault.New(fault.Unavailable, "The telephone provider does not accept the account.").WithCode("telephone_auth").WithoutRetry().Because(cause)
	case status >= 500:
		return errStateUnknown(cause)
	case code != 0:
		return fault.New(fault.Upstream, "The telephone provider rejected the request.").WithCode("twilio_" + strconv.Itoa(code)).Because(cause)
	default:
		return fault.New(fault.Upstream, "The telephone provider rejected the request.").WithCode("twilio_error").Because(cause)
	}
}

// describeCause describes an error without repeating an address or a body.
func describeCause(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "canceled"
	default:
		return fmt.Sprintf("no usable answer (%T)", innermost(err))
	}
}

// innermost returns the last error of a chain.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
