package twilio

import (
	"context"
	"errors"
	"net/url"

	"github.com/twilio/twilio-go/client"

	"example.com/aurora/shared/core/fault"
)

// VerifySignature checks that Twilio sent a form to an address, as it was told the address: its X-Twilio-Signature is made with
// the account's token over both (https://www.twilio.com/docs/usage/security#validating-requests). The error is
// fault.Unauthorized where it did not, fault.Unavailable where the token cannot be had.
func (c *Client) VerifySignature(ctx context.Context, address string, form url.Values, signature string) error {
	denied := fault.New(fault.Unauthorized, "The request is not signed by the telephone provider.").WithCode("invalid_signature")
	if signature == "" {
		return denied.Because(errors.New("no signature"))
	}
	account, token, err := c.account(ctx)
	if err != nil {
		return err
	}
	fields := make(map[string]string, len(form))
	for name, values := range form {
		if len(values) != 1 { // the validator would look at the first alone
			return denied.Because(errors.New("a field stands there twice"))
		}
		fields[name] = values[0]
	}
	validator := client.NewRequestValidator(token)
	if !validator.Validate(address, fields, signature) {
		return denied.Because(errors.New("the signature does not fit the address and the fields"))
	}
	if fields["AccountSid"] != account {
		return denied.Because(errors.New("another account"))
	}
	return nil
}
