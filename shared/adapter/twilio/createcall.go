package twilio

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	api "github.com/twilio/twilio-go/rest/api/v2010"
	"github.com/twilio/twilio-go/twiml"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// callErrorMessages are the sentences for errors that the caller of a call route can correct. The same codes have other
// sentences for text messages, so there are two tables.
var callErrorMessages = map[string]string{
	"twilio_13224": "The phone number cannot be called: it is not a valid number.",
	"twilio_21201": "The phone number cannot be called: none was given.",
	"twilio_21202": "The phone number cannot be called: it is a premium number.",
	"twilio_21203": "The phone number cannot be called: international calls are not allowed.",
	"twilio_21210": "The assistant's phone number may not be shown as the caller: it is not verified.",
	"twilio_21211": "The phone number cannot be called: it is not a valid number.",
	"twilio_21212": "The assistant's phone number is not a valid caller.",
	"twilio_21213": "The assistant has no phone number to call from.",
	"twilio_21214": "The phone number cannot be reached.",
	"twilio_21215": "The phone number cannot be called: its country is not allowed by the telephone provider.",
	"twilio_21216": "The phone number cannot be called: the telephone provider does not allow it.",
	"twilio_21217": "The phone number cannot be called: it is not a valid number.",
	"twilio_21219": "The phone number cannot be called: a trial account can call verified numbers only.",
}

// CreateCall asks for a call once, and returns its sid. The kind of the error says what became of the call:
//
//   - fault.Timeout: it is not known whether the call was placed; it must not be asked for again.
//   - fault.RateLimited: Twilio is busy and did not accept the call. RetryAfter is what Twilio asked for, if anything.
//   - fault.Unavailable: nothing was sent, or Twilio does not accept the account. Another try makes sense if RetryAfter is above 0.
//   - any other kind: Twilio rejected the call, with Twilio's code if there is one.
func (c *Client) CreateCall(ctx context.Context, d aurora.CallRequest) (sid string, err error) {
	document, err := answerTwiML(ctx, d)
	if err != nil {
		return "", err
	}
	params := (&api.CreateCallParams{}).SetFrom(string(d.From)).SetTo(string(d.To)).SetTwiml(document).
		SetTimeout(int(d.RingTime / time.Second)).SetTimeLimit(int(d.TalkTime / time.Second)).
		SetMachineDetection("Enable").SetAsyncAmd("true")
	if d.StatusURL != "" {
		params.SetStatusCallback(d.StatusURL).SetStatusCallbackMethod("POST").
			SetStatusCallbackEvent([]string{"initiated", "ringing", "answered", "completed"}).
			SetAsyncAmdStatusCallback(d.StatusURL).SetAsyncAmdStatusCallbackMethod("POST")
	}
	err = c.do(ctx, "place call", func(service *api.ApiService) error {
		call, err := service.CreateCall(params)
		if err == nil && (call.Sid == nil || !aurora.IsCallSID(*call.Sid)) {
			return errors.New("no sid")
		}
		if err == nil {
			sid = *call.Sid
		}
		return err
	})
	if err != nil {
		return "", callError(err)
	}
	return sid, nil
}

// callError returns the error for the caller of a call route. Every rejection with a code of Twilio's is a 400
// (shared/docs/faults.md row 44).
func callError(err error) error {
	f := fault.From(err)
	if !strings.HasPrefix(f.Code, "twilio_") || f.Kind == fault.Timeout || f.Kind == fault.RateLimited {
		return f
	}
	if f.Code == "twilio_21222" || f.Code == "twilio_21224" { // the library's own codes for credentials of the wrong form
		return fault.New(fault.Unavailable, "The telephone provider is not set up.").WithCode("telephone_auth").WithoutRetry().Because(f.Unwrap())
	}
	message, ok := callErrorMessages[f.Code]
	if !ok {
		message = "The telephone provider rejected the call."
	}
	return fault.New(fault.Invalid, message).WithCode(f.Code).Because(f.Unwrap())
}

// answerTwiML returns the TwiML for the moment when the call is answered: it connects the call with the voice server, or does
// what the plan says. No text of the caller is in it (threat F1 in shared/docs/security.md).
func answerTwiML(ctx context.Context, d aurora.CallRequest) (string, error) {
	if d.From == "" || d.To == "" {
		return "", fault.New(fault.Invalid, "A call needs two phone numbers.").WithCode("invalid_phone_number")
	}
	document, err := VoiceTwiML(ctx, d.Plan)
	if d.StreamURL != "" {
		document, err = streamTwiML(d)
	}
	if err != nil {
		return "", err
	}
	if n := utf8.RuneCountInString(document); n > maxTwiML {
		return "", fault.New(fault.Unavailable, "The call cannot be connected with the assistant.").WithCode("outbound_not_set_up").WithoutRetry().
			Because(fmt.Errorf("TwiML of %d characters", n))
	}
	return document, nil
}

// streamTwiML returns the TwiML that connects an answered call with the voice server.
func streamTwiML(d aurora.CallRequest) (string, error) {
	stream := &twiml.VoiceStream{Url: d.StreamURL, InnerElements: []twiml.Element{
		&twiml.VoiceParameter{Name: "assistantId", Value: d.AssistantID},
		&twiml.VoiceParameter{Name: "callRecordId", Value: d.RecordID},
	}}
	return writeTwiML([]twiml.Element{&twiml.VoiceConnect{InnerElements: []twiml.Element{stream}}})
}
