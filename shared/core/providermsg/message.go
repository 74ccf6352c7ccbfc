package providermsg

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Message is a provider's message: what the webhook's body holds under "message". A field of an unexpected type reads as
// absent, an object or list may be a JSON string of itself, and a number may be a string.
type Message struct {
	fields      map[string]any
	messageType string
}

// ParseMessage reads a webhook body. It returns a fault.Invalid that names the field if the body is not a JSON object, or
// has no message object with a type. Nothing else in a message is an error.
func ParseMessage(body []byte) (Message, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // 1e400 is a valid JSON number, but not a float64
	var decoded any
	if err := d.Decode(&decoded); err != nil {
		return Message{}, errInvalidJSON("The body must be a JSON object.").Because(err)
	}
	if d.InputOffset() < int64(len(bytes.TrimRight(body, " \t\r\n"))) {
		return Message{}, errInvalidJSON("The body must be one JSON object, with nothing after it.")
	}
	top, ok := decoded.(map[string]any)
	if !ok {
		return Message{}, errInvalidJSON("The body must be a JSON object.")
	}
	fields, ok := top["message"].(map[string]any)
	if !ok {
		return Message{}, fault.New(fault.Invalid, "message must be an object that has a type.").WithCode("invalid_message").WithParam("message")
	}
	m := Message{fields: fields}
	if m.messageType, ok = fields["type"].(string); !ok || m.messageType == "" {
		return Message{}, fault.New(fault.Invalid, "message.type must be a string such as assistant-request.").WithCode("invalid_message").WithParam("message.type")
	}
	return m, nil
}

func errInvalidJSON(message string) *fault.Error {
	return fault.New(fault.Invalid, message).WithCode("invalid_json").WithParam("body")
}

// Type returns the message's type as sent. It is never empty.
func (m Message) Type() string { return m.messageType }

// Has reports whether there is anything but null at the path.
func (m Message) Has(path string) bool { return m.lookup(path) != nil }

// IsObject reports whether there is an object at the path, or a JSON string of one.
func (m Message) IsObject(path string) bool {
	_, ok := expandJSON(m.lookup(path)).(map[string]any)
	return ok
}

// Text returns the first of the paths that holds a number, or a string that is not blank. Space around it is removed.
func (m Message) Text(paths ...string) string {
	for _, path := range paths {
		if s := scalarText(m.lookup(path)); s != "" {
			return s
		}
	}
	return ""
}

// Texts returns the texts at all of the paths, each once, in the order of the paths.
func (m Message) Texts(paths ...string) []string { return textsAt(m.textAt, paths) }

// textAt returns the text at one path, empty if there is none.
func (m Message) textAt(path string) string { return scalarText(m.lookup(path)) }

func textsAt(textAt func(path string) string, paths []string) []string {
	var texts []string
	for _, path := range paths {
		if s := textAt(path); s != "" && !slices.Contains(texts, s) {
			texts = append(texts, s)
		}
	}
	return texts
}

// Number returns the first of the paths that holds a finite number of at least 0, which may be written as a string.
func (m Message) Number(paths ...string) (n float64, ok bool) {
	for _, path := range paths {
		n, err := strconv.ParseFloat(m.textAt(path), 64)
		if err == nil && n >= 0 && !math.IsInf(n, 0) { // NaN is not >= 0
			return n, true
		}
	}
	return 0, false
}

// Time returns the first of the paths that holds a time in this century, in one of the forms that parseTime reads.
// It returns the zero time if none does.
func (m Message) Time(paths ...string) time.Time { return timeAt(m.textAt, paths) }

func timeAt(textAt func(path string) string, paths []string) time.Time {
	for _, path := range paths {
		if t, ok := parseTime(textAt(path)); ok {
			return t
		}
	}
	return time.Time{}
}

// List returns the first of the paths that holds a list that is not empty, which may be a JSON string of itself.
func (m Message) List(paths ...string) []any {
	for _, path := range paths {
		if list, ok := expandJSON(m.lookup(path)).([]any); ok && len(list) > 0 {
			return list
		}
	}
	return nil
}

// Value returns the first of the paths that holds anything, as it came. Numbers are json.Number.
func (m Message) Value(paths ...string) any {
	for _, path := range paths {
		if v := m.lookup(path); v != nil {
			return v
		}
	}
	return nil
}

