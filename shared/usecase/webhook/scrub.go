package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/redact"
)

// Scrubbed is a JSON text without credentials.
type Scrubbed struct {
	JSON []byte
	// Hash names the content, in hexadecimal: the SHA-256 of the text without message.timestamp and the members whose
	// names begin with presigned, which differ between two deliveries of one report.
	Hash string
	// Removed is how many values were replaced.
	Removed int
}

// Scrub replaces the credentials in a JSON text, those in strings that are JSON themselves among them. All else stays
// as it is, but for white space and text that is no UTF-8. It takes what encoding/json takes.
func Scrub(body []byte) (Scrubbed, error) {
	s := newScrubber(body)
	s.sum = sha256.New()
	err := s.copyValue(&position{})
	if err != nil {
		return Scrubbed{}, fault.New(fault.Invalid, "The body must be a JSON object.").WithCode("invalid_json").WithParam("body").Because(err)
	}
	return Scrubbed{JSON: s.out.Bytes(), Hash: hex.EncodeToString(s.sum.Sum(nil)), Removed: s.removed}, nil
}

// scrubber copies one JSON text token by token, into out and, where it is not muted, into the hash.
type scrubber struct {
	in      *jsontext.Decoder
	out     bytes.Buffer
	sum     hash.Hash // nil for a text inside a string
	muted   int
	removed int
}

// newScrubber reads JSON as freely as encoding/json does: names may occur twice, text may be no UTF-8.
func newScrubber(text []byte) *scrubber {
	s := &scrubber{in: jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	s.out.Grow(len(text))
	return s
}

// position is where in the text the scrubber is; it tells message.timestamp from other timestamps.
type position struct {
	parent *position
	name   string
}

func (p *position) isTimestamp() bool {
	return p.name == "timestamp" && p.parent != nil && p.parent.name == "message" && p.parent.parent != nil && p.parent.parent.parent == nil
}

func (s *scrubber) emit(text ...byte) {
	s.out.Write(text)
	s.hash(text...)
}

func (s *scrubber) hash(text ...byte) {
	if s.sum != nil && s.muted == 0 {
		s.sum.Write(text)
	}
}

// copyValue copies the next value.
func (s *scrubber) copyValue(at *position) error {
	switch s.in.PeekKind() {
	case '{':
		return s.copyObject(at)
	case '[':
		return s.copyArray(at)
	}
	raw, err := s.in.ReadValue()
	if err != nil {
		return err
	}
	if raw[0] == '"' {
		raw = s.scrubString(raw)
	}
	s.emit(raw...)
	return nil
}

func (s *scrubber) copyArray(at *position) error {
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit('[')
	inside := &position{parent: at}
	for i := 0; s.in.PeekKind() != ']'; i++ {
		if i > 0 {
			s.out.WriteByte(',')
		}
		if err := s.copyValue(inside); err != nil {
			return err
		}
		s.hash(',') // after each item, muted ones left out, so that they leave no trace
	}
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit(']')
	return nil
}

func (s *scrubber) copyObject(at *position) error {
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit('{')
	named := "" // {"name":"X-Api-Key","value":"…"}: what the pair is about
	for i := 0; s.in.PeekKind() != '}'; i++ {
		if i > 0 {
			s.out.WriteByte(',')
		}
		raw, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		raw = toValidUTF8(bytes.Clone(raw)) // the decoder reuses its buffer
		inside := &position{parent: at, name: unquote(raw)}
		lower := strings.ToLower(inside.name)
		mute := inside.isTimestamp() || strings.HasPrefix(lower, "presigned")
		if mute {
			s.muted++
		}
		s.emit(raw...)
		s.emit(':')
		switch {
		case s.in.PeekKind() == '"' && (lower == "name" || lower == "key" || lower == "header"):
			named, err = s.copyLabel()
		case redact.IsCredentialName(inside.name), lower == "value" && redact.IsCredentialName(named):
			err = s.replaceCredential(inside)
		default:
			err = s.copyValue(inside)
		}
		if err != nil {
			return err
		}
		s.hash(',')
		if mute {
			s.muted--
		}
	}
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit('}')
	return nil
}

// copyLabel copies a string and says what it is.
func (s *scrubber) copyLabel() (string, error) {
	raw, err := s.in.ReadValue()
	if err != nil {
		return "", err
	}
	label := unquote(raw)
	s.emit(s.scrubString(raw)...)
	if strings.Contains(label, " ") { // a person's or a question's, not a header's
		return "", nil
	}
	return label, nil
}

// replaceCredential puts redact.Removed in the place of the next value. What can be no secret stays: null, true, false, "", and the
// numbers that some providers count tokens with.
func (s *scrubber) replaceCredential(at *position) error {
	switch kind := s.in.PeekKind(); kind {
	case 'n', 't', 'f':
		return s.copyValue(at)
	case '0':
		if redact.IsTokenCount(at.name) {
			return s.copyValue(at)
		}
	}
	raw, err := s.in.ReadValue()
	if err != nil {
		return err
	}
	switch string(raw) {
	case `""`, `"` + redact.Removed + `"`: // the latter by an earlier pass: nothing is removed twice
		s.emit(raw...)
		return nil
	}
	s.removed++
	s.emit([]byte(`"` + redact.Removed + `"`)...)
	return nil
}

// scrubString is a string without the credentials in it: as JSON where it is JSON, by their look where it is prose.
func (s *scrubber) scrubString(raw []byte) []byte {
	raw = toValidUTF8(raw)
	if len(raw) < len(`"{}"`) {
		return raw
	}
	said := unquote(raw)
	if trimmed := strings.TrimLeft(said, " \t\r\n"); trimmed != "" && strings.IndexByte(`{["`, trimmed[0]) >= 0 && json.Valid([]byte(trimmed)) {
		inner := newScrubber([]byte(trimmed))
		if inner.copyValue(&position{}) == nil {
			if inner.removed == 0 {
				return raw
			}
			s.removed += inner.removed
			return quote(inner.out.String())
		}
	}
	if mended, n := redact.Credentials(said); n > 0 {
		s.removed += n
		return quote(mended)
	}
	return raw
}

// toValidUTF8 is a quoted string in UTF-8. Each byte that is none becomes U+FFFD, as in encoding/json.
func toValidUTF8(raw []byte) []byte {
	if utf8.Valid(raw) {
		return raw
	}
	return quote(unquote(raw))
}

// unquote is what a quoted string says. One that is no UTF-8 is mended.
func unquote(raw []byte) string {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	said, err := jsontext.AppendUnquote(nil, raw)
	if err == nil {
		return string(said)
	}
	var s string // text that is no UTF-8, which only encoding/json mends
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw) // cannot be: the decoder has read it as a string
	}
	return s
}

func quote(s string) []byte {
	raw, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		raw, _ = json.Marshal(s) // s is no UTF-8, which unquote never gives
	}
	return raw
}
