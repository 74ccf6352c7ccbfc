package aurora

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/core/fault"
)

// Message is what a voice provider posted to the webhook, under "message". It is read leniently: a field of an
// unexpected type reads as absent, an object may be a JSON string of itself, a number may be a string.
type Message struct {
	fields map[string]any
	kind   string
}

// ParseMessage reads a webhook body. It fails, naming the field, where the body is no JSON object, or has no message
// object with a type; nothing else about the message can make it fail.
func ParseMessage(body []byte) (Message, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // 1e400 is valid JSON, and no float
	var whole any
	if err := d.Decode(&whole); err != nil {
		return Message{}, fault.New(fault.Invalid, "The body must be a JSON object.").WithCode("invalid_json").WithParam("body").Because(err)
	}
	if d.InputOffset() < int64(len(bytes.TrimRight(body, " \t\r\n"))) {
		return Message{}, fault.New(fault.Invalid, "The body must be one JSON object, with nothing after it.").WithCode("invalid_json").WithParam("body")
	}
	top, ok := whole.(map[string]any)
	if !ok {
		return Message{}, fault.New(fault.Invalid, "The body must be a JSON object.").WithCode("invalid_json").WithParam("body")
	}
	fields, ok := top["message"].(map[string]any)
	if !ok {
		return Message{}, fault.New(fault.Invalid, "message must be an object that has a type.").WithCode("invalid_message").WithParam("message")
	}
	m := Message{fields: fields}
	if m.kind, ok = fields["type"].(string); !ok || m.kind == "" {
		return Message{}, fault.New(fault.Invalid, "message.type must be a string such as assistant-request.").WithCode("invalid_message").WithParam("message.type")
	}
	return m, nil
}

// Type is the message's type, as sent; never empty.
func (m Message) Type() string { return m.kind }

// Has reports whether there is anything but null at the path.
func (m Message) Has(path string) bool { return m.lookup(path) != nil }

// Text is the first of the paths that holds a string that is not blank, or a number; without surrounding space.
func (m Message) Text(paths ...string) string {
	for _, path := range paths {
		if s := scalarText(m.lookup(path)); s != "" {
			return s
		}
	}
	return ""
}

// Number is the first of the paths that holds a finite number of at least 0, which may be written as a string.
func (m Message) Number(paths ...string) (n float64, ok bool) {
	for _, path := range paths {
		n, err := strconv.ParseFloat(scalarText(m.lookup(path)), 64)
		if err == nil && n >= 0 && !math.IsInf(n, 0) { // NaN is not >= 0
			return n, true
		}
	}
	return 0, false
}

// Time is the first of the paths that holds a time in this century: RFC 3339, or seconds or milliseconds since 1970.
// It is the zero time where none does.
func (m Message) Time(paths ...string) time.Time {
	for _, path := range paths {
		if t, ok := parseTime(scalarText(m.lookup(path))); ok {
			return t
		}
	}
	return time.Time{}
}

// List is the first of the paths that holds a list that is not empty, which may be a JSON string of itself.
func (m Message) List(paths ...string) []any {
	for _, path := range paths {
		if list, ok := expandJSON(m.lookup(path)).([]any); ok && len(list) > 0 {
			return list
		}
	}
	return nil
}

// Value is what stands at the first of the paths where anything does, as it came. Numbers are json.Number.
func (m Message) Value(paths ...string) any {
	for _, path := range paths {
		if v := m.lookup(path); v != nil {
			return v
		}
	}
	return nil
}

// Objects are the objects of the list at the path, to be read as messages are; the list may be a JSON string of itself.
func (m Message) Objects(path string) []Message {
	var objects []Message
	for _, v := range m.List(path) {
		if fields, ok := expandJSON(v).(map[string]any); ok {
			objects = append(objects, Message{fields: fields})
		}
	}
	return objects
}

// Phone is the first of the paths that can be written in E.164.
func (m Message) Phone(paths ...string) (p Phone, ok bool) {
	for _, path := range paths {
		if p, ok := ParsePhone(scalarText(m.lookup(path))); ok {
			return p, true
		}
	}
	return "", false
}

// Texts are the texts at all of the paths, each once, in the order of the paths.
func (m Message) Texts(paths ...string) []string {
	var ids []string
	for _, path := range paths {
		if id := scalarText(m.lookup(path)); id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// lookup follows a dotted path through objects. An object that came as a string is put in the string's place, so that it is
// read once and not for every path.
func (m Message) lookup(path string) any {
	object := m.fields
	for {
		name, rest, more := strings.Cut(path, ".")
		if !more {
			return object[name]
		}
		v := expandJSON(object[name])
		inner, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		object[name] = inner
		object, path = inner, rest
	}
}

// expandJSON gives the object or list that a JSON string holds, and anything else as it is.
func expandJSON(v any) any {
	s, ok := v.(string)
	if !ok {
		return v
	}
	s = strings.TrimSpace(s)
	if !strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "[") {
		return v
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var inner any
	if d.Decode(&inner) != nil {
		return v
	}
	return inner
}

// scalarText writes a string or number as text; anything else is none.
func scalarText(v any) string {
	switch v := v.(type) {
	case string:
		return strings.TrimSpace(v)
	case json.Number:
		return v.String()
	default:
		return ""
	}
}

// Times outside these years are clocks that were never set, or units that nobody sends.
const minYear, maxYear = 2000, 2100

func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || !(math.Abs(n) < 1e15) {
			return time.Time{}, false
		}
		if n < 1e11 { // in seconds that is the year 5138, in milliseconds 1973
			n *= 1000
		}
		t = time.UnixMilli(int64(n))
	}
	t = t.UTC()
	return t, t.Year() >= minYear && t.Year() < maxYear
}

// IsObject reports whether there is an object at the path, or a JSON string of one.
func (m Message) IsObject(path string) bool {
	_, ok := expandJSON(m.lookup(path)).(map[string]any)
	return ok
}

// AssistantNumber is which of our numbers the message is about, where it says so in E.164.
func (m Message) AssistantNumber() (Phone, bool) { return m.Phone(assistantNumberPaths...) }
