package outbound

import (
	"bytes"
	"encoding/json"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/text"
)

// The routes that place calls.
const (
	RouteUAT        = "outbound-call-uat"
	RouteHyperscale = "hyperscale-outbound-call"
)

const (
	maxName  = 100   // runes
	maxEmail = 254   // bytes; RFC 5321 allows no more in a path
	maxInfo  = 20000 // runes; a record has 400 KB
)

// ReadRequest makes a request from a route's body, which must be one JSON object that has been looked over for duplicate and
// look-alike names. Of fields that stand there with another type it says so in their turn, when the request is placed.
// assistant is the deployment's, for the route whose callers name none.
func ReadRequest(route string, body []byte, assistant string) (Request, error) {
	r := Request{Route: route, AssistantID: assistant}
	fields, err := decodeObject(body)
	if err != nil {
		return r, fault.New(fault.Invalid, "The body must be one JSON object.").WithCode("invalid_json").Because(err)
	}
	if route == RouteUAT {
		r.FieldPrefix = "client."
		id, ok := stringField(fields, "assistantId")
		if !ok {
			r.TypeError = fault.New(fault.Invalid, "assistantId must be a string.").WithCode("invalid_assistant_id").WithParam("assistantId")
		}
		r.AssistantID = id
		if fields, err = decodeObject(fields["client"]); err != nil {
			return r, fault.New(fault.Invalid, "client must be an object with phoneNumber and name.").WithParam("client").Because(err)
		}
	}
	var ok bool
	if r.Info, ok = stringField(fields, "info"); !ok {
		r.TypeError = errInfo.WithParam(r.FieldPrefix + "info")
	}
	if r.Email, ok = stringField(fields, "email"); !ok {
		r.TypeError = errEmail.WithParam(r.FieldPrefix + "email")
	}
	if r.Name, ok = stringField(fields, "name"); !ok {
		r.TypeError = errName.WithParam(r.FieldPrefix + "name")
	}
	if r.PhoneNumber, ok = stringField(fields, "phoneNumber"); !ok {
		r.PhoneNumber = "" // and that is refused as no number
	}
	if route == RouteUAT {
		r.Info = ""
	} else {
		r.Email = ""
	}
	return r, nil
}

// decodeObject reads the names of an object as they are written: encoding/json would take PHONENUMBER for phoneNumber.
func decodeObject(b []byte) (map[string]json.RawMessage, error) {
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' {
		return nil, fault.New(fault.Invalid, "not an object")
	}
	var fields map[string]json.RawMessage
	return fields, json.Unmarshal(b, &fields)
}

// stringField is a string, empty where there is none or null; it is not ok where something else stands there.
func stringField(fields map[string]json.RawMessage, name string) (s string, ok bool) {
	raw, there := fields[name]
	if !there || string(raw) == "null" {
		return "", true
	}
	return s, raw[0] == '"' && json.Unmarshal(raw, &s) == nil
}

var (
	errName  = fault.Newf(fault.Invalid, "name must be a text of 1 to %d characters.", maxName).WithCode("invalid_name")
	errEmail = fault.New(fault.Invalid, "email must be an address such as someone@example.com.").WithCode("invalid_email")
	errInfo  = fault.Newf(fault.Invalid, "info must be a text of at most %d characters.", maxInfo).WithCode("invalid_info")
)

// validRequest is a request whose fields are valid.
type validRequest struct {
	Request
	to Number
}

// validate is the first step of security's order: the number and the fields.
func (g Guards) validate(r Request) (validRequest, error) {
	to, err := ParseNumber(r.PhoneNumber, g.DefaultRegion)
	if err != nil {
		return validRequest{}, fault.From(err).WithParam(r.FieldPrefix + "phoneNumber")
	}
	if r.TypeError != nil {
		return validRequest{}, r.TypeError
	}
	c := validRequest{Request: r, to: to}
	if c.Name = text.Name(r.Name); c.Name == "" || utf8.RuneCountInString(c.Name) > maxName {
		return validRequest{}, errName.WithParam(r.FieldPrefix + "name")
	}
	if r.Email != "" && !isEmailAddress(r.Email) {
		return validRequest{}, errEmail.WithParam(r.FieldPrefix + "email")
	}
	if c.Info = strings.ToValidUTF8(r.Info, "\ufffd"); utf8.RuneCountInString(c.Info) > maxInfo {
		return validRequest{}, errInfo.WithParam(r.FieldPrefix + "info")
	}
	if r.AssistantID == "" {
		if r.Route == RouteHyperscale {
			return validRequest{}, fault.New(fault.Unavailable, "Outbound calls are not set up: there is no assistant for them.").WithCode("outbound_not_set_up")
		}
		return validRequest{}, fault.New(fault.Invalid, "assistantId must name an assistant.").WithCode("invalid_assistant_id").WithParam("assistantId")
	}
	if err := checkIdempotencyKey(r.IdempotencyKey); err != nil {
		return validRequest{}, err
	}
	return c, nil
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