// Objects returns the objects of the list at the path, to be read as messages are. The list, and each object, may be a
// JSON string of itself.
func (m Message) Objects(path string) []Message {
	var objects []Message
	for _, v := range m.List(path) {
		if fields, ok := expandJSON(v).(map[string]any); ok {
			objects = append(objects, Message{fields: fields})
		}
	}
	return objects
}

// Phone returns the first of the paths that holds a number that can be written in E.164.
func (m Message) Phone(paths ...string) (p aurora.Phone, ok bool) {
	for _, path := range paths {
		if p, ok := aurora.ParsePhone(m.textAt(path)); ok {
			return p, true
		}
	}
	return "", false
}

// lookup follows a dotted path through objects. An object that came as a JSON string replaces the string, so that it is
// decoded once and not again for every path.
func (m Message) lookup(path string) any {
	object := m.fields
	for {
		name, rest, more := strings.Cut(path, ".")
		if !more {
			return object[name]
		}
		inner, ok := expandJSON(object[name]).(map[string]any)
		if !ok {
			return nil
		}
		object[name] = inner
		object, path = inner, rest
	}
}

// expandJSON returns the object or list that a JSON string holds, and anything else as it is.
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

// scalarText returns a string or a number as text, and an empty text for anything else.
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

// Times outside these years come from clocks that were never set, or from units that are not read.
const minYear, maxYear = 2000, 2100

// isoLayouts are forms of ISO 8601 that RFC 3339 does not allow. Without an offset a time is in UTC. Go reads a fraction of a
// second after the seconds of any of them.
var isoLayouts = []string{time.RFC3339, "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00",
	"2006-01-02T15:04", "20060102T150405Z0700", "20060102T150405"}

// textLayouts are the forms of times in mails, in HTTP, in logs and in JavaScript.
var textLayouts = []string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700",
	time.RFC850, time.ANSIC, time.UnixDate, "Mon Jan 2 2006 15:04:05 GMT-0700"}

func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		var ok bool
		if n, numErr := strconv.ParseFloat(s, 64); numErr == nil {
			t, ok = timeSince1970(n)
		} else {
			t, ok = parseOtherTime(s)
		}
		if !ok {
			return time.Time{}, false
		}
	}
	t = t.UTC()
	return t, t.Year() >= minYear && t.Year() < maxYear
}

// timeSince1970 reads seconds, milliseconds or microseconds. A time of this century in one unit is out of it in the others.
func timeSince1970(n float64) (time.Time, bool) {
	switch {
	case !(math.Abs(n) < 1e17):
		return time.Time{}, false
	case n >= 1e14:
		n /= 1000
	case n < 1e11: // as seconds that is the year 5138, as milliseconds 1973
		n *= 1000
	}
	return time.UnixMilli(int64(n)), true
}

const maxTimeLength = 80 // of a text that can be a time

// parseOtherTime reads a time in one of isoLayouts or textLayouts. Date and time may be separated by spaces, the date may have
// slashes, and letters may be of either case.
func parseOtherTime(s string) (time.Time, bool) {
	s, _, _ = strings.Cut(s, " (") // the name of the zone, which JavaScript adds
	s = strings.ToUpper(s)
	if len(s) < len("20060102T150405") || len(s) > maxTimeLength {
		return time.Time{}, false
	}
	layouts := textLayouts
	if s[0] >= '0' && s[0] <= '9' && s[3] >= '0' && s[3] <= '9' {
		layouts = isoLayouts
		if date, clock, ok := strings.Cut(s, " "); ok { // 2026-11-25 01:44:32.5 +00:00, perhaps with UTC after the offset or in its place
			clock = strings.TrimSuffix(strings.TrimSuffix(strings.ReplaceAll(clock, " ", ""), "UTC"), "GMT")
			s = date + "T" + clock
		}
		s = strings.Replace(s, "/", "-", 2)
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, s); err == nil {
			return t, isKnownZone(t)
		}
	}
	return time.Time{}, false
}

// isKnownZone reports whether a time's zone was written as an offset, or is UTC: Go takes an abbreviation that it does not
// know for an offset of zero.
func isKnownZone(t time.Time) bool {
	name, offset := t.Zone()
	return offset != 0 || name == "" || name == "UTC" || name == "GMT" || name == "Z"
}
