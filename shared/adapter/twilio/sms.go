package twilio

import (
	"context"
	"errors"
	"slices"
	"time"
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
	return c.SendText(ctx, aurora.OutgoingText{From: aurora.TextAddress(from), To: aurora.TextAddress(to), Body: body})
}

// SendText is SendSMS for addresses of all channels. With a messaging service, the message comes from its sender From.
func (c *Client) SendText(ctx context.Context, m aurora.OutgoingText) (sid string, err error) {
	switch {
	case m.From == "" || m.To == "":
		return "", fault.New(fault.Invalid, "A text message needs two phone numbers.").WithCode("invalid_phone_number")
	case m.Body == "":
		return "", fault.New(fault.Invalid, "The text message is empty.").WithCode("invalid_body")
	case utf8.RuneCountInString(m.Body) > maxSMSRunes:
		return "", fault.New(fault.Invalid, "The text message is too long: it may have at most 1600 characters.").WithCode("invalid_body")
	}
	params := (&api.CreateMessageParams{}).SetFrom(string(m.From)).SetTo(string(m.To)).SetBody(m.Body)
	if m.MessagingServiceSID != "" {
		params.SetMessagingServiceSid(m.MessagingServiceSID)
	}
	if m.StatusURL != "" {
		params.SetStatusCallback(m.StatusURL)
	}
	err = c.do(ctx, "send text", func(service *api.ApiService) error {
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

// maxListedTexts is the size of the only page that is read. Twilio lists the latest messages first.
const maxListedTexts = 50

// FindSentText returns the sid of a message that was sent since a time with these addresses and this body, and whose sid is
// none of those to leave out. It is "" if there is none. Twilio has no idempotency keys for messages, so this is how a process
// learns what became of a request whose answer it did not see.
func (c *Client) FindSentText(ctx context.Context, m aurora.OutgoingText, since time.Time, leaveOut []string) (sid string, err error) {
	params := (&api.ListMessageParams{}).SetFrom(string(m.From)).SetTo(string(m.To)).SetPageSize(maxListedTexts)
	since = since.Truncate(time.Second) // Twilio's times are whole seconds
	err = c.do(ctx, "list texts", func(service *api.ApiService) error {
		page, err := service.PageMessage(params, "", "")
		if err != nil {
			return err
		}
		for _, listed := range page.Messages {
			found := stringOrEmpty(listed.Sid)
			if stringOrEmpty(listed.Body) == m.Body && stringOrEmpty(listed.To) == string(m.To) && !slices.Contains(leaveOut, found) &&
				!parseTime(listed.DateCreated).Before(since) {
				sid = found
			}
		}
		return nil
	})
	return sid, err
}
