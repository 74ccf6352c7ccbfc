package ses

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	gomail "github.com/wneessen/go-mail"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	sendTimeout = 8 * time.Second
	maxTo       = 50 // SES's limit for the recipients of one message
	maxSubject  = 500
	maxAttempts = 3
)

// Sender sends mail. Use New.
type Sender struct {
	client        func() (*sesv2.Client, error)
	from          string
	configuration string
	now           func() time.Time
}

// New returns a sender whose client is created on first use. from is an address, which may have a name before it; if it is
// empty, the sender is not Ready. configuration is SES's configuration set; it may be empty.
func New(config func() (aws.Config, error), from, configuration string, now func() time.Time) *Sender {
	return &Sender{from: strings.TrimSpace(from), configuration: configuration, now: now,
		client: sync.OnceValues(func() (*sesv2.Client, error) {
			cfg, err := config()
			if err != nil {
				return nil, fmt.Errorf("configure SES: %w", err)
			}
			return sesv2.NewFromConfig(cfg, func(o *sesv2.Options) { o.Retryer = newThrottleRetryer() }), nil
		})}
}

// newThrottleRetryer retries only requests that SES throttled: after any other error SES may have accepted the message, and a
// message that is sent twice arrives twice.
func newThrottleRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = maxAttempts, time.Second
		o.Retryables = []retry.IsErrorRetryable{retry.RetryableErrorCode{Codes: retry.DefaultThrottleErrorCodes}}
	})
}

// Ready reports whether there is a sender's address.
func (s *Sender) Ready() bool { return s.from != "" }

// SendMail sends one message to all its recipients. The error is a fault: Invalid if the message is not valid, Timeout if it
// is unknown whether it was sent, Unavailable or RateLimited if SES did not accept it now, Upstream if SES rejected it.
func (s *Sender) SendMail(ctx context.Context, m aurora.Mail) error {
	if m.From == "" {
		m.From = s.from
	}
	if m.From == "" {
		return fault.New(fault.Unavailable, "Mail is not set up.").WithCode("mail_not_set_up")
	}
	raw, recipients, err := s.compose(m)
	if err != nil {
		return err
	}
	client, err := s.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	in := &sesv2.SendEmailInput{
		Content:     &types.EmailContent{Raw: &types.RawMessage{Data: raw}},
		Destination: &types.Destination{ToAddresses: recipients},
		// Click tracking would lead every link through SES, whose events then hold the tokens of report links.
		ConfigurationOverrides: &types.ConfigurationOverrides{Tracking: &types.TrackingConfigurationOverrides{ClickTrackingEnabled: types.FeatureStatusDisabled}},
	}
	if s.configuration != "" {
		in.ConfigurationSetName = &s.configuration
	}
	if _, err := client.SendEmail(ctx, in); err != nil {
		return mapError(ctx, err)
	}
	return nil
}

// compose returns the MIME message and the addresses of its envelope.
func (s *Sender) compose(m aurora.Mail) (raw []byte, recipients []string, err error) {
	switch {
	case len(m.To) == 0 || len(m.To) > maxTo:
		return nil, nil, fault.Newf(fault.Invalid, "A mail needs 1 to %d recipients.", maxTo).WithCode("invalid_mail").WithParam("to")
	case hasControlCharacter(m.Subject) || len(m.Subject) > maxSubject || strings.TrimSpace(m.Subject) == "":
		return nil, nil, fault.Newf(fault.Invalid, "A mail's subject must be one line of at most %d bytes.", maxSubject).WithCode("invalid_mail").WithParam("subject")
	case m.Text == "" && m.HTML == "":
		return nil, nil, fault.New(fault.Invalid, "A mail must have a text.").WithCode("invalid_mail").WithParam("text")
	}
	from, err := parseAddress(m.From)
	if err != nil {
		return nil, nil, fault.New(fault.Invalid, "The sender is not an e-mail address.").WithCode("invalid_mail").WithParam("from")
	}
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(from)
	for _, to := range m.To {
		a, err := parseAddress(to)
		if err != nil {
			return nil, nil, fault.New(fault.Invalid, "A recipient is not an e-mail address.").WithCode("invalid_mail").WithParam("to")
		}
		message.AddToMailAddress(a)
		recipients = append(recipients, a.Address)
	}
	message.Subject(strings.ToValidUTF8(m.Subject, "\uFFFD"))
	message.SetDateWithValue(s.now())
	text, html := strings.ToValidUTF8(m.Text, "\uFFFD"), strings.ToValidUTF8(m.HTML, "\uFFFD")
	switch {
	case html == "":
		message.SetBodyString(gomail.TypeTextPlain, text)
	case text == "":
		message.SetBodyString(gomail.TypeTextHTML, html)
	default:
		message.SetBodyString(gomail.TypeTextPlain, text)
		message.AddAlternativeString(gomail.TypeTextHTML, html)
	}
	var b bytes.Buffer
	if _, err := message.WriteTo(&b); err != nil {
		return nil, nil, fmt.Errorf("write mail: %w", err)
	}
	return b.Bytes(), recipients, nil
}

// parseAddress reads one address. It must be ASCII and must not contain control characters.
func parseAddress(text string) (*netmail.Address, error) {
	if hasControlCharacter(text) {
		return nil, errors.New("the address contains a control character")
	}
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return nil, err
	}
	for _, r := range a.Address {
		if r <= ' ' || r >= 0x7f {
			return nil, errors.New("the address is not ASCII, which SES requires")
		}
	}
	return a, nil
}

// hasControlCharacter reports whether a text contains anything that could end the line of a header.
func hasControlCharacter(line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' })
}

// mapError returns the fault for an error of SES. SES's own text contains addresses, so only its code is used.
func mapError(ctx context.Context, err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		if !maybeSent(err) && ctx.Err() == nil {
			return fault.New(fault.Unavailable, "The mail could not be sent now.").WithCode("mail_unavailable").WithRetryAfter(time.Second).
				Because(errors.New("send mail: the mail service was not reached"))
		}
		return fault.New(fault.Timeout, "The mail service did not answer; it is not known whether the mail was sent.").
			WithCode("state_unknown").Because(errors.New("send mail: no usable answer"))
	}
	cause := fmt.Errorf("send mail: SES answered %s", api.ErrorCode())
	switch api.ErrorCode() {
	case "TooManyRequestsException", "LimitExceededException", "ThrottlingException":
		return fault.New(fault.RateLimited, "The mail service is busy.").WithCode("mail_busy").WithRetryAfter(time.Second).Because(cause)
	case "MessageRejected", "MailFromDomainNotVerifiedException", "BadRequestException", "NotFoundException", "AccountSuspendedException", "SendingPausedException":
		return fault.New(fault.Upstream, "The mail service rejected the mail.").WithCode("mail_refused").Because(cause)
	default:
		return fault.New(fault.Unavailable, "The mail could not be sent now.").WithCode("mail_unavailable").WithRetryAfter(time.Second).Because(cause)
	}
}

// maybeSent reports whether a part of the request may have reached SES.
func maybeSent(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return false
	}
	_, answered := errors.AsType[*smithyhttp.ResponseError](err)
	_, sending := errors.AsType[*smithyhttp.RequestSendError](err)
	return answered || sending
}
