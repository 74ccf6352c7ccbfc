package outbound

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/text"
)

const (
	maxName  = 100   // runes
	maxEmail = 254   // bytes; RFC 5321 allows no more in a path
	maxInfo  = 20000 // runes; a DynamoDB item has at most 400 KB
)

// Field is the name of a field of a request.
type Field string

// The fields of a request, apart from the phone number.
const (
	FieldAssistantID Field = "assistantId"
	FieldName        Field = "name"
	FieldEmail       Field = "email"
	FieldInfo        Field = "info"
)

var (
	errName         = fault.Newf(fault.Invalid, "name must be a text of 1 to %d characters.", maxName).WithCode("invalid_name")
	errEmail        = fault.New(fault.Invalid, "email must be an address such as someone@example.com.").WithCode("invalid_email")
	errInfo         = fault.Newf(fault.Invalid, "info must be a text of at most %d characters.", maxInfo).WithCode("invalid_info")
	errAssistantID  = fault.New(fault.Invalid, "assistantId must be a string.").WithCode("invalid_assistant_id")
	errNoAssistant  = fault.New(fault.Invalid, "assistantId must name an assistant.").WithCode("invalid_assistant_id")
	errNoneDeployed = fault.New(fault.Unavailable, "Outbound calls are not set up: there is no assistant for them.").WithCode("outbound_not_set_up").WithoutRetry()
)

// fieldError names the field in an error, with its prefix in the body. assistantId is never inside client.
func (r Request) fieldError(err *fault.Error, f Field) error {
	if f == FieldAssistantID {
		return err.WithParam(string(f))
	}
	return err.WithParam(r.FieldPrefix + string(f))
}

// errWrongType is the error for the field whose value was not a string.
func (r Request) errWrongType() error {
	err := map[Field]*fault.Error{FieldName: errName, FieldEmail: errEmail, FieldInfo: errInfo, FieldAssistantID: errAssistantID}[r.WrongType]
	return r.fieldError(err, r.WrongType)
}

// validRequest is a request whose fields are valid.
type validRequest struct {
	Request
	to Number
}

// validate checks the fields in the order of shared/docs/security.md: the number first.
func (g Guards) validate(r Request) (validRequest, error) {
	to, err := ParseNumber(r.PhoneNumber, g.DefaultRegion)
	if err != nil {
		return validRequest{}, fault.From(err).WithParam(r.FieldPrefix + "phoneNumber")
	}
	if r.WrongType != "" {
		return validRequest{}, r.errWrongType()
	}
	valid := validRequest{Request: r, to: to}
	if valid.Name = text.Name(r.Name); valid.Name == "" || utf8.RuneCountInString(valid.Name) > maxName {
		return validRequest{}, r.fieldError(errName, FieldName)
	}
	if r.Email != "" && !isEmailAddress(r.Email) {
		return validRequest{}, r.fieldError(errEmail, FieldEmail)
	}
	if valid.Info = strings.ToValidUTF8(r.Info, "\ufffd"); utf8.RuneCountInString(valid.Info) > maxInfo {
		return validRequest{}, r.fieldError(errInfo, FieldInfo)
	}
	if r.AssistantID == "" && r.Route == RouteHyperscale { // its callers name no assistant, the deployment does
		return validRequest{}, errNoneDeployed
	}
	if r.AssistantID == "" {
		return validRequest{}, r.fieldError(errNoAssistant, FieldAssistantID)
	}
	if err := checkIdempotencyKey(r.IdempotencyKey); err != nil {
		return validRequest{}, err
	}
	return valid, nil
}

// isEmailAddress reports whether a text is one bare e-mail address.
func isEmailAddress(s string) bool {
	if len(s) > maxEmail || strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Cf, r) || unicode.IsControl(r) }) {
		return false
	}
	parsed, err := mail.ParseAddress(s)
	if err != nil || parsed.Address != s || !utf8.ValidString(s) {
		return false
	}
	domain := s[strings.LastIndexByte(s, '@')+1:]
	return strings.Contains(strings.Trim(domain, "."), ".")
}
