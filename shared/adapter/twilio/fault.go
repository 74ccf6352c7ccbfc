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

// refusals are the codes that somebody can do something about (https://www.twilio.com/docs/api/errors).
var refusals = map[int]*fault.Error{
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

// fault turns what the library returned into an error without numbers, account or texts of Twilio's.
func (q *request) fault(what string, err error) *fault.Error {
	if refused, ok := errors.AsType[*client.TwilioRestError](err); ok {
		return refusal(what, refused.Code, refused.Status)
	}
	if refused, ok := errors.AsType[*client.RestErrorV1](err); ok {
		return refusal(what, refused.Code, refused.HttpStatusCode)
	}
	cause := fmt.Errorf("%s: %s", what, kind(err))
	if !q.sent.Load() {
		return fault.New(fault.Unavailable, "The telephone provider could not be reached; nothing was done.").
			Coded("telephone_unreachable").After(time.Second).Because(cause)
	}
	return unclear(cause)
}

// unclear is the error where Twilio may have done what was asked.
func unclear(cause error) *fault.Error {
	return fault.New(fault.Timeout, "The telephone provider did not answer; it is not known whether this was done.").
		Coded("state_unknown").Because(cause)
}

func refusal(what string, code, status int) *fault.Error {
	cause := fmt.Errorf("%s: Twilio error %d, status %d", what, code, status)
	if known := refusals[code]; known != nil {
		return known.Coded("twilio_" + strconv.Itoa(code)).Because(cause)
	}
	switch {
	case status == http.StatusTooManyRequests || code == 20429:
		return fault.New(fault.TooMany, "The telephone provider is busy.").Coded("twilio_20429").After(time.Second).Because(cause)
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fault.New(fault.Unavailable, "The telephone provider is not set up.").Coded("telephone_auth").Because(cause)
	case status >= 500:
		return unclear(cause)
	case code != 0:
		return fault.New(fault.Upstream, "The telephone provider refused this.").Coded("twilio_" + strconv.Itoa(code)).Because(cause)
	default:
		return fault.New(fault.Upstream, "The telephone provider refused this.").Coded("twilio_error").Because(cause)
	}
}

// kind says what went wrong without repeating an address or a body.
func kind(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "given up"
	default:
		return fmt.Sprintf("no usable answer (%T)", innermost(err))
	}
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
