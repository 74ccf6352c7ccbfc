package twilio

import (
	"context"
	"errors"
	"net/url"

	"github.com/twilio/twilio-go/client"

	"example.com/aurora/shared/core/fault"
)

// VerifySignature checks that Twilio sent a form to an address. signature is the header X-Twilio-Signature, which Twilio
// makes of the address that it was given and the form, with the account's token
// (https://www.twilio.com/docs/usage/security#validating-requests). The error is fault.Unauthorized if the signature does
// not match, and fault.Unavailable if the token cannot be read.
func (c *Client) VerifySignature(ctx context.Context, address string, form url.Values, signature string) error {
	errUnsigned := fault.New(fault.Unauthorized, "The request is not signed by the telephone provider.").WithCode("invalid_signature")
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
