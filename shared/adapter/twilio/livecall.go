package twilio

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	api "github.com/twilio/twilio-go/rest/api/v2010"
	"github.com/twilio/twilio-go/twiml"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Transfer speaks the destination's message and connects a live call with the destination. Twilio disconnects the call
// from the voice server.
func (c *Client) Transfer(ctx context.Context, sid string, to aurora.Destination) error {
	document, err := transferTwiML(to)
	if err != nil {
		return err
	}
	return c.update(ctx, "transfer call", sid, (&api.UpdateCallParams{}).SetTwiml(document))
}

// Hangup ends a live call.
func (c *Client) Hangup(ctx context.Context, sid string) error {
	return c.update(ctx, "end call", sid, (&api.UpdateCallParams{}).SetStatus("completed"))
}

// update changes a live call.
func (c *Client) update(ctx context.Context, what, sid string, params *api.UpdateCallParams) error {
	if !aurora.IsCallSID(sid) { // it becomes part of the request's path
		return errNoCallSID()
	}
	return c.do(ctx, what, func(service *api.ApiService) error {
		_, err := service.UpdateCall(sid, params)
		return err
	})
}

func errNoCallSID() error {
	return fault.New(fault.Invalid, "The call has no sid of the telephone provider.").WithCode("invalid_call_sid")
}

var (
	sipURI = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^sips?:[^\s@<>"]+@[^\s@<>"]+$`)
	})
	extension = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^[0-9]{1,10}$`)
	})
)

// transferTwiML returns the TwiML that transfers a call.
func transferTwiML(to aurora.Destination) (string, error) {
	var verbs []twiml.Element
	if message := strings.TrimSpace(to.Message); message != "" {
		verbs = append(verbs, &twiml.VoiceSay{Message: message})
	}
	noun, err := dialNoun(to)
	if err != nil {
		return "", err
	}
	verbs = append(verbs, &twiml.VoiceDial{AnswerOnBridge: "true", InnerElements: []twiml.Element{noun}})
	document, err := writeTwiML(verbs)
	if err != nil {
		return "", err
	}
	if utf8.RuneCountInString(document) > maxTwiML {
		return "", fault.New(fault.Invalid, "The destination's message is too long.").WithCode("invalid_destination")
	}
	return document, nil
}

// maxTwiML is Twilio's limit for TwiML in a request, in characters: https://www.twilio.com/docs/voice/api/call-resource
const maxTwiML = 4000
