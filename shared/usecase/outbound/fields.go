package outbound

import (
	"bytes"
	"encoding/json"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"example.com/aurora/shared/core/fault"
)

// The routes that place calls.
const (
	UAT        = "outbound-call-uat"
	Hyperscale = "hyperscale-outbound-call"
)

const (
	maxName  = 100   // runes
	maxEmail = 254   // bytes; RFC 5321 allows no more in a path
	maxInfo  = 20000 // runes; a record has 400 KB
)

// Read makes a request from a route's body, which must be one JSON object that has been looked over for duplicate and
// look-alike names. Of fields that stand there with another type it says so in their turn, when the request is placed.
// assistant is the deployment's, for the route whose callers name none.
func Read(route string, body []byte, assistant string) (Request, error) {
	r := Request{Route: route, AssistantID: assistant}
	fields, err := object(body)
	if err != nil {
		return r, fault.New(fault.Invalid, "The body must be one JSON object.").Coded("invalid_json").Because(err)
	}
	if route == UAT {
		r.In = "client."
		id, ok := field(fields, "assistantId")
		if !ok {
			r.Unread = fault.New(fault.Invalid, "assistantId must be a string.").Coded("invalid_assistant_id").In("assistantId")
		}
		r.AssistantID = id
		if fields, err = object(fields["client"]); err != nil {
			return r, fault.New(fault.Invalid, "client must be an object with phoneNumber and name.").In("client").Because(err)
		}
	}
	var ok bool
	if r.Info, ok = field(fields, "info"); !ok {
		r.Unread = wrongInfo.In(r.In + "info")
	}
	if r.Email, ok = field(fields, "email"); !ok {
		r.Unread = wrongEmail.In(r.In + "email")
	}
	if r.Name, ok = field(fields, "name"); !ok {
		r.Unread = wrongName.In(r.In + "name")
	}
	if r.PhoneNumber, ok = field(fields, "phoneNumber"); !ok {
		r.PhoneNumber = "" // and that is refused as no number
	}
	if route == UAT {
		r.Info = ""
	} else {
		r.Email = ""
	}
	return r, nil
}

// object reads the names of an object as they are written: encoding/json would take PHONENUMBER for phoneNumber.
func object(b []byte) (map[string]json.RawMessage, error) {
	if b = bytes.TrimSpace(b); len(b) == 0 || b[0] != '{' {
		return nil, fault.New(fault.Invalid, "not an object")
	}
	var fields map[string]json.RawMessage
	return fields, json.Unmarshal(b, &fields)
}

// field is a string, empty where there is none or null; it is not ok where something else stands there.
func field(fields map[string]json.RawMessage, name string) (s string, ok bool) {
	raw, there := fields[name]
	if !there || string(raw) == "null" {
		return "", true
	}
	return s, raw[0] == '"' && json.Unmarshal(raw, &s) == nil
}

var (
	wrongName  = fault.Newf(fault.Invalid, "name must be a text of 1 to %d characters.", maxName).Coded("invalid_name")
	wrongEmail = fault.New(fault.Invalid, "email must be an address such as someone@example.com.").Coded("invalid_email")
	wrongInfo  = fault.Newf(fault.Invalid, "info must be a text of at most %d characters.", maxInfo).Coded("invalid_info")
)

// checked is a request whose fields are valid.
type checked struct {
	Request
	to Number
}

// check is the first step of security's order: the number and the fields.
func (g Guards) check(r Request) (checked, error) {
	to, err := ParseNumber(r.PhoneNumber, g.DefaultRegion)
	if err != nil {
		return checked{}, fault.From(err).In(r.In + "phoneNumber")
	}
	if r.Unread != nil {
		return checked{}, r.Unread
	}
	c := checked{Request: r, to: to}
	if c.Name = clean(r.Name); c.Name == "" || utf8.RuneCountInString(c.Name) > maxName {
		return checked{}, wrongName.In(r.In + "name")
	}
	if r.Email != "" && !address(r.Email) {
		return checked{}, wrongEmail.In(r.In + "email")
	}
	if c.Info = strings.ToValidUTF8(r.Info, "\ufffd"); utf8.RuneCountInString(c.Info) > maxInfo {
		return checked{}, wrongInfo.In(r.In + "info")
	}
	if r.AssistantID == "" {
		if r.Route == Hyperscale {
			return checked{}, fault.New(fault.Unavailable, "Outbound calls are not set up: there is no assistant for them.").Coded("outbound_not_set_up")
		}
		return checked{}, fault.New(fault.Invalid, "assistantId must name an assistant.").Coded("invalid_assistant_id").In("assistantId")
	}
	if err := validKey(r.IdemKey); err != nil {
		return checked{}, err
	}
	return c, nil
}

// clean is a name as it may be repeated: composed, in one line, without anything that does not show.
func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	return strings.TrimSpace(norm.NFC.String(name))
}

// address reports whether a text is one bare e-mail address.
func address(s string) bool {
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
