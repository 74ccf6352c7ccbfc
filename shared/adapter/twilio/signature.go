package twilio

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/twilio/twilio-go/client"

	"example.com/aurora/shared/core/fault"
)

var errUnsigned = fault.New(fault.Unauthorized, "The request is not signed by the telephone provider.").WithCode("invalid_signature")

// VerifySignature checks that Twilio sent a form to an address. signature is the header X-Twilio-Signature, which Twilio
// makes of the address that it was given and the form, with the account's token
// (https://www.twilio.com/docs/usage/security#validating-requests). The error is fault.Unauthorized if the signature does
// not match, and fault.Unavailable if the token cannot be read.
func (c *Client) VerifySignature(ctx context.Context, address string, form url.Values, signature string) error {
	if signature == "" {
		return errUnsigned.Because(errors.New("no signature"))
	}
	account, token, err := c.account(ctx)
	if err != nil {
		return err
	}
	fields := make(map[string]string, len(form))
	for name, values := range form {
		if len(values) != 1 { // the validator looks at the first value only
			return errUnsigned.Because(errors.New("a field was sent twice"))
		}
		fields[name] = values[0]
	}
	validator := client.NewRequestValidator(token)
	if !validator.Validate(address, fields, signature) {
		return errUnsigned.Because(errors.New("the signature does not match the address and the fields"))
	}
	if fields["AccountSid"] != account {
		return errUnsigned.Because(errors.New("the form is from another account"))
	}
	return nil
}

// VerifyHandshake checks that Twilio signed the handshake of a WebSocket to an address, which has no query. A handshake has no
// form, and so no account. It is not documented whether Twilio adds a slash to the address or removes it before it signs, so
// both are accepted; signed is the one that matched. The errors are those of VerifySignature.
func (c *Client) VerifyHandshake(ctx context.Context, address, signature string) (signed string, err error) {
	if signature == "" || address == "" {
		return "", errUnsigned.Because(errors.New("no signature"))
	}
	_, token, err := c.account(ctx)
	if err != nil {
		return "", err
	}
	other := address + "/"
	if without, ok := strings.CutSuffix(address, "/"); ok {
		other = without
	}
	validator := client.NewRequestValidator(token)
	for _, signed := range []string{address, other} {
		if validator.Validate(signed, nil, signature) {
			return signed, nil
		}
	}
	return "", errUnsigned.Because(errors.New("the signature does not match the address"))
}

// AccountSID returns the sid of the account.
func (c *Client) AccountSID(ctx context.Context) (string, error) {
	sid, _, err := c.account(ctx)
	return sid, err
}
