package twilio

import (
	"context"
	"errors"
	"unicode/utf8"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// maxSMSRunes is Twilio's limit: https://www.twilio.com/docs/api/errors/21617
const maxSMSRunes = 1600

// SendSMS sends a text message of at most 1,600 characters, and returns its sid. A fault.Timeout means that it is not
// known whether the message was sent.
func (c *Client) SendSMS(ctx context.Context, from, to aurora.Phone, body string) (sid string, err error) {
	switch {
	case from == "" || to == "":
		return "", fault.New(fault.Invalid, "A text message needs two phone numbers.").WithCode("invalid_phone_number")
	case body == "":
		return "", fault.New(fault.Invalid, "The text message is empty.").WithCode("invalid_body")
	case utf8.RuneCountInString(body) > maxSMSRunes:
		return "", fault.New(fault.Invalid, "The text message is too long: it may have at most 1600 characters.").WithCode("invalid_body")
	}
	params := (&api.CreateMessageParams{}).SetFrom(string(from)).SetTo(string(to)).SetBody(body)
	err = c.do(ctx, "send SMS", func(service *api.ApiService) error {
		m, err := service.CreateMessage(params)
		if err == nil && (m.Sid == nil || *m.Sid == "") {
			return errors.New("no sid")
		}
		if err == nil {
			sid = *m.Sid
		}
		return err
	})
	return sid, err
}
